"""One column of a Table, and the cells that many kinds share. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal

from msgspec import Struct

from netemu.api.client import Object
from netemu.apiserver.columns.duration import human_duration
from netemu.clock import parse_rfc3339

NONE = "<none>"
UNKNOWN = "<unknown>"
UNSET = "<unset>"

Cell = str | int | float | bool | None


class Column(Struct, frozen=True):
    """A heading and how to make its cell from an object and the present moment.

    ``wide`` columns are printed with ``-o wide`` only.
    """

    name: str
    cell: Callable[[Object, float], Cell]
    wide: bool = False
    type: Literal["string", "integer", "number", "boolean", "date"] = "string"
    description: str = ""
    format: str = ""


def column(name: str, cell: Callable[[Object], Cell], *, wide: bool = False) -> Column:
    """Make a column that does not look at the time."""
    return Column(name, lambda obj, _: cell(obj), wide)


def count(name: str, cell: Callable[[Object], int], *, wide: bool = False) -> Column:
    """Make a column of numbers."""
    return Column(name, lambda obj, _: cell(obj), wide, "integer")


def age_since(moment: str | None, now_s: float) -> str:
    """Say how long ago an RFC 3339 moment was."""
    if not moment:
        return UNKNOWN
    try:
        return human_duration(now_s - parse_rfc3339(moment))
    except ValueError:
        return UNKNOWN


def field(obj: Object, *path: str) -> Any:
    """Give a nested field; ``None`` when it, or what it is in, is missing."""
    value: Any = obj
    for key in path:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def number(obj: Object, *path: str) -> int:
    """Give a nested number; 0 when it is missing."""
    return int(field(obj, *path) or 0)


def joined(values: Iterable[Any], *, empty: str = NONE) -> str:
    """Join texts with commas."""
    return ",".join(str(value) for value in values) or empty


def labels_text(labels: Mapping[str, str] | None) -> str:
    """Write labels as ``a=b,c=d``."""
    return joined(f"{key}={value}" for key, value in sorted((labels or {}).items()))


NAME = Column("Name", lambda obj, _: str(obj["metadata"]["name"]))
AGE = Column("Age", lambda obj, now_s: age_since(obj["metadata"].get("creationTimestamp"), now_s))
