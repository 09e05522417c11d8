"""What can be asked of each kind."""

from __future__ import annotations

import pytest

from netemu.api.kinds import DEPLOYMENT, KINDS, NAMESPACE, NODE, POD, SERVICE
from netemu.api.resources import group_versions, kinds_of, reviews_of, subresources_of, verbs_of
from netemu.api.served import BUILT_IN


@pytest.mark.parametrize(
    ("kind", "can"), [(POD, True), (DEPLOYMENT, True), (NAMESPACE, False), (SERVICE, True)]
)
def test_some_collections_cannot_be_deleted(kind, can):
    assert ("deletecollection" in verbs_of(kind)) is can


@pytest.mark.parametrize(
    ("kind", "name", "speaks"),
    [
        (POD, "status", ("", "v1", "Pod")),
        (POD, "exec", ("", "v1", "PodExecOptions")),
        (POD, "binding", ("", "v1", "Binding")),
        (DEPLOYMENT, "scale", ("autoscaling", "v1", "Scale")),
        (NODE, "proxy", ("", "v1", "NodeProxyOptions")),
    ],
)
def test_a_subresource_has_a_kind_of_its_own(kind, name, speaks):
    found = {part.name: part for part in subresources_of(kind)}[name]

    assert (found.group, found.version, found.kind) == speaks


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.key)
def test_every_kind_is_listed_under_its_group_and_version(kind):
    assert kind in kinds_of(BUILT_IN, kind.group, kind.version)
    assert kind.version in group_versions(BUILT_IN)[kind.group]


def test_reviews_have_groups_though_nothing_of_them_is_kept():
    assert group_versions(BUILT_IN)["authentication.k8s.io"] == ("v1",)
    assert {review.kind for review in reviews_of("authentication.k8s.io", "v1")} >= {"TokenReview"}
