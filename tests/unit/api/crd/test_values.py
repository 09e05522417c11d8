"""Objects are held to a structural schema, in the words of Kubernetes."""

from __future__ import annotations

import pytest

from netemu.api.crd.values import violations


def said(schema, value) -> list[str]:
    schema = {"type": "object", "properties": {"spec": schema}}
    return [f"{cause.field}: {cause.message}" for cause in violations(schema, {"spec": value})]


BAD = [
    pytest.param(
        {"type": "integer"},
        "a",
        'Invalid value: "string": spec in body must be of type integer: "string"',
        id="type",
    ),
    pytest.param(
        {"type": "integer"},
        True,
        'Invalid value: "boolean": spec in body must be of type integer: "boolean"',
        id="boolean-is-no-integer",
    ),
    pytest.param(
        {"type": "string"},
        None,
        'Invalid value: "null": spec in body must be of type string: "null"',
        id="null",
    ),
    pytest.param(
        {"type": "integer", "minimum": 1},
        0,
        "Invalid value: 0: spec in body should be greater than or equal to 1",
        id="minimum",
    ),
    pytest.param(
        {"type": "integer", "maximum": 10, "exclusiveMaximum": True},
        10,
        "Invalid value: 10: spec in body should be less than 10",
        id="exclusive-maximum",
    ),
    pytest.param(
        {"type": "number", "multipleOf": 0.5},
        0.7,
        "Invalid value: 0.7: spec in body should be a multiple of 0.5",
        id="multiple",
    ),
    pytest.param(
        {"type": "string", "minLength": 2},
        "a",
        'Invalid value: "a": spec in body should be at least 2 chars long',
        id="short",
    ),
    pytest.param(
        {"type": "string", "maxLength": 2}, "abc", "Too long: may not be more than 2 bytes", id="long"
    ),
    pytest.param(
        {"type": "string", "pattern": "^[a-z]+$"},
        "A",
        "Invalid value: \"A\": spec in body should match '^[a-z]+$'",
        id="pattern",
    ),
    pytest.param(
        {"type": "string", "format": "date-time"},
        "soon",
        'Invalid value: "soon": spec in body must be of type date-time: "soon"',
        id="format",
    ),
    pytest.param(
        {"type": "string", "enum": ["b", "a"]},
        "c",
        'Unsupported value: "c": supported values: "b", "a"',
        id="enum",
    ),
    pytest.param(
        {"type": "array", "maxItems": 1, "items": {"type": "string"}},
        ["a", "b"],
        "Too many: 2: must have at most 1 items",
        id="many-items",
    ),
    pytest.param(
        {"type": "object", "minProperties": 1},
        {},
        "Invalid value: 0: spec in body should have at least 1 properties",
        id="few-properties",
    ),
    pytest.param(
        {"x-kubernetes-int-or-string": True},
        1.5,
        'Invalid value: "number": spec in body must be of type integer,string: "number"',
        id="int-or-string",
    ),
]


@pytest.mark.parametrize(("schema", "value", "words"), BAD)
def test_each_rule_has_its_words(schema, value, words):
    assert said(schema, value) == [f"spec: {words}"]


GOOD = [
    pytest.param({"type": "string", "nullable": True}, None, id="nullable"),
    pytest.param({"type": "number"}, 1, id="integers-are-numbers"),
    pytest.param({"type": "integer"}, 2.0, id="whole-numbers-are-integers"),
    pytest.param({"x-kubernetes-int-or-string": True}, "80%", id="int-or-string"),
    pytest.param({"type": "string", "format": "nobody-knows"}, "x", id="unknown-format"),
    pytest.param({"type": "string", "pattern": r"^\d+$"}, "12", id="pattern"),
    pytest.param({"type": "object", "additionalProperties": {"type": "string"}}, {"a": "b"}, id="map"),
    pytest.param({}, [1, {"a": None}], id="anything"),
]


@pytest.mark.parametrize(("schema", "value"), GOOD)
def test_what_fits_is_accepted(schema, value):
    assert said(schema, value) == []


def test_a_dollar_is_the_very_end():
    assert said({"type": "string", "pattern": "^a$"}, "a\n")


def test_paths_name_fields_items_and_keys():
    schema = {
        "type": "array",
        "items": {
            "type": "object",
            "required": ["name"],
            "properties": {"labels": {"type": "object", "additionalProperties": {"type": "string"}}},
        },
    }

    assert said(schema, [{"labels": {"a": 1}}]) == [
        "spec[0].name: Required value",
        (
            'spec[0].labels.a: Invalid value: "integer":'
            ' spec[0].labels.a in body must be of type string: "integer"'
        ),
    ]


def test_keys_of_a_list_that_is_a_map_are_unique():
    schema = {
        "type": "array",
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["name"],
        "items": {"type": "object"},
    }

    assert said(schema, [{"name": "a"}, {"name": "a", "b": 1}]) == ['spec[1]: Duplicate value: {"name":"a"}']


def test_items_of_a_set_are_unique():
    schema = {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}}

    assert said(schema, ["a", "b", "a"]) == ['spec[2]: Duplicate value: "a"']


NEEDS_A = {"required": ["a"]}
NEEDS_B = {"required": ["b"]}


@pytest.mark.parametrize(
    ("combination", "value", "words"),
    [
        pytest.param(
            {"oneOf": [NEEDS_A, NEEDS_B]},
            {"a": 1, "b": 1},
            ['"spec" must validate one and only one schema (oneOf). Found 2 valid alternatives'],
            id="two-of-one",
        ),
        pytest.param(
            {"anyOf": [NEEDS_A, NEEDS_B]},
            {},
            ['"spec" must validate at least one schema (anyOf)', "spec.a: Required value"],
            id="none-of-any",
        ),
        pytest.param({"not": NEEDS_A}, {"a": 1}, ['"spec" must not validate the schema (not)'], id="not"),
        pytest.param({"allOf": [NEEDS_A, NEEDS_B]}, {"a": 1}, ["spec.b: Required value"], id="all"),
    ],
)
def test_combinations_fail_where_kubernetes_says(combination, value, words):
    found = said({"type": "object", **combination}, value)

    assert [line.removeprefix('<nil>: Invalid value: "": ') for line in found] == words
