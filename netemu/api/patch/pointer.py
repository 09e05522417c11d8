"""JSON pointers (RFC 6901): read and change one place in a JSON value, which is copied on the way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Pointer = tuple[str, ...]


class Missing(LookupError):
    """There is nothing at that place."""


def parse_pointer(text: str) -> Pointer:
    """Split a pointer into its unescaped parts; the empty text is the whole document."""
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in text.split("/")[1:])


def get(document: Any, path: Pointer) -> Any:
    """Read a place.

    Raises:
        Missing: there is none.

    """
    for depth, part in enumerate(path):
        document = _step(document, part, path[: depth + 1])
    return document


def add(document: Any, path: Pointer, value: Any) -> Any:
    """Set a field, or insert an item before an index (``-``: after the last)."""
    return _change(document, path, lambda owner, part: _inserted(owner, part, value, path)) if path else value


def put(document: Any, path: Pointer, value: Any) -> Any:
    """Replace what is there."""
    get(document, path)
    return _change(document, path, lambda owner, part: _replaced(owner, part, value)) if path else value


def remove(document: Any, path: Pointer) -> Any:
    """Take away what is there."""
    get(document, path)
    return _change(document, path, _removed) if path else None


def _change(document: Any, path: Pointer, edit: Callable[[Any, str], Any], depth: int = 0) -> Any:
    part = path[depth]
    if depth == len(path) - 1:
        return edit(document, part)
    below = _step(document, part, path[: depth + 1])
    return _replaced(document, part, _change(below, path, edit, depth + 1))


def _step(owner: Any, part: str, path: Pointer) -> Any:
    if isinstance(owner, dict) and part in owner:
        return owner[part]
    if isinstance(owner, list):
        return owner[_index(part, len(owner) - 1, path)]
    raise _missing(path)


def _inserted(owner: Any, part: str, value: Any, path: Pointer) -> Any:
    if isinstance(owner, dict):
        return {**owner, part: value}
    if isinstance(owner, list):
        index = len(owner) if part == "-" else _index(part, len(owner), path)
        return [*owner[:index], value, *owner[index:]]
    raise _missing(path)


def _replaced(owner: Any, part: str, value: Any) -> Any:
    if isinstance(owner, dict):
        return {**owner, part: value}
    index = int(part)
    return [*owner[:index], value, *owner[index + 1 :]]


def _removed(owner: Any, part: str) -> Any:
    if isinstance(owner, dict):
        return {key: value for key, value in owner.items() if key != part}
    index = int(part)
    return [*owner[:index], *owner[index + 1 :]]


def _index(part: str, last: int, path: Pointer) -> int:
    if not (part.isascii() and part.isdigit()) or (len(part) > 1 and part[0] == "0") or int(part) > last:
        raise _missing(path)
    return int(part)


def _missing(path: Pointer) -> Missing:
    text = "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in path)
    return Missing(f'doc is missing path: "{text}": missing value')
