"""Sets of fields, as ``FieldsV1`` writes them: a tree whose keys name fields, list items and values.

``f:name`` is a field, ``k:{"name":"x"}`` the item of a list with those keys, ``v:"x"`` a value of a
set. A leaf is a member of the set; ``.`` makes a member of what has more below it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

import msgspec

Path = tuple[str, ...]
Fields = frozenset[Path]
Tree = dict[str, Any]

LEAF: Tree = {}
"""Shared by all trees, and never changed."""
SELF = "."


def read(tree: Any) -> Fields:
    """Give the members of a tree; what is no tree has none."""
    return frozenset(_members(tree, ())) if isinstance(tree, dict) else frozenset()


def write(fields: Iterable[Path]) -> Tree:
    """Give the tree of some members."""
    tree: Tree = {}
    for path in sorted(fields):
        node = tree
        for step in path[:-1]:
            below = node.get(step)
            if below is None or below is LEAF:
                node[step] = below = {} if below is None else {SELF: LEAF}
            node = below
        node[path[-1]] = LEAF
    return tree


def shared(tree: Tree) -> Tree:
    """Give an equal tree that other objects with the same fields have as well: most are alike."""
    return _decoded(msgspec.json.encode(tree))


def is_under(path: Path, roots: Iterable[Path]) -> bool:
    """Tell whether a path is one of some roots, or below one."""
    return any(path[: len(root)] == root for root in roots)


def prefixes(fields: Iterable[Path]) -> set[Path]:
    """Give all members and all that they are below of."""
    return {path[:length] for path in fields for length in range(1, len(path) + 1)}


def render(path: Path) -> str:
    """Write a path for people: ``.spec.containers[name="web"].image``."""
    return "".join(_step(step) for step in path)


def field(name: str) -> str:
    """Name a field."""
    return f"f:{name}"


def item(keys: dict[str, Any]) -> str:
    """Name the item of a list that has these keys."""
    return f"k:{msgspec.json.encode(keys, order='sorted').decode()}"


def value(of: Any) -> str:
    """Name a value of a set."""
    return f"v:{msgspec.json.encode(of, order='sorted').decode()}"


def keys_of(step: str) -> dict[str, Any]:
    """Read the keys of an item's name; empty for the name of anything else."""
    if not step.startswith("k:"):
        return {}
    try:
        keys = msgspec.json.decode(step[2:])
    except msgspec.DecodeError:
        return {}
    return keys if isinstance(keys, dict) else {}


@lru_cache(maxsize=1024)
def _decoded(tree: bytes) -> Tree:
    return msgspec.json.decode(tree, type=Tree)


def _members(tree: Tree, path: Path) -> Iterator[Path]:
    for step, below in tree.items():
        if step == SELF:
            yield path
        elif isinstance(below, dict) and below:
            yield from _members(below, (*path, step))
        else:
            yield (*path, step)


def _step(step: str) -> str:
    kind, _, rest = step.partition(":")
    match kind:
        case "f":
            return f".{rest}"
        case "k":
            keys = sorted(keys_of(step).items())
            return f"[{','.join(f'{name}={_json(of)}' for name, of in keys)}]"
        case "v":
            return f"[={rest}]"
        case _:
            return f"[{rest}]"


def _json(of: Any) -> str:
    return msgspec.json.encode(of).decode()
