"""The columns of custom kinds: what their definition asks for. Pure.

Source: apiextensions-apiserver ``pkg/registry/customresource/tableconvertor``.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import msgspec

from netemu.api.client import Object
from netemu.api.crd.paths import PathError, find_all
from netemu.api.crd.version import CustomVersion, Json
from netemu.apiserver.columns.column import AGE, NAME, Cell, Column, age_since


@lru_cache(maxsize=512)
def custom_columns(version: CustomVersion) -> tuple[Column, ...]:
    """Give the columns of one version: its own, or the age where it has none."""
    if not version.columns:
        return (NAME, AGE)
    return (NAME, *(_column(column) for column in version.columns))


def _column(column: Json) -> Column:
    type_, path = column["type"], column["jsonPath"]

    def cell(obj: Object, now_s: float) -> Cell:
        return _cell(type_, _found(path, obj), now_s)

    return Column(
        column["name"],
        cell,
        wide=bool(column.get("priority")),
        type=type_,
        description=column.get("description")
        or f"Custom resource definition column (in JSONPath format): {path}",
        format=column.get("format") or "",
    )


def _found(path: str, obj: Object) -> list[Any]:
    try:
        return find_all(path, obj)
    except PathError:
        return []


def _cell(type_: str, found: list[Any], now_s: float) -> Cell:
    """Make a cell; what has another type than the column's is left empty."""
    if not found or found[0] is None:
        return None
    value = found[0]
    match type_:
        case "date":
            return age_since(value, now_s) if isinstance(value, str) else None
        case "integer":
            return int(value) if type(value) in (int, float) else None
        case "number":
            return value if type(value) in (int, float) else None
        case "boolean":
            return value if isinstance(value, bool) else None
        case _:
            return ",".join(_text(each) for each in found)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
