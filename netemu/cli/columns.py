"""``-o custom-columns=`` and ``--sort-by``: paths into objects, as columns and as an order. Pure.

Source: https://kubernetes.io/docs/reference/kubectl/#custom-columns.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from netemu.api import quantity
from netemu.cli.jsonpath import find_all
from netemu.cli.resources import UsageError
from netemu.cli.tables import Row

NONE = "<none>"


class CustomColumn(NamedTuple):
    """A heading, and where its cells are in an object."""

    heading: str
    path: str


def parse_columns(spec: str) -> tuple[CustomColumn, ...]:
    """Read ``NAME:.metadata.name,IP:.status.podIP``.

    Raises:
        UsageError: it is something else.

    """
    columns = []
    for part in _split(spec):
        heading, colon, path = part.partition(":")
        if not colon or not path:
            raise UsageError(
                f"unexpected custom-columns spec: {part}, expected <header>:<json-path-expr>",
                hint="For example: -o custom-columns=NAME:.metadata.name,IP:.status.podIP",
            )
        columns.append(CustomColumn(heading, _path(path)))
    if not columns:
        raise UsageError("custom-columns format specified but no custom columns given")
    return tuple(columns)


def custom_rows(columns: Sequence[CustomColumn], objects: Iterable[Any], *, headings: bool) -> list[Row]:
    """Give a row for each object, below the headings."""
    head = [tuple(column.heading for column in columns)] if headings else []
    return head + [
        tuple(",".join(map(_text, find_all(column.path, obj))) or NONE for column in columns)
        for obj in objects
    ]


def sort_key(path: str) -> Callable[[Any], tuple[int, Any]]:
    """Give the order of objects by what is at a path: numbers by value, all else as text.

    An object that has nothing there comes first.
    """
    walked = _path(path)

    def key(obj: Any) -> tuple[int, Any]:
        found = find_all(walked, obj)
        if not found or found[0] is None:
            return 0, 0
        value = found[0]
        if isinstance(value, int | float):
            return 1, value
        if isinstance(value, str) and value[:1].isdigit() and quantity.is_valid(value):
            return 1, quantity.parse(value)
        return 2, _text(value)

    return key


def _path(text: str) -> str:
    """Read ``{.a.b}``, ``.a.b`` and ``a.b`` alike."""
    bare = text.strip().removeprefix("{").removesuffix("}")
    return bare if bare.startswith((".", "$", "[", "@")) else f".{bare}"


def _split(spec: str) -> list[str]:
    """Split at commas, but for those in brackets and quotes of a path."""
    parts, depth, quoted = [""], 0, ""
    for letter in spec:
        if quoted:
            quoted = "" if letter == quoted else quoted
        elif letter in "'\"":
            quoted = letter
        depth += (letter in "[(") - (letter in "])") if not quoted else 0
        if letter == "," and not depth and not quoted:
            parts.append("")
        else:
            parts[-1] += letter
    return [part for part in parts if part]


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return NONE if value is None else json.dumps(value, separators=(",", ":"))
