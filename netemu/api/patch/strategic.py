"""Strategic merge patch: lists of objects merge by a key that the kind's schema names.

Source: https://github.com/kubernetes/community/blob/master/contributors/devel/sig-api-machinery/strategic-merge-patch.md
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from netemu.api import schema
from netemu.api.errors import BadRequestError
from netemu.api.kinds import Kind
from netemu.api.patch.order import merge_order
from netemu.api.schema import Shape

DIRECTIVE = "$patch"
RETAIN_KEYS = "$retainKeys"
DELETE_FROM = "$deleteFromPrimitiveList/"
SET_ORDER = "$setElementOrder/"

Json = dict[str, Any]


def strategic_merge_patch(kind: Kind, original: Json, patch: Json) -> Json:
    """Apply a strategic merge patch to an object of a kind.

    Raises:
        BadRequestError: the patch contradicts itself, lacks a merge key, or has an unknown directive.

    """
    if not isinstance(patch, dict):
        raise BadRequestError("a strategic merge patch is an object")
    return _merge_object(original, patch, schema.shape_of(kind))


def merges(shape: Shape | None) -> bool:
    """Tell whether a list merges item by item instead of being replaced."""
    return shape is not None and "merge" in shape.strategies


def _merge_object(original: Json, patch: Json, shape: Shape | None) -> Json:
    if DIRECTIVE in patch:
        return _directed(patch)
    merged = _retained(original, patch)
    orders = {key.removeprefix(SET_ORDER): value for key, value in patch.items() if key.startswith(SET_ORDER)}
    for key, value in patch.items():
        if key.startswith(DELETE_FROM):
            _delete_primitives(merged, key.removeprefix(DELETE_FROM), value)
    for key, value in patch.items():
        if not _is_directive(key):
            _merge_field(merged, key, value, schema.child(shape, key))
    for key, order in orders.items():
        _reorder(merged, key, _list(order, SET_ORDER + key), original.get(key), schema.child(shape, key))
    return merged


def _directed(patch: Json) -> Json:
    match patch[DIRECTIVE]:
        case "replace":
            replacement: Json = _undirected(patch)
            return replacement
        case "delete":
            return {}
        case "merge":
            raise BadRequestError("the directive $patch: merge has no meaning for an object: leave it out")
        case other:
            raise BadRequestError(f"unknown patch type: {other!r} (delete and replace are known)")


def _retained(original: Json, patch: Json) -> Json:
    """Copy the object; with ``$retainKeys`` only those of its fields."""
    if RETAIN_KEYS not in patch:
        return dict(original)
    kept = _list(patch[RETAIN_KEYS], RETAIN_KEYS)
    for key, value in patch.items():
        if value is not None and not key.startswith("$") and key not in kept:
            raise BadRequestError(f"the patch sets {key}, which its {RETAIN_KEYS} list does not keep")
    return {key: value for key, value in original.items() if key in kept}


def _merge_field(merged: Json, key: str, value: Any, shape: Shape | None) -> None:
    if value is None:
        merged.pop(key, None)
    elif type(merged.get(key)) is not type(value):
        merged[key] = _undirected(value)
    elif isinstance(value, dict):
        is_replaced = shape is not None and "replace" in shape.strategies
        merged[key] = _undirected(value) if is_replaced else _merge_object(merged[key], value, shape)
    elif isinstance(value, list) and merges(shape):
        merged[key] = _merge_list(merged[key], value, shape)
    else:
        merged[key] = _undirected(value)


def _merge_list(original: list[Any], patch: list[Any], shape: Shape | None) -> list[Any]:
    key = shape.merge_key if shape is not None else ""
    if not key:
        return merge_order(_unique([*original, *patch]), patch, original, "")
    if any(isinstance(item, dict) and item.get(DIRECTIVE) == "replace" for item in patch):
        return [_undirected(item) for item in patch if not (isinstance(item, dict) and DIRECTIVE in item)]
    merged, changes = _without_deleted(original, patch, key)
    for change in changes:
        _merge_item(merged, change, key, _item(shape))
    return merge_order(merged, changes, original, key)


def _without_deleted(original: list[Any], patch: list[Any], key: str) -> tuple[list[Any], list[Json]]:
    """Apply the items that are directives; give what is left of both lists."""
    gone, changes = [], []
    for item in patch:
        value = _key_of(item, key)
        match item.get(DIRECTIVE):
            case None:
                changes.append(item)
            case "delete":
                gone.append(value)
            case other:
                raise BadRequestError(f"unknown patch type: {other!r} (delete and replace are known)")
    return [item for item in original if _value_of(item, key) not in gone], changes


def _merge_item(merged: list[Any], change: Json, key: str, shape: Shape | None) -> None:
    wanted = change[key]
    for index, item in enumerate(merged):
        if _value_of(item, key) == wanted:
            merged[index] = _merge_object(item, change, shape)
            return
    merged.append(_undirected(change))


def _delete_primitives(merged: Json, key: str, gone: Any) -> None:
    gone = _list(gone, DELETE_FROM + key)
    if isinstance(merged.get(key), list):
        merged[key] = [item for item in merged[key] if item not in gone]


def _reorder(merged: Json, key: str, order: list[Any], before: Any, shape: Shape | None) -> None:
    items = merged.get(key)
    if isinstance(items, list) and merges(shape):
        assert shape is not None
        merged[key] = merge_order(items, order, before if isinstance(before, list) else [], shape.merge_key)


def _undirected(value: Any) -> Any:
    """Drop directives and ``null`` fields from what becomes part of the object as it is."""
    if isinstance(value, dict):
        return {k: _undirected(v) for k, v in value.items() if v is not None and not _is_directive(k)}
    if isinstance(value, list):
        return [_undirected(item) for item in value if not (isinstance(item, dict) and DIRECTIVE in item)]
    return value


def _is_directive(key: str) -> bool:
    return key.startswith((SET_ORDER, DELETE_FROM)) or key in (DIRECTIVE, RETAIN_KEYS)


def _key_of(item: Any, key: str) -> Any:
    if not isinstance(item, dict) or key not in item:
        raise BadRequestError(f"map: {item!r} does not contain declared merge key: {key}")
    return item[key]


def _value_of(item: Any, key: str) -> Any:
    return item.get(key) if isinstance(item, dict) else None


def _item(shape: Shape | None) -> Shape | None:
    owner = schema.resolve(shape)
    return owner.items if owner is not None else None


def _list(value: Any, name: str) -> list[Any]:
    if not isinstance(value, list):
        raise BadRequestError(f"{name} is a list, got {value!r}")
    return value


def _unique(items: Iterable[Any]) -> list[Any]:
    seen: list[Any] = []
    for item in items:
        if item not in seen:
            seen.append(item)
    return seen
