"""Whether a schema is structural: every field has a type, outside of combinations. Pure.

Source: https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema
and apiextensions-apiserver ``pkg/apiserver/schema/validation.go`` (wording).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec.structs import replace

from netemu.api.causes import bad_value, forbidden, not_supported, required
from netemu.api.crd.schema import EMBEDDED, INT_OR_STRING, PRESERVE
from netemu.api.crd.values import json_type, violations
from netemu.api.crd.version import Json
from netemu.api.errors import Cause
from netemu.api.schema import wrong_types

_PROPS = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps"
_NAMES = {
    "array": "an array",
    "string": "a string",
    "integer": "a number",
    "number": "a number",
    "boolean": "a boolean",
}
_TYPES = ("array", "boolean", "integer", "number", "object", "string")
_UNSUPPORTED = ("$ref", "definitions", "dependencies", "id", "patternProperties")
_OUTSIDE = {
    "additionalProperties": "must be undefined to be structural",
    "default": "must be undefined to be structural",
    "description": "must be empty to be structural",
    "nullable": "must be false to be structural",
    "title": "must be empty to be structural",
    "type": "must be empty to be structural",
    PRESERVE: "must be undefined to be structural",
    EMBEDDED: "must be false to be structural",
    INT_OR_STRING: "must be false to be structural",
}
_LIST_TYPES = ("atomic", "map", "set")


def check_structure(schema: Json, path: str) -> Iterator[Cause]:
    """Check the schema of one version."""
    misshaped = list(_check_shapes(schema, path))
    if misshaped:
        yield from misshaped
        return
    type_ = schema.get("type")
    if not type_:
        yield required(f"{path}.type", "must not be empty at the root")
    elif type_ != "object":
        yield bad_value(f"{path}.type", type_, "must be object at the root")
    metadata = (schema.get("properties") or {}).get("metadata") or {}
    extra = set(metadata.get("properties") or {}) - {"name", "generateName"}
    if extra or set(metadata) - {"type", "properties", "description"}:
        yield forbidden(
            f"{path}.properties[metadata]",
            "must not specify anything other than name and generateName, but metadata is implicitly"
            " specified",
        )
    yield from _check_node(schema, path)


def _check_shapes(schema: Json, path: str) -> Iterator[Cause]:
    """Check the types of what the published shape leaves open: schemas of items and of any keys."""
    for name, below in (schema.get("properties") or {}).items():
        yield from _check_shapes(below, f"{path}.properties[{name}]")
    for where, below in _combined(schema, path):
        yield from _check_shapes(below, where)
    for key in ("items", "additionalProperties"):
        below, where = schema.get(key), f"{path}.{key}"
        if isinstance(below, dict):
            wrong = wrong_types(_PROPS, below)
            yield from (replace(cause, field=f"{where}.{cause.field}") for cause in wrong)
            if not wrong:
                yield from _check_shapes(below, where)
        elif below is not None and not (key == "additionalProperties" and isinstance(below, bool)):
            yield forbidden(where, f"{key} must be a schema object and not {_NAMES[json_type(below)]}")


def _check_node(schema: Json, path: str) -> Iterator[Cause]:
    yield from _check_words(schema, path)
    for name, below in (schema.get("properties") or {}).items():
        yield from _check_field(below, f"{path}.properties[{name}]", "specified object fields")
    values, items = schema.get("additionalProperties"), schema.get("items")
    if isinstance(values, dict):
        yield from _check_field(values, f"{path}.additionalProperties", "specified object fields")
    if schema.get("type") == "array" and items is None:
        yield required(f"{path}.items", "must be specified")
    elif isinstance(items, dict):
        yield from _check_field(items, f"{path}.items", "specified array items")
    for where, below in _combined(schema, path):
        yield from _check_outside(below, where, is_int_or_string=bool(schema.get(INT_OR_STRING)))
    if "default" in schema:
        yield from _check_default(schema, f"{path}.default")


def _check_field(schema: Json, path: str, what: str) -> Iterator[Cause]:
    if not schema.get("type") and not schema.get(INT_OR_STRING) and not schema.get(PRESERVE):
        yield required(f"{path}.type", f"must not be empty for {what}")
    yield from _check_node(schema, path)


def _check_words(schema: Json, path: str) -> Iterator[Cause]:
    type_ = schema.get("type")
    if type_ and type_ not in _TYPES:
        yield not_supported(f"{path}.type", type_, _TYPES)
    if schema.get(INT_OR_STRING) and type_:
        yield bad_value(f"{path}.type", type_, f"must be empty if {INT_OR_STRING} is true")
    if schema.get(EMBEDDED) and type_ != "object":
        yield bad_value(f"{path}.type", type_ or "", f"must be object if {EMBEDDED} is true")
    if schema.get(EMBEDDED) and not schema.get("properties") and not schema.get(PRESERVE):
        yield required(f"{path}.properties", f"must not be empty if {EMBEDDED} is true without {PRESERVE}")
    if schema.get("properties") and schema.get("additionalProperties"):
        yield forbidden(
            f"{path}.additionalProperties", "additionalProperties and properties are mutual exclusive"
        )
    if schema.get("additionalProperties") is False:
        yield forbidden(f"{path}.additionalProperties", "additionalProperties cannot be set to false")
    if schema.get("uniqueItems"):
        yield forbidden(
            f"{path}.uniqueItems",
            "uniqueItems cannot be set to true since the runtime complexity becomes quadratic",
        )
    for word in _UNSUPPORTED:
        if schema.get(word):
            yield forbidden(f"{path}.{word}", f"{word} is not supported")
    yield from _check_list_type(schema, path)


def _check_list_type(schema: Json, path: str) -> Iterator[Cause]:
    list_type, keys = schema.get("x-kubernetes-list-type"), schema.get("x-kubernetes-list-map-keys") or ()
    if list_type is not None and list_type not in _LIST_TYPES:
        yield not_supported(f"{path}.x-kubernetes-list-type", list_type, _LIST_TYPES)
    elif list_type is not None and schema.get("type") != "array":
        yield bad_value(
            f"{path}.type", schema.get("type", ""), "must be array if x-kubernetes-list-type is set"
        )
    elif list_type == "map" and not keys:
        yield required(
            f"{path}.x-kubernetes-list-map-keys",
            "must not be empty if x-kubernetes-list-type is map",
        )
    elif list_type == "map":
        known = ((schema.get("items") or {}).get("properties")) or {}
        for index, key in enumerate(keys):
            if key not in known:
                yield bad_value(
                    f"{path}.x-kubernetes-list-map-keys[{index}]",
                    key,
                    "must be a property in the items schema",
                )


def _check_outside(schema: Json, path: str, *, is_int_or_string: bool) -> Iterator[Cause]:
    """Check a schema within a combination: it may only restrict what the structure outside allows."""
    for word, why in _OUTSIDE.items():
        allowed = is_int_or_string and word == "type" and schema.get("type") in ("integer", "string")
        if schema.get(word) not in (None, "", False) and not allowed:
            yield forbidden(f"{path}.{word}", why)
    for name, below in (schema.get("properties") or {}).items():
        yield from _check_outside(below, f"{path}.properties[{name}]", is_int_or_string=False)
    if isinstance(schema.get("items"), dict):
        yield from _check_outside(schema["items"], f"{path}.items", is_int_or_string=False)
    for where, below in _combined(schema, path):
        yield from _check_outside(below, where, is_int_or_string=is_int_or_string)


def _combined(schema: Json, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for word in ("allOf", "anyOf", "oneOf"):
        for index, below in enumerate(schema.get(word) or ()):
            yield f"{path}.{word}[{index}]", below
    if schema.get("not") is not None:
        yield f"{path}.not", schema["not"]


def _check_default(schema: Json, path: str) -> Iterator[Cause]:
    rest = {key: value for key, value in schema.items() if key != "default"}
    yield from violations(rest, schema["default"], path)
