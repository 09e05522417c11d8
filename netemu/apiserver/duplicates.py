"""Fields that come twice in a JSON or YAML body: readers keep the last one, and say nothing. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from netemu.api.errors import Cause


def duplicate_fields(body: bytes, *, is_yaml: bool = False) -> tuple[Cause, ...]:
    """Name every repeated field of a body that can be read; one that cannot be has none."""
    if is_yaml:
        from netemu.apiserver.yamlbody import repeated_keys

        return tuple(dict.fromkeys(repeated_keys(body)))
    return tuple(dict.fromkeys(_in_json(body)))


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
