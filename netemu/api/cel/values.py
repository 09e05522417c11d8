"""What expressions see of objects. Pure.

Source: https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#validation-rules
(which fields are there, and how their names are written).
"""

from __future__ import annotations

import re
from base64 import b64decode
from typing import Any

from netemu.api.crd.schema import EMBEDDED
from netemu.api.crd.version import Json

KEYWORDS = frozenset(
    (
        *("true", "false", "null", "in", "as", "break", "const", "continue", "else", "for", "function", "if"),
        *("import", "let", "loop", "package", "namespace", "return", "var", "void", "while"),
    )
)
_UNSAYABLE = {".": "__dot__", "-": "__dash__", "/": "__slash__", "__": "__underscores__"}
_UNSAYABLE_PARTS = re.compile(r"__|[./-]")
_HEAD = {"apiVersion": {"type": "string"}, "kind": {"type": "string"}}
_NAMES = {"name": {"type": "string"}, "generateName": {"type": "string"}}


def escaped(name: str) -> str:
    """Write a field's name as expressions do."""
    if name in KEYWORDS:
        return f"__{name}__"
    return _UNSAYABLE_PARTS.sub(lambda part: _UNSAYABLE[part[0]], name)


def fields_of(schema: Json, *, is_resource: bool) -> dict[str, Json]:
    """Give the fields that expressions know of an object, by their own names."""
    properties = dict(schema.get("properties") or {})
    if not is_resource:
        return properties
    return {**properties, **_HEAD, "metadata": {"type": "object", "properties": _NAMES}}


def visible(schema: Json | None, value: Any, *, is_resource: bool = False) -> Any:
    """Give a value as expressions see it: what its schema declares, with names that can be said."""
    if schema is None:
        return value
    if isinstance(value, dict):
        return _object(schema, value, is_resource=is_resource or bool(schema.get(EMBEDDED)))
    if isinstance(value, list):
        return [visible(schema.get("items"), item) for item in value]
    if schema.get("type") == "number" and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if schema.get("format") == "byte" and isinstance(value, str):
        return b64decode(value)
    return value


def _object(schema: Json, value: dict[str, Any], *, is_resource: bool) -> dict[str, Any]:
    values = schema.get("additionalProperties")
    if values:
        below = values if isinstance(values, dict) else None
        return {key: visible(below, item) for key, item in value.items()}
    fields = fields_of(schema, is_resource=is_resource)
    return {escaped(key): visible(fields[key], item) for key, item in value.items() if key in fields}
