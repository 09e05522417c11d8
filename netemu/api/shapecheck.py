"""Closures that compare a JSON value with a shape; paths are made only where something is wrong."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, NamedTuple

from netemu.api import quantity


class Problem(Enum):
    """What can be wrong with a field's shape."""

    UNKNOWN = "unknown"
    WRONG_TYPE = "wrong type"
    MISSING = "missing"


class Finding(NamedTuple):
    """One problem; ``path`` is relative to the value that was checked, empty for itself."""

    path: str
    problem: Problem
    message: str = ""


Check = Callable[[Any], "list[Finding] | None"]


def object_of(fields: Mapping[str, Check], required: frozenset[str]) -> Check:
    """Make the check of an object whose fields are known."""

    def check_object(value: Any) -> list[Finding] | None:
        if type(value) is not dict:
            return _wrong(value, "an object")
        found: list[Finding] | None = None
        for key, item in value.items():
            check = fields.get(key)
            if check is None:
                found = [*(found or ()), Finding(_key(key), Problem.UNKNOWN)]
            elif item is not None and (below := check(item)):
                found = [*(found or ()), *_under(key, below)]
        if required and not required <= value.keys():
            gone = sorted(required - value.keys())
            found = [*(found or ()), *(Finding(key, Problem.MISSING) for key in gone)]
        return found

    return check_object


def map_of(check: Check) -> Check:
    """Make the check of an object with any keys and values of one shape."""

    def check_map(value: Any) -> list[Finding] | None:
        if type(value) is not dict:
            return _wrong(value, "an object")
        found: list[Finding] | None = None
        for key, item in value.items():
            if item is not None and (below := check(item)):
                found = [*(found or ()), *_under(key, below)]
        return found

    return check_map


def list_of(check: Check) -> Check:
    """Make the check of a list; ``null`` is no item."""

    def check_list(value: Any) -> list[Finding] | None:
        if type(value) is not list:
            return _wrong(value, "a list")
        found: list[Finding] | None = None
        for index, item in enumerate(value):
            if below := check(item):
                found = [*(found or ()), *_under(f"[{index}]", below)]
        return found

    return check_list


def scalar(type_name: str, format_name: str) -> Check:
    """Make the check of a string, number or boolean."""
    if type_name == "integer":
        return _integer(63 if format_name == "int64" else 31)
    if (type_name, format_name) in _FORMATS:
        return _FORMATS[type_name, format_name]
    return _SCALARS[type_name]


def anything(value: Any) -> list[Finding] | None:  # noqa: ARG001 - one of the checks
    """Accept every value."""
    return None


def _string(value: Any) -> list[Finding] | None:
    return None if type(value) is str else _wrong(value, "a string")


def _boolean(value: Any) -> list[Finding] | None:
    return None if type(value) is bool else _wrong(value, "a boolean")


def _number(value: Any) -> list[Finding] | None:
    return None if type(value) is int or type(value) is float else _wrong(value, "a number")


def _integer(bits: int) -> Check:
    low, high = -(1 << bits), (1 << bits) - 1

    def check_integer(value: Any) -> list[Finding] | None:
        if type(value) is not int:
            return _wrong(value, "an integer")
        if low <= value <= high:
            return None
        return [Finding("", Problem.WRONG_TYPE, f"expected an integer of {bits + 1} bits, got {value}")]

    return check_integer


def _int_or_string(value: Any) -> list[Finding] | None:
    return None if type(value) is int or type(value) is str else _wrong(value, "an integer or a string")


def _quantity(value: Any) -> list[Finding] | None:
    if type(value) is int or type(value) is float or (type(value) is str and quantity.is_valid(value)):
        return None
    if type(value) is str:
        return [Finding("", Problem.WRONG_TYPE, f'"{value}": {quantity.WORDS}')]
    return _wrong(value, "a quantity (a number, perhaps with a unit such as m, k, Mi)")


def _base64(value: Any) -> list[Finding] | None:
    if type(value) is not str:
        return _wrong(value, "base64 text")
    try:
        b64decode(value, validate=True)
    except ValueError:
        return [Finding("", Problem.WRONG_TYPE, "illegal base64 data (plain text goes into stringData)")]
    return None


def _date_time(value: Any) -> list[Finding] | None:
    if type(value) is not str:
        return _wrong(value, "a time")
    if _RFC3339.fullmatch(value):
        return None
    return [Finding("", Problem.WRONG_TYPE, f'"{value}": expected a time as in 2006-01-02T15:04:05Z')]


_RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", re.ASCII)
_FORMATS: dict[tuple[str, str], Check] = {
    ("string", "int-or-string"): _int_or_string,
    ("string", "quantity"): _quantity,
    ("string", "date-time"): _date_time,
    ("string", "byte"): _base64,
}
_SCALARS: dict[str, Check] = {"string": _string, "boolean": _boolean, "number": _number, "": anything}
_JSON_NAMES = {
    type(None): "null",
    bool: "the boolean",
    int: "the number",
    float: "the number",
    str: "the string",
    dict: "an object",
    list: "a list",
}


def _wrong(value: Any, expected: str) -> list[Finding]:
    return [Finding("", Problem.WRONG_TYPE, f"expected {expected}, got {_shown(value)}")]


def _shown(value: Any) -> str:
    name = _JSON_NAMES.get(type(value), type(value).__name__)
    if isinstance(value, bool):
        return f"{name} {str(value).lower()}"
    if isinstance(value, str):
        return f'{name} "{value[:60]}"'
    return f"{name} {value}" if isinstance(value, int | float) else name


def _under(key: str, found: list[Finding]) -> list[Finding]:
    prefix = key if key.startswith("[") else _key(key)
    return [Finding(_join(prefix, f.path), f.problem, f.message) for f in found]


def _key(key: str) -> str:
    return key if "." not in key else f"[{key}]"


def _join(prefix: str, path: str) -> str:
    if not path or path.startswith("["):
        return prefix + path
    return f"{prefix}.{path}"
