"""Discovery as ``api-resources`` and ``api-versions`` list it."""

import pytest

from netemu.api.served import BUILT_IN
from netemu.apiserver.discovery import aggregated
from netemu.cli.resourcelist import HEADS, Wanted, is_wanted, resource_rows, resources_of, versions_of

DISCOVERIES = [aggregated(BUILT_IN, "v2", core=core) for core in (True, False)]


def names(**wanted):
    return {one.full_name for one in resources_of(DISCOVERIES) if is_wanted(one, Wanted(**wanted))}


def test_every_group_and_version_is_listed_once():
    versions = versions_of(DISCOVERIES)

    assert versions == sorted(set(versions))
    assert {"v1", "apps/v1", "autoscaling/v1", "autoscaling/v2", "metrics.k8s.io/v1beta1"} <= set(versions)


@pytest.mark.parametrize(
    ("wanted", "there", "not_there"),
    [
        ({}, "deployments.apps", "deployments"),
        ({"namespaced": False}, "nodes", "pods"),
        ({"namespaced": True}, "pods", "nodes"),
        ({"group": ""}, "pods", "deployments.apps"),
        ({"group": "apps"}, "deployments.apps", "pods"),
        ({"verbs": frozenset({"watch"})}, "pods", "bindings"),
        ({"categories": frozenset({"all"})}, "services", "configmaps"),
    ],
)
def test_resources_can_be_chosen(wanted, there, not_there):
    found = names(**wanted)

    assert there in found
    assert not_there not in found


def test_rows_are_kubectls():
    rows = resource_rows(resources_of(DISCOVERIES), wide=False, headings=True)

    assert rows[0] == HEADS
    assert ("deployments", "deploy", "apps/v1", "true", "Deployment") in rows
    assert rows[1][0] == "bindings"


def test_wide_rows_have_verbs_and_categories():
    rows = {row[0]: row for row in resource_rows(resources_of(DISCOVERIES), wide=True, headings=False)}

    assert rows["componentstatuses"][-2:] == ("get,list", "")
    assert rows["deployments"][-1] == "all"
