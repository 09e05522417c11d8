"""Objects lose what their schema does not know, and get what it says."""

from __future__ import annotations

import pytest

from netemu.api.crd.schema import defaulted, pruned, unknown_fields

SCHEMA = {
    "type": "object",
    "properties": {
        "spec": {
            "type": "object",
            "properties": {
                "size": {"type": "integer", "default": 3},
                "tags": {
                    "type": "array",
                    "items": {"type": "object", "properties": {"key": {"type": "string"}}},
                },
                "free": {
                    "type": "object",
                    "x-kubernetes-preserve-unknown-fields": True,
                    "properties": {"strict": {"type": "object", "properties": {}}},
                },
                "inner": {
                    "type": "object",
                    "x-kubernetes-embedded-resource": True,
                    "properties": {"spec": {"type": "object"}},
                },
                "map": {
                    "type": "object",
                    "additionalProperties": {"type": "object", "properties": {"a": {}}},
                },
            },
        }
    },
}


@pytest.mark.parametrize(
    ("spec", "unknown", "kept"),
    [
        pytest.param({"colour": 1}, ["spec.colour"], {}, id="field"),
        pytest.param(
            {"tags": [{"key": "a", "x": 1}]}, ["spec.tags[0].x"], {"tags": [{"key": "a"}]}, id="item"
        ),
        pytest.param(
            {"free": {"any": {"thing": 1}, "strict": {"x": 1}}},
            ["spec.free.strict.x"],
            {"free": {"any": {"thing": 1}, "strict": {}}},
            id="preserved",
        ),
        pytest.param(
            {"inner": {"apiVersion": "v1", "kind": "X", "metadata": {"name": "a"}, "x": 1}},
            ["spec.inner.x"],
            {"inner": {"apiVersion": "v1", "kind": "X", "metadata": {"name": "a"}}},
            id="embedded",
        ),
        pytest.param(
            {"map": {"k": {"a": [1], "b": 2}}}, ["spec.map.k.b"], {"map": {"k": {"a": [1]}}}, id="map"
        ),
    ],
)
def test_what_is_not_specified_is_unknown_and_goes(spec, unknown, kept):
    obj = {"apiVersion": "v1", "kind": "Ball", "metadata": {"name": "a", "labels": {}}, "spec": spec}

    assert list(unknown_fields(SCHEMA, obj)) == unknown
    assert pruned(SCHEMA, obj) == {**obj, "spec": kept}


def test_defaults_fill_what_is_absent_or_null():
    assert defaulted(SCHEMA, {"spec": {}}) == {"spec": {"size": 3}}
    assert defaulted(SCHEMA, {"spec": {"size": None}}) == {"spec": {"size": 3}}
    assert defaulted(SCHEMA, {"spec": {"size": 1}}) == {"spec": {"size": 1}}
    assert defaulted(SCHEMA, {}) == {}


def test_null_stays_where_it_may_be():
    schema = {"type": "object", "properties": {"a": {"type": "string", "nullable": True, "default": "x"}}}

    assert defaulted(schema, {"a": None}) == {"a": None}


def test_defaults_come_with_the_defaults_of_what_is_in_them():
    inner = {"type": "object", "default": {}, "properties": {"b": {"type": "string", "default": "y"}}}
    schema = {"type": "object", "properties": {"a": inner}}

    assert defaulted(schema, {}) == {"a": {"b": "y"}}


def test_each_object_gets_a_default_of_its_own():
    schema = {"type": "object", "properties": {"a": {"type": "array", "default": [1]}}}

    first, second = defaulted(schema, {}), defaulted(schema, {})

    assert first["a"] is not second["a"]
