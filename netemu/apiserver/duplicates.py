"""Fields that come twice in a JSON or YAML body: readers keep the last one, and say nothing. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import yaml

from netemu.api.errors import Cause


def duplicate_fields(body: bytes, *, is_yaml: bool = False) -> tuple[Cause, ...]:
    """Name every repeated field of a body that can be read; one that cannot be has none."""
    causes = _in_yaml(body) if is_yaml else _in_json(body)
    return tuple(dict.fromkeys(causes))


class _Pairs(list[tuple[str, Any]]):
    """A JSON object as it was written."""


def _in_json(body: bytes) -> Iterator[Cause]:
    try:
        if _is_repetitive(body):
            yield from _walk(json.loads(body, object_pairs_hook=_Pairs), "")
    except (ValueError, RecursionError):
        return


def _is_repetitive(body: bytes) -> bool:
    """Tell whether any object has a field twice: cheap, and nearly always false."""
    found = False

    def look(pairs: list[tuple[str, Any]]) -> None:
        nonlocal found
        found = found or len({key for key, _ in pairs}) < len(pairs)

    json.loads(body, object_pairs_hook=look)
    return found


def _walk(value: Any, path: str) -> Iterator[Cause]:
    if isinstance(value, _Pairs):
        seen: set[str] = set()
        for key, item in value:
            below = f"{path}.{key}" if path else key
            if key in seen:
                yield Cause(field=below, message=f'duplicate field "{below}"')
            seen.add(key)
            yield from _walk(item, below)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _walk(item, f"{path}[{index}]")


def _in_yaml(body: bytes) -> Iterator[Cause]:
    try:
        root = yaml.compose(body, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError):
        return
    yield from _walk_nodes(root, "")


def _walk_nodes(node: Any, path: str) -> Iterator[Cause]:
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, item in node.value:
            name = str(key.value)
            below = f"{path}.{name}" if path else name
            if name in seen:
                line = key.start_mark.line + 1
                yield Cause(field=below, message=f'line {line}: key "{name}" already set in map')
            seen.add(name)
            yield from _walk_nodes(item, below)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield from _walk_nodes(item, f"{path}[{index}]")
