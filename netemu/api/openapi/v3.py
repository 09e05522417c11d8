"""OpenAPI 3: one document for each group and version."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from netemu.api.kinds import Kind
from netemu.api.openapi.definitions import (
    DELETE_OPTIONS,
    PATCH,
    STATUS,
    Definitions,
    Schema,
    sources_digest,
)
from netemu.api.openapi.operations import Operation, operations_of, review_operations
from netemu.api.openapi.parameters import Parameter

_REF = "#/components/schemas/"
_SECURITY = {
    "BearerToken": {
        "description": "Bearer Token authentication",
        "in": "header",
        "name": "authorization",
        "type": "apiKey",
    }
}
_UNIONS: dict[str, Schema] = {
    "int-or-string": {"oneOf": [{"type": "integer"}, {"type": "string"}], "format": "int-or-string"},
    "quantity": {"oneOf": [{"type": "string"}, {"type": "number"}]},
}

encode = msgspec.json.Encoder().encode


def kinds_digest(kinds: Iterable[Kind], *names: str) -> str:
    """Give what a document of that name can be told apart by: upper-case hex, as in its URL."""
    digest = hashlib.sha256(sources_digest() + encode(names))
    for kind in kinds:
        custom = None if kind.custom is None else (kind.custom.list_kind, kind.custom.schema)
        row = (kind.group, kind.version, kind.kind, kind.resource, kind.namespaced, kind.subresources)
        digest.update(encode((row, custom)))
    return digest.hexdigest().upper()


def render_document(group: str, version: str, kinds: Sequence[Kind], release: str) -> bytes:
    """Write the document of one group and version; ``kinds`` are its kinds."""
    definitions = Definitions(kinds)
    operations = [
        *operations_of(definitions, kinds),
        *review_operations(definitions, group, version),
    ]
    head = {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": release},
        "paths": _paths(operations),
        "components": {
            "schemas": {
                name: render_schema(schema) for name, schema in definitions.reachable(_named(operations))
            },
            "securitySchemes": _SECURITY,
        },
        "security": [{"BearerToken": []}],
    }
    return encode(head)


def render_schema(schema: Schema) -> Schema:
    """Write a schema as OpenAPI 3 has it."""
    made = {key: _render_word(key, value) for key, value in schema.items()}
    if schema.get("type") == "string" and schema.get("format") in _UNIONS:
        del made["type"], made["format"]
        return {**made, **_UNIONS[schema["format"]]}
    if "$ref" in schema:
        target = {"$ref": _REF + schema["$ref"]}
        del made["$ref"]
        return {**made, "allOf": [target]} if made else target
    return made


def _render_word(key: str, value: Any) -> Any:
    if key == "properties":
        return {name: render_schema(below) for name, below in value.items()}
    if key in ("items", "additionalProperties") and isinstance(value, dict):
        return render_schema(value)
    return value


def _named(operations: Iterable[Operation]) -> Iterator[str]:
    yield from (DELETE_OPTIONS, PATCH, STATUS)
    for operation in operations:
        yield operation.body
        yield operation.answer


def _paths(operations: Iterable[Operation]) -> dict[str, dict[str, Any]]:
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method] = _operation(operation)
    return paths


def _operation(operation: Operation) -> dict[str, Any]:
    made: dict[str, Any] = {
        "tags": [operation.tag],
        "description": operation.description,
        "operationId": operation.id,
        "parameters": [_parameter(parameter) for parameter in operation.parameters],
        "responses": _responses(operation),
        "x-kubernetes-action": operation.action,
        "x-kubernetes-group-version-kind": operation.gvk,
    }
    if operation.body:
        schema = {"schema": {"$ref": _REF + operation.body}}
        made["requestBody"] = {
            "content": dict.fromkeys(operation.body_types, schema),
            **({"required": True} if operation.method != "delete" else {}),
        }
    return made


def _parameter(parameter: Parameter) -> dict[str, Any]:
    made: dict[str, Any] = {
        "name": parameter.name,
        "in": parameter.where,
        "description": parameter.description,
        "schema": {"type": parameter.type, "uniqueItems": True},
    }
    return {**made, "required": True} if parameter.where == "path" else made


def _responses(operation: Operation) -> dict[str, Any]:
    content: dict[str, Any] = {"text/plain": {"schema": {"type": "string"}}}
    if operation.answer:
        content = {"application/json": {"schema": {"$ref": _REF + operation.answer}}}
    if operation.action == "list":
        content["application/json;stream=watch"] = content["application/json"]
    said = {"200": "OK", "201": "Created", "202": "Accepted"}
    answers: dict[str, Any] = {
        code: {"description": said[code], "content": content} for code in operation.codes
    }
    return {**answers, "401": {"description": "Unauthorized"}}
