"""Any object: its fields in words, as kubectl describes what it has no layout for."""

from __future__ import annotations

import re
from typing import Any

from netemu.cli.describe.head import Object, write_labels, write_name
from netemu.cli.describe.sheet import Sheet

_SKIPPED = {"metadata", "apiVersion", "kind"}
_WORD = re.compile(r"[A-Z]{2,}s?(?![a-z])|[A-Z]?[a-z0-9]+|[A-Z]")


def write_generic(sheet: Sheet, obj: Object) -> None:
    """Write the name, the labels and then every field."""
    write_name(sheet, obj)
    write_labels(sheet, obj)
    sheet.write(0, "API Version:", obj.get("apiVersion", ""))
    sheet.write(0, "Kind:", obj.get("kind", ""))
    _write_fields(sheet, {key: value for key, value in obj.items() if key not in _SKIPPED}, 0)


def field_words(name: str) -> str:
    """Render ``clusterIP`` as ``Cluster IP``; names that are not camelCase stay as they are."""
    if not name.isalnum():
        return name
    return " ".join(word[0].upper() + word[1:] for word in _WORD.findall(name))


def _write_fields(sheet: Sheet, fields: Object, indent: int) -> None:
    for key, value in sorted(fields.items()):
        title = f"{field_words(key)}:"
        if isinstance(value, dict):
            sheet.write(indent, title)
            _write_fields(sheet, value, indent + 1)
        elif isinstance(value, list):
            sheet.write(indent, title)
            _write_items(sheet, value, indent + 1)
        else:
            sheet.write(indent, title, _text(value))


def _write_items(sheet: Sheet, items: list[Any], indent: int) -> None:
    for item in items:
        if isinstance(item, dict):
            _write_fields(sheet, item, indent)
        else:
            sheet.write(indent, _text(item))


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value).replace("\n", " ").replace("\t", " ")
