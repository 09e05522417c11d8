"""Discovery documents, for kinds that come and go."""

from __future__ import annotations

import pytest
from msgspec import structs

from netemu.api.crd.version import CustomVersion
from netemu.api.kinds import CONFIG_MAP, KINDS
from netemu.api.served import BUILT_IN, ServedKinds
from netemu.apiserver import discovery

WIDGET = structs.replace(
    CONFIG_MAP,
    group="example.com",
    version="v1beta1",
    kind="Widget",
    resource="widgets",
    singular="widget",
    short_names=("wd",),
    categories=("all",),
    subresources=("status",),
    custom=CustomVersion(definition="widgets.example.com", list_kind="WidgetList"),
)
WIDGET_V1 = structs.replace(WIDGET, version="v1")


@pytest.fixture
def kinds():
    served = ServedKinds(KINDS)
    served.define("widgets.example.com", [WIDGET, WIDGET_V1])
    return served


def test_the_version_looks_like_a_release():
    version = discovery.version()

    assert (version["major"], version["minor"]) == ("1", "37")
    assert version["gitVersion"].startswith("v1.37.1+netemu")


def test_groups_have_their_best_version_first(kinds):
    group = discovery.find_group(kinds, "example.com")

    assert [v["version"] for v in group["versions"]] == ["v1", "v1beta1"]
    assert group["preferredVersion"] == {"groupVersion": "example.com/v1", "version": "v1"}


def test_the_core_group_is_not_among_the_groups(kinds):
    names = [group["name"] for group in discovery.group_list(kinds)["groups"]]

    assert {"apps", "networking.k8s.io", "authorization.k8s.io", "example.com"} <= set(names)
    assert "" not in names


@pytest.mark.parametrize("name", ["", "example.com", "v1"])
def test_there_is_no_document_for_other_groups(name):
    assert discovery.find_group(BUILT_IN, name) is None


@pytest.mark.parametrize(("group", "version"), [("", "v2"), ("apps", "v1beta1"), ("example.com", "v1")])
def test_there_are_no_resources_in_other_versions(group, version):
    assert discovery.find_resources(BUILT_IN, group, version) is None


def test_resources_come_with_their_names_verbs_and_subresources(kinds):
    resources = discovery.find_resources(kinds, "example.com", "v1")["resources"]

    assert resources[0] == {
        "name": "widgets",
        "singularName": "widget",
        "namespaced": True,
        "kind": "Widget",
        "verbs": ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"),
        "shortNames": ("wd",),
        "categories": ("all",),
        "storageVersionHash": "gIwvi5rymmg=",
    }
    assert (resources[1]["name"], resources[1]["verbs"]) == ("widgets/status", ("get", "patch", "update"))


@pytest.mark.parametrize(
    ("group", "version", "resource", "hash"),
    [
        ("", "v1", "pods", "xPOwRZ+Yhw8="),
        ("apps", "v1", "deployments", "8aSe+NMegvE="),
        ("autoscaling", "v1", "horizontalpodautoscalers", "qwQve8ut294="),
        ("autoscaling", "v2", "horizontalpodautoscalers", "qwQve8ut294="),
    ],
)
def test_resources_say_as_what_they_are_stored(group, version, resource, hash):
    resources = discovery.find_resources(BUILT_IN, group, version)["resources"]

    assert {each["storageVersionHash"] for each in resources if each["name"] == resource} == {hash}


def test_a_subresource_of_another_group_says_so():
    resources = discovery.find_resources(BUILT_IN, "apps", "v1")["resources"]
    scale = next(resource for resource in resources if resource["name"] == "deployments/scale")

    assert (scale["group"], scale["version"], scale["kind"]) == ("autoscaling", "v1", "Scale")


def test_reviews_can_only_be_created():
    resources = discovery.find_resources(BUILT_IN, "authorization.k8s.io", "v1")["resources"]

    assert {"selfsubjectaccessreviews", "subjectaccessreviews"} <= {r["name"] for r in resources}
    assert {tuple(resource["verbs"]) for resource in resources} == {("create",)}


@pytest.mark.parametrize("version", ["v2", "v2beta1"])
def test_one_document_can_have_everything(kinds, version):
    document = discovery.aggregated(kinds, version, core=False)
    groups = {item["metadata"]["name"]: item["versions"] for item in document["items"]}

    assert document["apiVersion"] == f"apidiscovery.k8s.io/{version}"
    assert groups["example.com"][0]["resources"][0] == {
        "resource": "widgets",
        "responseKind": {"group": "example.com", "version": "v1", "kind": "Widget"},
        "scope": "Namespaced",
        "singularResource": "widget",
        "verbs": ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"),
        "shortNames": ("wd",),
        "categories": ("all",),
        "subresources": [
            {
                "subresource": "status",
                "responseKind": {"group": "example.com", "version": "v1", "kind": "Widget"},
                "verbs": ("get", "patch", "update"),
            }
        ],
    }


def test_the_core_group_has_a_document_of_its_own(kinds):
    (item,) = discovery.aggregated(kinds, "v2", core=True)["items"]
    resources = {resource["resource"] for resource in item["versions"][0]["resources"]}

    assert "name" not in item["metadata"]
    assert {"pods", "services", "bindings"} <= resources


def test_both_ways_of_discovery_say_the_same(kinds):
    versions = [
        v for item in discovery.aggregated(kinds, "v2", core=False)["items"] for v in item["versions"]
    ]
    listed = [
        resource["name"]
        for group in discovery.group_list(kinds)["groups"]
        for version in group["versions"]
        for resource in discovery.find_resources(kinds, group["name"], version["version"])["resources"]
        if "/" not in resource["name"]
    ]

    assert [resource["resource"] for version in versions for resource in version["resources"]] == listed
