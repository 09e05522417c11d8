"""What changed between two versions of an object, field by field."""

from __future__ import annotations

from typing import Any

from msgspec import Struct, field

from netemu.api import schema
from netemu.api.apply import paths
from netemu.api.apply.paths import Path
from netemu.api.apply.structure import (
    Division,
    division,
    item_shape,
    items_by_name,
    members_under,
    values_by_name,
)
from netemu.api.schema import Shape


class Difference(Struct):
    """The fields that were set to something new, and the roots of what is gone."""

    touched: set[Path] = field(default_factory=set)
    gone: set[Path] = field(default_factory=set)

    def __bool__(self) -> bool:
        return bool(self.touched or self.gone)


def compare(shape: Shape | None, old: Any, new: Any) -> Difference:
    """Find what changed from ``old`` to ``new``; what is equal is not looked into."""
    found = Difference()
    _compare(found, (), shape, old, new)
    return found


def _compare(found: Difference, path: Path, shape: Shape | None, old: Any, new: Any) -> None:
    if old is new or (type(old) is type(new) and old == new):
        return
    how = division(shape, new)
    if how is Division.WHOLE or division(shape, old) is not how:
        if isinstance(old, dict | list):
            found.gone.add(path)
        found.touched |= members_under(path, shape, new) if path else set()
        return
    match how:
        case Division.FIELDS:
            named = ({paths.field(name): one for name, one in side.items()} for side in (old, new))
            _compare_named(found, path, shape, *named)
        case Division.ITEMS:
            _compare_named(found, path, shape, items_by_name(shape, old), items_by_name(shape, new))
        case Division.VALUES:
            _compare_named(found, path, shape, values_by_name(old), values_by_name(new))


def _compare_named(
    found: Difference, path: Path, shape: Shape | None, old: dict[str, Any], new: dict[str, Any]
) -> None:
    for name, value in new.items():
        below = _below(shape, name)
        if name in old:
            _compare(found, (*path, name), below, old[name], value)
        else:
            found.touched |= members_under((*path, name), below, value)
    found.gone |= {(*path, name) for name in old.keys() - new.keys()}


def _below(shape: Shape | None, name: str) -> Shape | None:
    return schema.child(shape, name[2:]) if name.startswith("f:") else item_shape(shape)
