"""OpenAPI 2 as protobuf: what kubectl reads in place of JSON.

The numbers are those of ``openapi.v2`` in gnostic's OpenAPIv2.proto
(https://github.com/google/gnostic/blob/main/openapiv2/OpenAPIv2.proto). A map is a list of
messages of name (1) and value (2); a value of any type is its YAML text (JSON is YAML).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from netemu.api.openapi import v2
from netemu.api.openapi.definitions import Definitions, Schema
from netemu.api.openapi.v2 import NOTHING_MORE, More
from netemu.api.protobuf.wire import FIXED64, write_bytes, write_int, write_varint
from netemu.api.served import ServedKinds

ACCEPTED = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
CONTENT_TYPE = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
"""What clients ask for is no media type that Go reads: Kubernetes answers with this one."""

_TEXTS = {"$ref": 1, "format": 2, "title": 3, "description": 4, "pattern": 13, "discriminator": 26}
_DOUBLES = {"multipleOf": 6, "maximum": 7, "minimum": 9}
_INTS = {
    "exclusiveMaximum": 8,
    "exclusiveMinimum": 10,
    "maxLength": 11,
    "minLength": 12,
    "maxItems": 14,
    "minItems": 15,
    "uniqueItems": 16,
    "maxProperties": 17,
    "minProperties": 18,
    "readOnly": 27,
}
METHODS = {"get": 2, "put": 3, "post": 4, "delete": 5, "options": 6, "head": 7, "patch": 8}


def render_document(kinds: ServedKinds, release: str, more: More = NOTHING_MORE) -> bytes:
    """Write the document for the whole API."""
    definitions = Definitions(kinds.all)
    head = v2.head(release)
    paths = [
        write_bytes(2, _named(path, render_path(item)))
        for path, item in v2.render_paths(definitions, kinds, more)
    ]
    schemas = _map(v2.render_definitions(definitions, more), render_schema)
    info = _text(1, head["info"]["title"]) + _text(2, head["info"]["version"])
    (requirement,) = head["security"]
    security = _map(requirement.items(), lambda scopes: _texts(1, scopes))
    return b"".join(
        (
            _text(1, head["swagger"]),
            write_bytes(2, info),
            write_bytes(8, b"".join(paths)),
            write_bytes(9, schemas),
            write_bytes(12, security),
            write_bytes(13, _map(head["securityDefinitions"].items(), _api_key)),
        )
    )


def render_schema(schema: Schema) -> bytes:
    """Write a ``Schema``."""
    return b"".join(_schema_word(word, value) for word, value in schema.items())


def _schema_word(word: str, value: Any) -> bytes:
    if word in _TEXTS:
        return _text(_TEXTS[word], value)
    if word in _INTS:
        return write_int(_INTS[word], int(value))
    if word in _DOUBLES:
        return _double(_DOUBLES[word], value)
    if word.startswith("x-"):
        return write_bytes(31, _named(word, _any(value)))
    write = _WRITERS.get(word)
    return write(value) if write is not None else b""


def _open_properties(value: Any) -> bytes:
    return write_int(2, int(value)) if isinstance(value, bool) else write_bytes(1, render_schema(value))


_WRITERS: dict[str, Callable[[Any], bytes]] = {
    "default": lambda value: write_bytes(5, _any(value)),
    "required": lambda value: _texts(19, value),
    "enum": lambda value: b"".join(write_bytes(20, _any(item)) for item in value),
    "additionalProperties": lambda value: write_bytes(21, _open_properties(value)),
    "type": lambda value: write_bytes(22, _text(1, value)),
    "items": lambda value: write_bytes(23, write_bytes(1, render_schema(value))),
    "properties": lambda value: write_bytes(25, _map(value.items(), render_schema)),
    "example": lambda value: write_bytes(30, _any(value)),
}


def render_path(item: Mapping[str, Any]) -> bytes:
    """Write a ``PathItem``."""
    return b"".join(write_bytes(METHODS[method], _operation(below)) for method, below in item.items())


def _operation(operation: Mapping[str, Any]) -> bytes:
    responses = ((code, _response(answer)) for code, answer in operation["responses"].items())
    extensions = (item for item in operation.items() if item[0].startswith("x-"))
    return b"".join(
        (
            _texts(1, operation["tags"]),
            _text(3, operation["description"]),
            _text(5, operation["operationId"]),
            _texts(6, operation["produces"]),
            _texts(7, operation["consumes"]),
            *(write_bytes(8, write_bytes(1, _parameter(p))) for p in operation["parameters"]),
            write_bytes(9, b"".join(write_bytes(1, _named(code, answer)) for code, answer in responses)),
            _texts(10, operation["schemes"]),
            *(write_bytes(13, _named(word, _any(value))) for word, value in extensions),
        )
    )


def _response(answer: Mapping[str, Any]) -> bytes:
    written = _text(1, answer["description"])
    if "schema" in answer:
        written += write_bytes(2, write_bytes(1, render_schema(answer["schema"])))
    return write_bytes(1, written)


def _parameter(parameter: Mapping[str, Any]) -> bytes:
    required = int(parameter.get("required", False))
    if parameter["in"] == "body":
        body = _text(2, "body") + _text(3, "body") + write_int(4, required)
        return write_bytes(1, body + write_bytes(5, render_schema(parameter["schema"])))
    head = write_int(1, required) + _text(2, parameter["in"]) + _text(3, parameter["description"])
    named = head + _text(4, parameter["name"])
    if parameter["in"] == "path":
        return write_bytes(2, write_bytes(4, named + _text(5, parameter["type"]) + write_int(18, 1)))
    return write_bytes(2, write_bytes(3, named + _text(6, parameter["type"]) + write_int(20, 1)))


def _api_key(definition: Mapping[str, str]) -> bytes:
    words = ("type", "name", "in", "description")
    key = b"".join(_text(number, definition[word]) for number, word in enumerate(words, 1))
    return write_bytes(2, key)


def _map(items: Iterable[tuple[str, Any]], render: Callable[[Any], bytes]) -> bytes:
    return b"".join(write_bytes(1, _named(name, render(value))) for name, value in items)


def _named(name: str, value: bytes) -> bytes:
    return _text(1, name) + write_bytes(2, value)


def _any(value: Any) -> bytes:
    return write_bytes(2, msgspec.json.encode(value))


def _text(number: int, value: str) -> bytes:
    return write_bytes(number, value.encode())


def _texts(number: int, values: Iterable[str]) -> bytes:
    return b"".join(_text(number, value) for value in values)


def _double(number: int, value: float) -> bytes:
    return write_varint(number << 3 | FIXED64) + struct.pack("<d", value)
