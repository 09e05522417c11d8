"""OpenAPI 3."""

from __future__ import annotations

import json
import re

import pytest

from netemu.api.openapi.v3 import kinds_digest, render_document, render_schema
from netemu.api.resources import group_versions, kinds_of
from netemu.api.served import BUILT_IN


def document(kinds, group, version):
    return json.loads(render_document(group, version, kinds_of(kinds, group, version), "v1.37.1"))


@pytest.fixture(scope="module")
def core():
    return document(BUILT_IN, "", "v1")


GROUP_VERSIONS = [(group, v) for group, versions in group_versions(BUILT_IN).items() for v in versions]


@pytest.mark.parametrize(("group", "version"), GROUP_VERSIONS)
def test_every_reference_leads_somewhere(group, version):
    text = render_document(group, version, kinds_of(BUILT_IN, group, version), "x").decode()
    schemas = json.loads(text)["components"]["schemas"]

    wanted = set(re.findall(r'"#/components/schemas/([^"]+)"', text))
    assert wanted <= schemas.keys()


@pytest.mark.parametrize(("group", "version"), GROUP_VERSIONS)
def test_every_operation_has_an_id_of_its_own(group, version):
    operations = [o for path in document(BUILT_IN, group, version)["paths"].values() for o in path.values()]
    ids = [operation["operationId"] for operation in operations]

    assert len(ids) == len(set(ids)) > 0


def test_kubectl_finds_what_patches_take(core):
    patch = core["paths"]["/api/v1/namespaces/{namespace}/pods/{name}"]["patch"]

    assert patch["operationId"] == "patchCoreV1NamespacedPod"
    assert patch["x-kubernetes-action"] == "patch"
    assert patch["x-kubernetes-group-version-kind"] == {"group": "", "version": "v1", "kind": "Pod"}
    assert {"dryRun", "fieldValidation", "force", "name", "namespace"} <= {
        p["name"] for p in patch["parameters"]
    }
    assert "application/strategic-merge-patch+json" in patch["requestBody"]["content"]


def test_path_parameters_are_required_and_others_are_not(core):
    operation = core["paths"]["/api/v1/namespaces/{namespace}/services"]["post"]
    required = {p["name"] for p in operation["parameters"] if p.get("required")}

    assert required == {"namespace"}


def test_kinds_are_found_by_group_version_and_kind(core):
    pod = core["components"]["schemas"]["io.k8s.api.core.v1.Pod"]

    assert pod["x-kubernetes-group-version-kind"] == [{"group": "", "kind": "Pod", "version": "v1"}]
    assert pod["properties"]["spec"]["allOf"] == [{"$ref": "#/components/schemas/io.k8s.api.core.v1.PodSpec"}]


def test_connections_are_operations_too(core):
    paths = core["paths"]

    assert paths["/api/v1/namespaces/{namespace}/pods/{name}/log"]["get"]["x-kubernetes-action"] == "get"
    assert (
        paths["/api/v1/namespaces/{namespace}/pods/{name}/exec"]["post"]["x-kubernetes-action"] == "connect"
    )


@pytest.mark.parametrize(
    ("schema", "rendered"),
    [
        ({"$ref": "a"}, {"$ref": "#/components/schemas/a"}),
        (
            {"$ref": "a", "description": "d"},
            {"allOf": [{"$ref": "#/components/schemas/a"}], "description": "d"},
        ),
        (
            {"type": "array", "items": {"$ref": "a"}},
            {"type": "array", "items": {"$ref": "#/components/schemas/a"}},
        ),
        (
            {"type": "string", "format": "quantity", "description": "d"},
            {"oneOf": [{"type": "string"}, {"type": "number"}], "description": "d"},
        ),
        (
            {"type": "string", "format": "int-or-string"},
            {"oneOf": [{"type": "integer"}, {"type": "string"}], "format": "int-or-string"},
        ),
        (
            {"type": "object", "properties": {"$ref": {"type": "string"}, "format": {"type": "string"}}},
            {"type": "object", "properties": {"$ref": {"type": "string"}, "format": {"type": "string"}}},
        ),
    ],
)
def test_a_schema_is_written_as_openapi_3_has_it(schema, rendered):
    assert render_schema(schema) == rendered


def test_a_custom_kind_has_its_own_document(kinds):
    made = document(kinds, "example.com", "v1")
    widget = made["components"]["schemas"]["com.example.v1.Widget"]
    patch = made["paths"]["/apis/example.com/v1/namespaces/{namespace}/widgets/{name}"]["patch"]

    assert widget["properties"]["spec"]["properties"]["size"]["default"] == 3
    assert "application/strategic-merge-patch+json" not in patch["requestBody"]["content"]
    assert "/apis/example.com/v1/namespaces/{namespace}/widgets/{name}/scale" in made["paths"]


def test_digests_differ_by_name_and_by_kinds(kinds):
    apps, custom = kinds_of(kinds, "apps", "v1"), kinds_of(kinds, "example.com", "v1")
    digests = [kinds_digest([], "a"), kinds_digest([], "b"), kinds_digest(apps), kinds_digest(custom)]

    assert len(set(digests)) == 4
    assert kinds_digest(apps) == kinds_digest(list(apps))
