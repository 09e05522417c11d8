"""Server-side Tables: what ``kubectl get`` prints of each kind. Pure.

Source: Kubernetes ``pkg/printers/internalversion/printers.go``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal

from netemu.api.client import Object
from netemu.api.kinds import Kind
from netemu.apiserver.columns import COLUMNS
from netemu.apiserver.columns.column import AGE, NAME, Column
from netemu.apiserver.columns.custom import custom_columns

IncludeObject = Literal["None", "Metadata", "Object"]

META = "meta.k8s.io/v1"
"""The version of what has no version of its own: Tables, and objects without all but their metadata."""

_DEFAULT = (NAME, AGE)


def table(
    kind: Kind, objects: Sequence[Object], now_s: float, include: IncludeObject, meta: str = META
) -> Object:
    """Give the Table of some objects of one kind, in version ``meta``; ages are as of ``now_s``."""
    columns = columns_of(kind)
    return {
        "kind": "Table",
        "apiVersion": meta,
        "metadata": {},
        "columnDefinitions": [_definition(column) for column in columns],
        "rows": list(table_rows(kind, objects, now_s, include, meta)),
    }


def table_rows(
    kind: Kind, objects: Sequence[Object], now_s: float, include: IncludeObject, meta: str = META
) -> Iterator[Object]:
    """Give the rows of some objects of one kind, one after the other."""
    columns = columns_of(kind)
    return (_row(columns, obj, now_s, include, meta) for obj in objects)


def columns_of(kind: Kind) -> tuple[Column, ...]:
    """Give the columns of a kind."""
    if kind.custom is not None:
        return custom_columns(kind.custom)
    return COLUMNS.get(kind.key, _DEFAULT)


def _definition(column: Column) -> dict[str, Any]:
    return {
        "name": column.name,
        "type": column.type,
        "format": "name" if column is NAME else column.format,
        "description": column.description,
        "priority": 1 if column.wide else 0,
    }


def _row(
    columns: Sequence[Column], obj: Object, now_s: float, include: IncludeObject, meta: str
) -> dict[str, Any]:
    row: dict[str, Any] = {"cells": [column.cell(obj, now_s) for column in columns]}
    match include:
        case "Object":
            row["object"] = obj
        case "Metadata":
            row["object"] = {
                "kind": "PartialObjectMetadata",
                "apiVersion": meta,
                "metadata": obj["metadata"],
            }
        case "None":
            pass
    return row
