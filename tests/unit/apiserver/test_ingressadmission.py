"""The class of an Ingress that names none."""

from __future__ import annotations

import pytest

from netemu.api.kinds import INGRESS, SERVICE
from netemu.apiserver.ingressadmission import IngressAdmission


def an_ingress(spec=None, **annotations):
    metadata = {"name": "web", "namespace": "default", "annotations": annotations}
    return {"metadata": metadata, "spec": spec or {}}


def a_class(name, created="2026-01-01T00:00:00Z", *, default="true"):
    annotations = {"ingressclass.kubernetes.io/is-default-class": default}
    return {"metadata": {"name": name, "creationTimestamp": created, "annotations": annotations}, "spec": {}}


def admitted(ingress, *classes, kind=INGRESS):
    return IngressAdmission(lambda: classes)(kind, ingress, None)["spec"].get("ingressClassName")


@pytest.mark.parametrize(
    ("classes", "given"),
    [
        pytest.param([], None, id="no-class"),
        pytest.param([a_class("a", default="false")], None, id="no-default"),
        pytest.param([{"metadata": {"name": "a"}, "spec": {}}], None, id="unmarked"),
        pytest.param([a_class("a", default="false"), a_class("b")], "b", id="one-default"),
        pytest.param([a_class("a"), a_class("b", "2026-01-02T00:00:00Z")], "b", id="newest-of-two"),
        pytest.param([a_class("b"), a_class("a")], "a", id="first-by-name-of-equal-age"),
    ],
)
def test_an_ingress_without_a_class_gets_the_default(classes, given):
    assert admitted(an_ingress(), *classes) == given


@pytest.mark.parametrize("named", ["mine", ""])
def test_a_class_that_is_named_stays(named):
    assert admitted(an_ingress({"ingressClassName": named}), a_class("a")) == named


def test_the_annotation_of_old_names_a_class_too():
    assert admitted(an_ingress(**{"kubernetes.io/ingress.class": "old"}), a_class("a")) is None


def test_other_kinds_have_no_class():
    assert admitted(an_ingress(), a_class("a"), kind=SERVICE) is None
