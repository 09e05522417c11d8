"""Label and field selectors, as kubectl writes them."""

import pytest

from netemu.api.errors import BadRequestError
from netemu.api.kinds import CERTIFICATE_SIGNING_REQUEST, CONFIG_MAP, EVENT, JOB, NODE, POD, SERVICE
from netemu.api.selectors import (
    matches,
    matches_fields,
    matches_labels,
    parse_field_selector,
    parse_label_selector,
    require_known_fields,
)
from netemu.api.views.meta import LabelSelector, SelectorRequirement

WEB = {"app": "web", "tier": "front"}
BARE: dict[str, str] = {}


@pytest.mark.parametrize(
    ("text", "labels", "is_match"),
    [
        ("", WEB, True),
        ("app=web", WEB, True),
        ("app==web", WEB, True),
        ("app = web", WEB, True),
        ("app=db", WEB, False),
        ("app=web,tier=back", WEB, False),
        ("app=web,app=db", WEB, False),
        ("app", WEB, True),
        ("app", BARE, False),
        ("!app", WEB, False),
        ("!app", BARE, True),
        ("! app", BARE, True),
        ("app!=web", WEB, False),
        ("app!=web", BARE, True),
        ("app in (web, db)", WEB, True),
        ("app in (db)", WEB, False),
        ("app in (web)", BARE, False),
        ("app notin (web, db)", WEB, False),
        ("app notin (web,db)", BARE, True),
        ("app in (web),tier in (front,back),!old", WEB, True),
        ("app=", {"app": ""}, True),
        ("app=", BARE, False),
        ("app in (a,)", {"app": ""}, True),
        ("example.com/role=x", {"example.com/role": "x"}, True),
        ("in", {"in": "x"}, True),
    ],
)
def test_a_label_selector_selects(text, labels, is_match):
    assert matches(parse_label_selector(text), labels) is is_match


@pytest.mark.parametrize(
    "text",
    ["app=web,", ",", "a b", "app in web", "app in (web", "a=b=c", "=web", "!", "a>1", "-a=b", "a=b c"],
)
def test_a_label_selector_that_cannot_be_read_is_a_bad_request(text):
    with pytest.raises(BadRequestError, match="unable to parse requirement"):
        parse_label_selector(text)


def test_the_broken_value_is_shown():
    with pytest.raises(BadRequestError) as caught:
        parse_label_selector("app=web,tier=-x")

    assert 'values[0][tier]: Invalid value: "-x": a valid label must be' in caught.value.message


@pytest.mark.parametrize(
    ("operator", "values", "labels", "is_match"),
    [
        ("In", ("web",), WEB, True),
        ("NotIn", ("web",), WEB, False),
        ("NotIn", ("web",), BARE, True),
        ("Exists", (), WEB, True),
        ("DoesNotExist", (), WEB, False),
    ],
)
def test_an_expression_of_an_object_selects_alike(operator, values, labels, is_match):
    expression = SelectorRequirement(key="app", operator=operator, values=values)

    assert matches(LabelSelector(match_expressions=(expression,)), labels) is is_match


def test_labels_match_when_all_wanted_ones_are_there():
    assert matches_labels({"app": "web"}, WEB)
    assert not matches_labels({"app": "web", "x": "y"}, WEB)


POD_OBJECT = {
    "metadata": {"name": "p", "namespace": "prod"},
    "spec": {"nodeName": "node-1", "restartPolicy": "Always"},
    "status": {"phase": "Running", "podIP": "10.244.1.2"},
}


@pytest.mark.parametrize(
    ("kind", "text", "obj", "is_match"),
    [
        (POD, "", POD_OBJECT, True),
        (POD, "metadata.name=p", POD_OBJECT, True),
        (POD, "metadata.namespace!=prod", POD_OBJECT, False),
        (POD, "spec.nodeName=node-1,status.phase=Running", POD_OBJECT, True),
        (POD, "spec.nodeName=", POD_OBJECT, False),
        (POD, "spec.nodeName=", {"metadata": {}, "spec": {}}, True),
        (POD, "status.podIP==10.244.1.2", POD_OBJECT, True),
        (NODE, "spec.unschedulable=false", {"metadata": {}}, True),
        (NODE, "spec.unschedulable=true", {"spec": {"unschedulable": True}}, True),
        (SERVICE, "spec.type=NodePort", {"spec": {"type": "NodePort"}}, True),
        (
            EVENT,
            "involvedObject.name=p,type!=Normal",
            {"involvedObject": {"name": "p"}, "type": "Warning"},
            True,
        ),
        (EVENT, "source=kubelet", {"source": {"component": "kubelet"}}, True),
        (EVENT, "source=kubelet", {"source": {}, "reportingComponent": "kubelet"}, True),
        (JOB, "status.successful=1", {"status": {"succeeded": 1}}, True),
        (JOB, "status.successful=0", {"status": {}}, True),
        (CERTIFICATE_SIGNING_REQUEST, "spec.signerName=a/b", {"spec": {"signerName": "a/b"}}, True),
        (CONFIG_MAP, r"metadata.name=a\,b\=c\\d", {"metadata": {"name": r"a,b=c\d"}}, True),
    ],
)
def test_a_field_selector_selects(kind, text, obj, is_match):
    assert matches_fields(kind, parse_field_selector(text), obj) is is_match


@pytest.mark.parametrize("text", ["spec.nodeName", "a=b=c", "x,y=z"])
def test_a_field_selector_that_cannot_be_read_is_a_bad_request(text):
    with pytest.raises(BadRequestError, match="invalid selector"):
        parse_field_selector(text)


def test_a_field_that_a_kind_is_not_selected_by_is_named_with_the_known_ones():
    with pytest.raises(BadRequestError) as caught:
        require_known_fields(CONFIG_MAP, parse_field_selector("spec.nodeName=x"))

    assert caught.value.message == "field label not supported: spec.nodeName"
    assert "metadata.name" in caught.value.hint
