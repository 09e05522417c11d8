"""Put a wish over an object, and take fields out of one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from netemu.api import schema
from netemu.api.apply import paths
from netemu.api.apply.paths import Fields, Path
from netemu.api.apply.structure import Division, division, item_shape, items_by_name, values_by_name
from netemu.api.schema import Shape


def merge(shape: Shape | None, live: Any, wish: Any) -> Any:
    """Give ``live`` with all that ``wish`` sets; its ``null`` fields are taken out."""
    how = division(shape, wish)
    if how is Division.WHOLE or division(shape, live) is not how:
        return without_nulls(wish)
    match how:
        case Division.FIELDS:
            return _merge_fields(shape, live, wish)
        case Division.ITEMS:
            return _merge_items(shape, items_by_name(shape, live), items_by_name(shape, wish))
        case Division.VALUES:
            return list((values_by_name(live) | values_by_name(wish)).values())


def without(shape: Shape | None, value: Any, gone: Fields, kept: Fields) -> Any:
    """Give ``value`` without the fields ``gone``, but with all that ``kept`` is in.

    What has nothing left in it goes as well.
    """
    held = paths.prefixes(kept)
    removable = {path for path in gone if path not in held}
    for path in sorted(removable, key=len):
        if not _is_key_of_kept_item(path, removable):
            value = _removed(shape, value, path, held, ())
    return value


def without_nulls(value: Any) -> Any:
    """Drop the ``null`` fields of a wish."""
    if isinstance(value, dict):
        return {key: without_nulls(one) for key, one in value.items() if one is not None}
    if isinstance(value, list):
        return [without_nulls(one) for one in value]
    return value


def _merge_fields(shape: Shape | None, live: dict[str, Any], wish: dict[str, Any]) -> dict[str, Any]:
    merged = dict(live)
    for name, value in wish.items():
        if value is None:
            merged.pop(name, None)
        elif name in live:
            merged[name] = merge(schema.child(shape, name), live[name], value)
        else:
            merged[name] = without_nulls(value)
    return merged


def _merge_items(shape: Shape | None, live: dict[str, Any], wish: dict[str, Any]) -> list[Any]:
    """Merge by name: in the order of the wish, others where they stood."""
    below = item_shape(shape)
    merged: list[Any] = []
    wanted = iter(wish.items())
    for name, item in live.items():
        if name not in wish:
            merged.append(item)
            continue
        following = next(wanted, None)
        if following is not None:
            merged.append(_merged_item(below, live, *following))
    merged.extend(_merged_item(below, live, *following) for following in wanted)
    return merged


def _merged_item(shape: Shape | None, live: dict[str, Any], name: str, wish: Any) -> Any:
    return merge(shape, live[name], wish) if name in live else without_nulls(wish)


def _is_key_of_kept_item(path: Path, gone: Iterable[Path]) -> bool:
    """Tell whether a field is a key of an item that stays: the item needs it to be itself."""
    if len(path) < 2 or path[-1].removeprefix("f:") not in paths.keys_of(path[-2]):
        return False
    return path[:-1] not in gone


def _removed(shape: Shape | None, value: Any, rest: Path, held: set[Path], at: Path) -> Any:
    name, rest = rest[0], rest[1:]
    at = (*at, name)
    match division(shape, value):
        case Division.FIELDS:
            return _without_field(shape, value, name[2:], rest, held, at)
        case Division.ITEMS:
            named = items_by_name(shape, value)
        case Division.VALUES:
            named = values_by_name(value)
        case Division.WHOLE:
            return value
    if name not in named:
        return value
    if not rest:
        return [item for other, item in named.items() if other != name]
    left = _removed(item_shape(shape), named[name], rest, held, at)
    return [left if other == name else item for other, item in named.items()]


def _without_field(
    shape: Shape | None, value: dict[str, Any], name: str, rest: Path, held: set[Path], at: Path
) -> dict[str, Any]:
    if name not in value:
        return value
    others = {key: one for key, one in value.items() if key != name}
    if not rest:
        return others
    left = _removed(schema.child(shape, name), value[name], rest, held, at)
    if left is value[name]:
        return value
    is_empty = left in ({}, []) and at not in held
    return others if is_empty else {key: left if key == name else one for key, one in value.items()}
