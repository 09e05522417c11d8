"""OpenAPI 2: one document for the whole API, written piece by piece."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from netemu.api.openapi.definitions import Definitions, Schema
from netemu.api.openapi.operations import Operation, operations_of, review_operations
from netemu.api.openapi.parameters import Parameter
from netemu.api.resources import group_versions
from netemu.api.served import ServedKinds

_REF = "#/definitions/"
_GVK = "x-kubernetes-group-version-kind"
_KEPT = frozenset(
    {
        "$ref",
        "additionalProperties",
        "default",
        "description",
        "enum",
        "example",
        "exclusiveMaximum",
        "exclusiveMinimum",
        "format",
        "items",
        "maximum",
        "maxItems",
        "maxLength",
        "maxProperties",
        "minimum",
        "minItems",
        "minLength",
        "minProperties",
        "multipleOf",
        "pattern",
        "properties",
        "required",
        "title",
        "type",
        "uniqueItems",
    }
)
_SECURITY = {
    "BearerToken": {
        "description": "Bearer Token authentication",
        "type": "apiKey",
        "name": "authorization",
        "in": "header",
    }
}

More = tuple[Mapping[str, Any], Mapping[str, Any]]
"""Paths and definitions of others, which are in the document, too."""
NOTHING_MORE: More = ({}, {})

encode = msgspec.json.Encoder().encode


def head(release: str) -> dict[str, Any]:
    """Give what stands around the paths and definitions."""
    return {
        "swagger": "2.0",
        "info": {"title": "Kubernetes", "version": release},
        "securityDefinitions": _SECURITY,
        "security": [{"BearerToken": []}],
    }


def render_paths(
    definitions: Definitions, kinds: ServedKinds, more: More = NOTHING_MORE
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give every path with its operations."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in _operations(definitions, kinds):
        paths.setdefault(operation.path, {})[operation.method] = _operation(operation)
    yield from paths.items()
    yield from ((path, item) for path, item in more[0].items() if path not in paths)


def render_definitions(definitions: Definitions, more: More = NOTHING_MORE) -> Iterator[tuple[str, Schema]]:
    """Give every definition, by name."""
    for name in definitions.names():
        yield name, render_schema(definitions.get_schema(name))
    known = set(definitions.names()) if more[1] else set()
    yield from ((name, schema) for name, schema in more[1].items() if name not in known)


def render_document(kinds: ServedKinds, release: str, more: More = NOTHING_MORE) -> bytes:
    """Write the document as JSON."""
    definitions = Definitions(kinds.all)
    opening = encode(head(release))[:-1]
    paths = _members(render_paths(definitions, kinds, more))
    schemas = _members(render_definitions(definitions, more))
    return b"".join([opening, b',"paths":{', paths, b'},"definitions":{', schemas, b"}}"])


def render_schema(schema: Schema) -> Schema:
    """Write a schema as OpenAPI 2 can: what it has no word for is left open."""
    if schema.get("x-kubernetes-preserve-unknown-fields"):
        if _GVK in schema:
            return {"type": "object", _GVK: schema[_GVK]}
        closed = ("type", "properties", "items", "additionalProperties", "required")
        schema = {key: value for key, value in schema.items() if key not in closed}
    made = {key: _render_word(key, schema[key]) for key in schema if key in _KEPT or key.startswith("x-")}
    if schema.get("format") == "quantity":
        del made["format"]
    return made


def _render_word(key: str, value: Any) -> Any:
    if key == "properties":
        return {name: render_schema(below) for name, below in value.items()}
    if key in ("items", "additionalProperties") and isinstance(value, dict):
        return render_schema(value)
    return _REF + value if key == "$ref" else value


def _members(items: Iterable[tuple[str, Any]]) -> bytes:
    return b",".join(encode(name) + b":" + encode(value) for name, value in items)


def _operations(definitions: Definitions, kinds: ServedKinds) -> Iterator[Operation]:
    yield from operations_of(definitions, kinds.all)
    for group, versions in group_versions(kinds).items():
        for version in versions:
            yield from review_operations(definitions, group, version)


def _operation(operation: Operation) -> dict[str, Any]:
    parameters = [_parameter(parameter) for parameter in operation.parameters]
    if operation.body:
        schema = {"$ref": _REF + operation.body}
        required = operation.method != "delete"
        parameters.append({"name": "body", "in": "body", "required": required, "schema": schema})
    return {
        "description": operation.description,
        "consumes": list(operation.body_types),
        "produces": ["application/json"] if operation.answer else ["text/plain"],
        "schemes": ["https"],
        "tags": [operation.tag],
        "operationId": operation.id,
        "parameters": parameters,
        "responses": _responses(operation),
        "x-kubernetes-action": operation.action,
        _GVK: operation.gvk,
    }


def _parameter(parameter: Parameter) -> dict[str, Any]:
    made: dict[str, Any] = {
        "name": parameter.name,
        "in": parameter.where,
        "description": parameter.description,
        "type": parameter.type,
        "uniqueItems": True,
    }
    return {**made, "required": True} if parameter.where == "path" else made


def _responses(operation: Operation) -> dict[str, Any]:
    schema: dict[str, Any] = {"$ref": _REF + operation.answer} if operation.answer else {"type": "string"}
    said = {"200": "OK", "201": "Created", "202": "Accepted"}
    answers: dict[str, Any] = {
        code: {"description": said[code], "schema": schema} for code in operation.codes
    }
    return {**answers, "401": {"description": "Unauthorized"}}
