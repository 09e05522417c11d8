"""Work on objects by a structural schema: drop what it does not know, fill in what it says. Pure.

Source: apiextensions-apiserver ``pkg/apiserver/schema/pruning`` and ``…/defaulting``.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from netemu.api.crd.version import Json

RESOURCE_FIELDS = ("apiVersion", "kind", "metadata")
PRESERVE = "x-kubernetes-preserve-unknown-fields"
EMBEDDED = "x-kubernetes-embedded-resource"
INT_OR_STRING = "x-kubernetes-int-or-string"


def unknown_fields(schema: Json, value: Any, path: str = "", *, is_resource: bool = True) -> Iterator[str]:
    """Give the paths of all fields that a schema does not specify."""
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _unknown_below(schema.get("items"), item, f"{path}[{index}]")
    elif isinstance(value, dict):
        for key, item in value.items():
            below = f"{path}.{key}" if path else key
            if is_resource and key in RESOURCE_FIELDS:
                continue
            known, sub = field_schema(schema, key)
            if known:
                yield from _unknown_below(sub, item, below)
            elif not schema.get(PRESERVE):
                yield below


def pruned(schema: Json, value: Any, *, is_resource: bool = True) -> Any:
    """Copy a value without the fields that a schema does not specify."""
    if isinstance(value, list):
        items = schema.get("items")
        return [_pruned_below(items, item) for item in value] if items is not None else value
    if not isinstance(value, dict):
        return value
    kept = {}
    for key, item in value.items():
        known, sub = field_schema(schema, key)
        if is_resource and key in RESOURCE_FIELDS:
            kept[key] = item
        elif known:
            kept[key] = _pruned_below(sub, item)
        elif schema.get(PRESERVE):
            kept[key] = item
    return kept


def defaulted(schema: Json, value: Any) -> Any:
    """Copy a value with every default filled in.

    A field that is ``null`` and may not be is taken as absent.
    """
    if isinstance(value, list):
        items = schema.get("items")
        return [defaulted(items, item) for item in value] if isinstance(items, dict) else value
    if not isinstance(value, dict):
        return value
    properties: Json = schema.get("properties") or {}
    filled = {}
    for key, item in value.items():
        _, sub = field_schema(schema, key)
        if item is not None:
            filled[key] = defaulted(sub, item) if sub is not None else item
        elif sub is None or sub.get("nullable"):
            filled[key] = None
    for key, sub in properties.items():
        if key not in filled and "default" in sub:
            filled[key] = defaulted(sub, deepcopy(sub["default"]))
    return filled


def has_defaults(schema: Json) -> bool:
    """Tell whether some field of a schema has a default."""
    below = (
        schema.get("items"),
        schema.get("additionalProperties"),
        *(schema.get("properties") or {}).values(),
    )
    return "default" in schema or any(has_defaults(sub) for sub in below if isinstance(sub, dict))


def field_schema(schema: Json, key: str) -> tuple[bool, Json | None]:
    """Find the schema of one field; known fields may have none (any value)."""
    properties = schema.get("properties") or {}
    if key in properties:
        return True, properties[key]
    values = schema.get("additionalProperties")
    if isinstance(values, dict):
        return True, values
    return values is True, None


def _unknown_below(schema: Json | None, value: Any, path: str) -> Iterator[str]:
    if schema is not None:
        yield from unknown_fields(schema, value, path, is_resource=bool(schema.get(EMBEDDED)))


def _pruned_below(schema: Json | None, value: Any) -> Any:
    if schema is None:
        return value
    return pruned(schema, value, is_resource=bool(schema.get(EMBEDDED)))
