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


class Misfit(NamedTuple):
    """A value that does not fit a field, as Go's decoder tells it.

    ``struct`` is the innermost struct around it, ``field`` its path in fields, without the places in
    lists and the keys of maps.
    """

    value: str
    type: str
    struct: str = ""
    field: str = ""

    def words(self) -> str:
        """Say it as Go does."""
        where = f"struct field {self.struct}.{self.field}" if self.field else "value"
        return f"json: cannot unmarshal {self.value} into Go {where} of type {self.type}"


class Finding(NamedTuple):
    """One problem; ``path`` is relative to the value that was checked, empty for itself.

    ``message`` is for people; ``misfit`` is the same for who expects Kubernetes' words, which are
    those of Go.
    """

    path: str
    problem: Problem
    message: str = ""
    misfit: Misfit | str = ""


Check = Callable[[Any], "list[Finding] | None"]


def object_of(fields: Mapping[str, Check], required: frozenset[str], go_type: str = "") -> Check:
    """Make the check of an object whose fields are known; ``go_type`` is its struct in Go."""
    struct = go_type.rpartition(".")[2]

    def check_object(value: Any) -> list[Finding] | None:
        if type(value) is not dict:
            return _wrong(value, "an object", go_type)
        found: list[Finding] = []
        for key, item in value.items():
            check = fields.get(key)
            if check is None:
                found.append(Finding(_key(key), Problem.UNKNOWN))
            elif item is not None and (below := check(item)):
                found += _in_struct(struct, key, _under(key, below))
        if required and not required <= value.keys():
            found += (Finding(key, Problem.MISSING) for key in sorted(required - value.keys()))
        return found or None

    return check_object


def partly(fields: Mapping[str, Check], go_type: str) -> Check:
    """Make the check of an object of which only some fields are looked at."""
    check = object_of(fields, frozenset(), go_type)

    def check_fields(value: Any) -> list[Finding] | None:
        found = [each for each in check(value) or () if each.problem is not Problem.UNKNOWN]
        return found or None

    return check_fields


def map_of(check: Check, go_type: str = "map[string]interface {}") -> Check:
    """Make the check of an object with any keys and values of one shape."""

    def check_map(value: Any) -> list[Finding] | None:
        if type(value) is not dict:
            return _wrong(value, "an object", go_type)
        found: list[Finding] = []
        for key, item in value.items():
            if item is not None and (below := check(item)):
                found += _under(key, below)
        return found or None

    return check_map


def list_of(check: Check, go_type: str = "[]interface {}") -> Check:
    """Make the check of a list; ``null`` is no item."""

    def check_list(value: Any) -> list[Finding] | None:
        if type(value) is not list:
            return _wrong(value, "a list", go_type)
        found: list[Finding] = []
        for index, item in enumerate(value):
            if below := check(item):
                found += _under(f"[{index}]", below)
        return found or None

    return check_list


def scalar(type_name: str, format_name: str, go_type: str = "string") -> Check:
    """Make the check of a string, number or boolean."""
    if type_name == "integer":
        return _integer(63 if format_name == "int64" else 31)
    if type_name == "string" and not format_name:
        return _string(go_type)
    return _FORMATS.get((type_name, format_name)) or _SCALARS[type_name]


def anything(value: Any) -> list[Finding] | None:  # noqa: ARG001 - one of the checks
    """Accept every value."""
    return None


def _string(go_type: str) -> Check:
    def check_string(value: Any) -> list[Finding] | None:
        return None if type(value) is str else _wrong(value, "a string", go_type)

    return check_string


def _boolean(value: Any) -> list[Finding] | None:
    return None if type(value) is bool else _wrong(value, "a boolean", "bool")


def _number(value: Any) -> list[Finding] | None:
    return None if type(value) is int or type(value) is float else _wrong(value, "a number", "float64")


def _integer(bits: int) -> Check:
    low, high = -(1 << bits), (1 << bits) - 1
    go_type = f"int{bits + 1}"

    def check_integer(value: Any) -> list[Finding] | None:
        if type(value) is float:
            return _wrong(value, "an integer", go_type, f"number {value}")
        if type(value) is not int:
            return _wrong(value, "an integer", go_type)
        if low <= value <= high:
            return None
        message = f"expected an integer of {bits + 1} bits, got {value}"
        return [Finding("", Problem.WRONG_TYPE, message, Misfit(f"number {value}", go_type))]

    return check_integer


def _int_or_string(value: Any) -> list[Finding] | None:
    if type(value) is int or type(value) is str:
        return None
    return _wrong(value, "an integer or a string", "int32")


