"""OpenAPI 2, as JSON and as protobuf."""

from __future__ import annotations

import json
import re

import pytest

from netemu.api.openapi import gnostic
from netemu.api.openapi.v2 import render_document, render_schema
from netemu.api.protobuf.wire import read_fields


@pytest.fixture
def document(kinds):
    return json.loads(render_document(kinds, "v1.37.1"))


def test_every_reference_leads_somewhere(kinds):
    text = render_document(kinds, "x").decode()

    assert set(re.findall(r'"#/definitions/([^"]+)"', text)) <= json.loads(text)["definitions"].keys()


def test_every_operation_of_the_api_has_an_id_of_its_own(document):
    ids = [operation["operationId"] for path in document["paths"].values() for operation in path.values()]

    assert len(ids) == len(set(ids)) > 400


def test_bodies_are_parameters(document):
    create = document["paths"]["/api/v1/namespaces/{namespace}/pods"]["post"]

    assert create["parameters"][-1] == {
        "name": "body",
        "in": "body",
        "required": True,
        "schema": {"$ref": "#/definitions/io.k8s.api.core.v1.Pod"},
    }


@pytest.mark.parametrize(
    ("schema", "rendered"),
    [
        ({"$ref": "a", "description": "d"}, {"$ref": "#/definitions/a", "description": "d"}),
        ({"type": "string", "format": "quantity"}, {"type": "string"}),
        ({"type": "string", "format": "int-or-string"}, {"type": "string", "format": "int-or-string"}),
        ({"type": "integer", "nullable": True, "anyOf": []}, {"type": "integer"}),
        ({"type": "object", "additionalProperties": True}, {"type": "object", "additionalProperties": True}),
        (
            {"type": "object", "properties": {"a": {}}, "x-kubernetes-preserve-unknown-fields": True},
            {"x-kubernetes-preserve-unknown-fields": True},
        ),
        (
            {
                "type": "object",
                "properties": {"metadata": {}},
                "x-kubernetes-preserve-unknown-fields": True,
                "x-kubernetes-group-version-kind": [],
            },
            {"type": "object", "x-kubernetes-group-version-kind": []},
        ),
    ],
)
def test_a_schema_is_written_as_openapi_2_can(schema, rendered):
    assert render_schema(schema) == rendered


def named(data, number):
    """Read a map of protobuf messages: name to bytes."""
    entries = (dict(read_fields(value)) for key, value in read_fields(data) if key == number)
    return {entry[1].decode(): entry[2] for entry in entries}


@pytest.fixture
def packed(kinds):
    return dict(read_fields(gnostic.render_document(kinds, "v1.37.1")))


def test_protobuf_has_every_path_and_definition(packed, document):
    assert named(packed[8], 2).keys() == document["paths"].keys()
    assert named(packed[9], 1).keys() == document["definitions"].keys()


def test_protobuf_names_the_kinds_of_definitions(packed):
    pod = list(read_fields(named(packed[9], 1)["io.k8s.api.core.v1.Pod"]))
    extensions = [dict(read_fields(value)) for number, value in pod if number == 31]
    ((name, text),) = [(e[1], dict(read_fields(e[2]))[2]) for e in extensions]

    assert name == b"x-kubernetes-group-version-kind"
    assert json.loads(text) == [{"group": "", "kind": "Pod", "version": "v1"}]


def test_protobuf_says_what_patches_take(packed):
    path = dict(read_fields(named(packed[8], 2)["/api/v1/namespaces/{namespace}/pods/{name}"]))
    patch = list(read_fields(path[8]))
    kinds_of_parameter = [dict(read_fields(dict(read_fields(v))[1])) for number, v in patch if number == 8]
    plain = [dict(read_fields(kind[2])) for kind in kinds_of_parameter if 2 in kind]
    queries = [dict(read_fields(parameter[3]))[4] for parameter in plain if 3 in parameter]

    assert dict(patch)[5] == b"patchCoreV1NamespacedPod"
    assert {b"dryRun", b"fieldValidation"} <= set(queries)


@pytest.mark.parametrize(
    ("schema", "written"),
    [
        ({"$ref": "#/x"}, b"\x0a\x03#/x"),
        ({"type": "string"}, b"\xb2\x01\x08\x0a\x06string"),
        ({"required": ["a", "b"]}, b"\x9a\x01\x01a\x9a\x01\x01b"),
        ({"uniqueItems": True, "maxLength": 300}, b"\x80\x01\x01\x58\xac\x02"),
        ({"minimum": 1}, b"\x49\x00\x00\x00\x00\x00\x00\xf0\x3f"),
        ({"default": 3}, b"\x2a\x03\x12\x013"),
        ({"enum": ["a"]}, b'\xa2\x01\x05\x12\x03"a"'),
        ({"items": {"format": "f"}}, b"\xba\x01\x05\x0a\x03\x12\x01f"),
        ({"additionalProperties": True}, b"\xaa\x01\x02\x10\x01"),
        ({"properties": {"p": {"format": "f"}}}, b"\xca\x01\x0a\x0a\x08\x0a\x01p\x12\x03\x12\x01f"),
        ({"unknown": 1}, b""),
    ],
)
def test_the_words_of_a_schema_have_their_numbers(schema, written):
    assert gnostic.render_schema(schema) == written
