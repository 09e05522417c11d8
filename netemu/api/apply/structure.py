"""How a value divides into fields that can have owners: by its schema, or by what it is.

Without a schema, objects are divided and lists are not.
"""

from __future__ import annotations

from enum import Enum
from typing import Any

from netemu.api import schema
from netemu.api.apply import paths
from netemu.api.apply.paths import LEAF, SELF, Path, Tree
from netemu.api.schema import Shape

KEY_DEFAULTS = {"protocol": "TCP"}
"""What stands for a key that an item of a list leaves out (ports, in the published schemas)."""


class Division(Enum):
    """Into what a value divides."""

    WHOLE = "one owner for all"
    FIELDS = "fields"
    ITEMS = "items by their keys"
    VALUES = "values"


def division(shape: Shape | None, of: Any) -> Division:
    """Decide how a value divides."""
    if isinstance(of, dict):
        return Division.WHOLE if _is_atomic(shape) else Division.FIELDS
    if not isinstance(of, list) or shape is None:
        return Division.WHOLE
    match (shape if shape.list_type else schema.resolve(shape) or shape).list_type:
        case "map" if _are_keyed(of, shape):
            return Division.ITEMS
        case "set" if not any(isinstance(one, dict | list) for one in of):
            return Division.VALUES
    return Division.WHOLE


def items_by_name(shape: Shape | None, items: list[Any]) -> dict[str, Any]:
    """Give the items of a list by the names that their keys make."""
    assert shape is not None
    return {paths.item(keys_in(shape, item)): item for item in items}


def values_by_name(values: list[Any]) -> dict[str, Any]:
    """Give the values of a set by their names."""
    return {paths.value(one): one for one in values}


def keys_in(shape: Shape, item: dict[str, Any]) -> dict[str, Any]:
    """Read the keys of a list's item."""
    return {key: item.get(key, KEY_DEFAULTS.get(key)) for key in shape.list_map_keys}


def item_shape(shape: Shape | None) -> Shape | None:
    """Give the shape of a list's items."""
    owner = schema.resolve(shape)
    return owner.items if owner is not None else None


def tree_of(shape: Shape | None, of: Any, *, is_new: bool = False) -> Tree:
    """Give all fields that a value sets; in one that ``is_new``, with the maps and lists that it brings."""
    match division(shape, of):
        case Division.FIELDS:
            return _fields(shape, of, is_new=is_new)
        case Division.ITEMS:
            below = item_shape(shape)
            named = items_by_name(shape, of)
            return {name: _and_itself(tree_of(below, item, is_new=is_new)) for name, item in named.items()}
        case Division.VALUES:
            return dict.fromkeys(values_by_name(of), LEAF)
        case Division.WHOLE:
            return LEAF


def members_under(path: Path, shape: Shape | None, of: Any) -> set[Path]:
    """Give all fields that a new value at ``path`` sets, with the path itself where it comes with them."""
    tree = tree_of(shape, of, is_new=True)
    if not tree:
        return set() if of == [] and division(shape, of) is not Division.WHOLE else {path}
    found = {path + below for below in paths.read(tree)}
    return found | {path} if path[-1].startswith("k:") or _comes_with_members(shape, of) else found


def is_map(shape: Shape | None) -> bool:
    """Tell whether an object's keys are data, as those of labels are."""
    owner = schema.resolve(shape)
    return owner is not None and owner.type == "object" and not owner.properties


def _and_itself(tree: Tree) -> Tree:
    return {SELF: LEAF, **tree} if tree else LEAF


def _comes_with_members(shape: Shape | None, of: Any, *, is_required: bool = False) -> bool:
    """Tell whether a value is absent while it is empty; required maps and lists are there all the same.

    So are some structures, which ``zero`` knows.
    """
    if isinstance(of, dict) and not is_map(shape):
        return True
    return not is_required and division(shape, of) is not Division.WHOLE


def _fields(shape: Shape | None, of: dict[str, Any], *, is_new: bool) -> Tree:
    owner = schema.resolve(shape)
    properties = owner.properties if owner is not None else {}
    others = owner.additional_properties if owner is not None else None
    required = owner.required if owner is not None else ()
    tree: Tree = {}
    for name, one in of.items():
        if not isinstance(one, dict | list):
            tree[f"f:{name}"] = LEAF
            continue
        below_shape = properties.get(name) or others
        below = tree_of(below_shape, one, is_new=is_new)
        if is_new and below and _comes_with_members(below_shape, one, is_required=name in required):
            below = _and_itself(below)
        if below or isinstance(one, dict) or division(below_shape, one) is Division.WHOLE:
            tree[f"f:{name}"] = below
    return tree


def _is_atomic(shape: Shape | None) -> bool:
    if shape is None:
        return False
    owner = schema.resolve(shape)
    return shape.map_type == "atomic" or (owner is not None and owner.map_type == "atomic")


def _are_keyed(items: list[Any], shape: Shape) -> bool:
    """Tell whether every item has its keys, and none has another's."""
    names = set()
    for item in items:
        if not isinstance(item, dict):
            return False
        keys = keys_in(shape, item)
        if any(key is None for key in keys.values()):
            return False
        names.add(paths.item(keys))
    return len(names) == len(items)