def _quantity(value: Any) -> list[Finding] | None:
    if type(value) is int or type(value) is float or (type(value) is str and quantity.is_valid(value)):
        return None
    if type(value) is str:
        return [Finding("", Problem.WRONG_TYPE, f'"{value}": {quantity.WORDS}', quantity.WORDS)]
    found = _wrong(value, "a quantity (a number, perhaps with a unit such as m, k, Mi)", "")
    return [finding._replace(misfit=quantity.WORDS) for finding in found]


def _base64(value: Any) -> list[Finding] | None:
    if type(value) is not str:
        return _wrong(value, "base64 text", "[]uint8")
    try:
        b64decode(value, validate=True)
    except ValueError:
        legal = _BASE64.match(value)
        said = f"illegal base64 data at input byte {legal.end() if legal else 0}"
        message = "illegal base64 data (plain text goes into stringData)"
        return [Finding("", Problem.WRONG_TYPE, message, said)]
    return None


def _date_time(value: Any) -> list[Finding] | None:
    if type(value) is not str:
        return _wrong(value, "a time", "string")
    if _RFC3339.fullmatch(value):
        return None
    message = f'"{value}": expected a time as in 2006-01-02T15:04:05Z'
    said = f'parsing time "{value}" as "{_LAYOUT}": cannot parse {_unparsed(value)}'
    return [Finding("", Problem.WRONG_TYPE, message, said)]


def _unparsed(text: str) -> str:
    """Say where a time is none, as Go does: what is left of it, and what should be there."""
    for pattern, layout in _TIME_PARTS:
        found = re.match(pattern, text, re.ASCII)
        if found is None:
            return f'"{text}" as "{layout}"'
        text = text[found.end() :]
    return f'"{text}" as ""'


_LAYOUT = "2006-01-02T15:04:05Z07:00"
_TIME_PARTS = (
    *((r"\d{4}", "2006"), ("-", "-"), (r"\d\d", "01"), ("-", "-"), (r"\d\d", "02"), ("T", "T")),
    *((r"\d\d", "15"), (":", ":"), (r"\d\d", "04"), (":", ":"), (r"\d\d(\.\d+)?", "05")),
    (r"Z|[+-]\d\d:\d\d", "Z07:00"),
)
_BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4})*[A-Za-z0-9+/]{0,3}")
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", re.ASCII)
_FORMATS: dict[tuple[str, str], Check] = {
    ("string", "int-or-string"): _int_or_string,
    ("string", "quantity"): _quantity,
    ("string", "date-time"): _date_time,
    ("string", "byte"): _base64,
}
_SCALARS: dict[str, Check] = {
    "string": _string("string"),
    "boolean": _boolean,
    "number": _number,
    "": anything,
}
_GO_VALUES = {bool: "bool", int: "number", float: "number", str: "string", dict: "object", list: "array"}
_JSON_NAMES = {
    type(None): "null",
    bool: "the boolean",
    int: "the number",
    float: "the number",
    str: "the string",
    dict: "an object",
    list: "a list",
}


def _wrong(value: Any, expected: str, go_type: str, go_value: str = "") -> list[Finding]:
    misfit = Misfit(go_value or _GO_VALUES.get(type(value), "null"), go_type)
    return [Finding("", Problem.WRONG_TYPE, f"expected {expected}, got {_shown(value)}", misfit)]


def _shown(value: Any) -> str:
    name = _JSON_NAMES.get(type(value), type(value).__name__)
    if isinstance(value, bool):
        return f"{name} {str(value).lower()}"
    if isinstance(value, str):
        return f'{name} "{value[:60]}"'
    return f"{name} {value}" if isinstance(value, int | float) else name


def _under(key: str, found: list[Finding]) -> list[Finding]:
    prefix = key if key.startswith("[") else _key(key)
    return [f._replace(path=_join(prefix, f.path)) for f in found]


def _in_struct(struct: str, name: str, found: list[Finding]) -> list[Finding]:
    """Note through which field of which struct each finding is reached."""
    return [
        f._replace(misfit=_through(struct, name, f.misfit)) if isinstance(f.misfit, Misfit) else f
        for f in found
    ]


def _through(struct: str, name: str, misfit: Misfit) -> Misfit:
    field = f"{name}.{misfit.field}" if misfit.field else name
    return misfit._replace(struct=misfit.struct or struct, field=field)


def _key(key: str) -> str:
    return key if "." not in key else f"[{key}]"


def _join(prefix: str, path: str) -> str:
    if not path or path.startswith("["):
        return prefix + path
    return f"{prefix}.{path}"
