"""What ``kubectl apply`` computes: from the last applied, the wanted and the current object, a patch.

Fields that were applied before and are no longer wanted go; fields that somebody else set stay.
"""

from __future__ import annotations

from typing import Any

from netemu.api import schema
from netemu.api.kinds import Kind
from netemu.api.patch.strategic import DELETE_FROM, DIRECTIVE, RETAIN_KEYS, SET_ORDER, merges
from netemu.api.schema import Shape

Json = dict[str, Any]


def three_way_patch(kind: Kind, last_applied: Json | None, modified: Json, current: Json) -> Json:
    """Compute the strategic merge patch that brings ``current`` to ``modified``.

    ``last_applied`` is what the user applied before (``None``: nothing is known, nothing is
    deleted). An empty patch means that nothing is to be done.
    """
    shape = schema.shape_of(kind) if kind.custom is None else None  # custom kinds merge as plain JSON
    return _objects(last_applied or {}, modified, current, shape)


def _objects(last: Json, modified: Json, current: Json, shape: Shape | None) -> Json:
    patch: Json = {}
    for key, wanted in modified.items():
        if wanted is not None:
            _field(patch, key, (last.get(key), wanted, current.get(key)), schema.child(shape, key))
    for key in current:
        if modified.get(key) is None and (last.get(key) is not None or key in modified):
            patch[key] = None
    return patch


def _field(patch: Json, key: str, values: tuple[Any, Any, Any], shape: Shape | None) -> None:
    last, wanted, current = values
    if isinstance(wanted, dict) and isinstance(current, dict):
        _object_field(patch, key, values, shape)
    elif isinstance(wanted, list) and isinstance(current, list) and merges(shape):
        assert shape is not None
        merge = _merge_by_key if shape.merge_key else _merge_scalars
        patch.update(merge(key, last if isinstance(last, list) else [], wanted, current, shape))
    elif not _same(wanted, current):
        patch[key] = wanted


def _object_field(patch: Json, key: str, values: tuple[Any, Json, Json], shape: Shape | None) -> None:
    last, wanted, current = values
    strategies = shape.strategies if shape is not None else frozenset()
    if "replace" in strategies:
        if not _same(wanted, current):
            patch[key] = wanted
        return
    below = _objects(last if isinstance(last, dict) else {}, wanted, current, shape)
    if below:
        patch[key] = below | ({RETAIN_KEYS: sorted(wanted)} if "retainKeys" in strategies else {})


def _merge_scalars(key: str, last: list[Any], wanted: list[Any], current: list[Any], shape: Shape) -> Json:  # noqa: ARG001
    patch: Json = {}
    added = [item for item in wanted if item not in current]
    gone = [item for item in last if item not in wanted and item in current]
    if added:
        patch[key] = added
    if gone:
        patch[DELETE_FROM + key] = gone
    if patch or not _is_ordered(wanted, current):
        patch[SET_ORDER + key] = wanted
    return patch


def _merge_by_key(key: str, last: list[Any], wanted: list[Any], current: list[Any], shape: Shape) -> Json:
    by = shape.merge_key
    if not (_is_keyed(wanted, by) and _is_keyed(current, by)):
        # Two ports of one number, say: merging by number would mix them up.
        return {} if _same(wanted, current) else {key: [*wanted, {DIRECTIVE: "replace"}]}
    changes = _item_changes(last, wanted, current, shape)
    patch: Json = {key: changes} if changes else {}
    if changes or not _is_ordered([item[by] for item in wanted], [item[by] for item in current]):
        patch[SET_ORDER + key] = [{by: item[by]} for item in wanted]
    return patch


def _item_changes(last: list[Any], wanted: list[Any], current: list[Any], shape: Shape) -> list[Json]:
    by = shape.merge_key
    owner = schema.resolve(shape)
    item_shape = owner.items if owner is not None else None
    known = {item[by]: item for item in last if isinstance(item, dict) and by in item}
    there = {item[by]: item for item in current}
    changes: list[Json] = []
    for item in wanted:
        value = item[by]
        if value not in there:
            changes.append(item)
        elif below := _objects(known.get(value, {}), item, there[value], item_shape):
            kept = {RETAIN_KEYS: sorted(item)} if "retainKeys" in shape.strategies else {}
            changes.append({by: value, **below, **kept})
    stay = {item[by] for item in wanted}
    return changes + [
        {DIRECTIVE: "delete", by: value} for value in known if value in there and value not in stay
    ]


def _is_keyed(items: list[Any], key: str) -> bool:
    """Tell whether every item has the merge key, and none has another's."""
    if not all(isinstance(item, dict) and key in item for item in items):
        return False
    return len({item[key] for item in items}) == len(items)


def _is_ordered(wanted: list[Any], current: list[Any]) -> bool:
    ranks = [current.index(item) for item in wanted]
    return ranks == sorted(ranks)


def _same(left: Any, right: Any) -> bool:
    return bool(left == right) and isinstance(left, bool) is isinstance(right, bool)
