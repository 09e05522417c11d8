"""CustomResourceDefinitions are checked as Kubernetes does."""

from __future__ import annotations

import pytest

from netemu.api.defaulting import default
from netemu.api.kinds import CUSTOM_RESOURCE_DEFINITION as CRD
from netemu.api.validation import validate
from netemu.testing.builders import custom_resource_definition

ROOT = "spec.validation.openAPIV3Schema"


def version(schema=None, **more):
    schema = {"type": "object"} if schema is None else schema
    made = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    return {**made, **more}


def said(crd, old=None) -> list[str]:
    return [f"{c.field}: {c.message}" for c in validate(CRD, default(CRD, crd), old and default(CRD, old))]


def with_spec(**spec):
    crd = custom_resource_definition("Ball", version())
    return {**crd, "spec": {**crd["spec"], **spec}}


def test_a_small_definition_is_complete():
    crd = default(CRD, custom_resource_definition("Ball", version()))

    assert said(crd) == []
    assert crd["spec"]["names"]["singular"] == "ball"
    assert crd["spec"]["names"]["listKind"] == "BallList"
    assert crd["spec"]["conversion"] == {"strategy": "None"}


@pytest.mark.parametrize(
    ("crd", "words"),
    [
        pytest.param(
            with_spec(group="toys"),
            [
                'spec.group: Invalid value: "toys": should be a domain with at least one dot',
                (
                    'metadata.name: Invalid value: "balls.toys.example":'
                    ' must be spec.names.plural+"."+spec.group'
                ),
            ],
            id="group",
        ),
        pytest.param(
            with_spec(scope="Everywhere"),
            ['spec.scope: Unsupported value: "Everywhere": supported values: "Cluster", "Namespaced"'],
            id="scope",
        ),
        pytest.param(
            custom_resource_definition("Ball", version(), group="toys.k8s.io"),
            [
                (
                    "metadata.annotations[api-approved.kubernetes.io]: Required value: protected groups must"
                    ' have approval annotation "api-approved.kubernetes.io", see'
                    " https://github.com/kubernetes/enhancements/pull/1111"
                )
            ],
            id="protected",
        ),
        pytest.param(
            custom_resource_definition("Ball", {"name": "v1", "served": True, "storage": True}),
            ["spec.versions[0].schema.openAPIV3Schema: Required value: schemas are required"],
            id="no-schema",
        ),
        pytest.param(
            custom_resource_definition(
                "Ball", version(additionalPrinterColumns=[{"name": "A", "type": "text", "jsonPath": ".a"}])
            ),
            [
                (
                    'spec.additionalPrinterColumns[0].type: Invalid value: "text": must be one of'
                    " boolean,date,integer,number,string"
                )
            ],
            id="column",
        ),
        pytest.param(
            custom_resource_definition(
                "Ball",
                version(
                    subresources={"scale": {"specReplicasPath": ".size", "statusReplicasPath": ".status.n"}}
                ),
            ),
            [
                (
                    'spec.subresources.scale.specReplicasPath: Invalid value: ".size": should be'
                    " a json path under .spec"
                )
            ],
            id="scale",
        ),
    ],
)
def test_what_is_wrong_is_named(crd, words):
    assert said(crd) == words


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        pytest.param(
            {}, "spec.versions[0].schema.openAPIV3Schema: Required value: schemas are required", id="empty"
        ),
        pytest.param(
            {"properties": {"a": {"type": "string"}}},
            f"{ROOT}.type: Required value: must not be empty at the root",
            id="root",
        ),
        pytest.param(
            {"type": "object", "properties": {"a": {}}},
            f"{ROOT}.properties[a].type: Required value: must not be empty for specified object fields",
            id="field",
        ),
        pytest.param(
            {"type": "object", "properties": {"a": {"type": "array"}}},
            f"{ROOT}.properties[a].items: Required value: must be specified",
            id="items",
        ),
        pytest.param(
            {"type": "object", "anyOf": [{"type": "object"}]},
            f"{ROOT}.anyOf[0].type: Forbidden: must be empty to be structural",
            id="combination",
        ),
        pytest.param(
            {"type": "object", "properties": {"a": {"type": "integer", "default": "x"}}},
            f'{ROOT}.properties[a].default: Invalid value: "string": {ROOT}.properties[a].default in body'
            ' must be of type integer: "string"',
            id="default",
        ),
        pytest.param(
            {
                "type": "object",
                "properties": {"metadata": {"type": "object", "properties": {"uid": {"type": "string"}}}},
            },
            f"{ROOT}.properties[metadata]: Forbidden: must not specify anything other than name and"
            " generateName, but metadata is implicitly specified",
            id="metadata",
        ),
        pytest.param(
            {
                "type": "object",
                "properties": {
                    "a": {"type": "array", "x-kubernetes-list-type": "map", "items": {"type": "object"}}
                },
            },
            f"{ROOT}.properties[a].x-kubernetes-list-map-keys: Required value: must not be empty if"
            " x-kubernetes-list-type is map",
            id="map-keys",
        ),
    ],
)
def test_schemas_are_structural(schema, words):
    assert said(custom_resource_definition("Ball", version(schema))) == [words]


def test_int_or_string_may_be_spelled_out():
    spelled = {"x-kubernetes-int-or-string": True, "anyOf": [{"type": "integer"}, {"type": "string"}]}

    assert (
        said(custom_resource_definition("Ball", version({"type": "object", "properties": {"a": spelled}})))
        == []
    )


def test_exactly_one_version_is_stored():
    crd = custom_resource_definition("Ball", version(), version(name="v2"))

    (words,) = said(crd)
    assert words.endswith("must have exactly one version marked as storage version")


def test_names_and_scope_stay():
    old = custom_resource_definition("Ball", version())

    assert said(with_spec(scope="Cluster"), old) == [
        'spec.scope: Invalid value: "Cluster": field is immutable'
    ]


def test_a_version_that_was_stored_stays():
    old = custom_resource_definition("Ball", version())
    new = custom_resource_definition("Ball", version(name="v2")) | {
        "status": {"storedVersions": ["v1", "v2"]}
    }

    (words,) = said(new, old)
    assert words.startswith('status.storedVersions[0]: Invalid value: "v1": missing from spec.versions;')


@pytest.mark.parametrize(
    ("items", "words"),
    [
        pytest.param(
            [{"type": "string"}],
            f"{ROOT}.properties[a].items: Forbidden: items must be a schema object and not an array",
            id="list",
        ),
        pytest.param(
            {"type": "object", "properties": []},
            f"{ROOT}.properties[a].items.properties: expected an object, got a list",
            id="properties",
        ),
        pytest.param(
            {"type": "object", "properties": {"b": {"type": 3}}},
            f"{ROOT}.properties[a].items.properties.b.type: expected a string, got the number 3",
            id="deeper",
        ),
    ],
)
def test_schemas_of_items_have_the_shape_of_schemas(items, words):
    schema = {"type": "object", "properties": {"a": {"type": "array", "items": items}}}

    assert said(custom_resource_definition("Ball", version(schema))) == [words]


def test_fields_to_select_by_have_paths():
    crd = custom_resource_definition("Ball", version(selectableFields=[{}]))

    assert said(crd) == ["spec.selectableFields[0].jsonPath: Required value"]


def test_what_differs_between_versions_is_said_of_each():
    columns = [{"name": "A", "type": "text", "jsonPath": ".a"}]
    other = version(name="v2", storage=False, additionalPrinterColumns=columns)
    crd = with_spec(versions=[version(), other])

    (line,) = said(crd)
    assert line.startswith("spec.versions[1].additionalPrinterColumns[0].type: Invalid value")
