"""Taints, tolerations and node affinity."""

from __future__ import annotations

import pytest

from netemu.api.placement import NOT_READY, matches_node, node_taints, tolerates, untolerated
from netemu.api.views import view
from netemu.api.views.core import Node, PodSpec, Taint, Toleration
from netemu.testing import builders

TAINT = Taint(key="dedicated", value="db", effect="NoSchedule")
SOFT = Taint(key="old", effect="PreferNoSchedule")


@pytest.mark.parametrize(
    ("toleration", "expected"),
    [
        pytest.param({"key": "dedicated", "value": "db"}, True, id="equal"),
        pytest.param({"key": "dedicated", "value": "web"}, False, id="other-value"),
        pytest.param({"key": "dedicated", "operator": "Exists"}, True, id="exists"),
        pytest.param({"operator": "Exists"}, True, id="all"),
        pytest.param({"operator": "Exists", "effect": "NoExecute"}, False, id="other-effect"),
        pytest.param({"key": "other", "operator": "Exists"}, False, id="other-key"),
    ],
)
def test_a_toleration_matches_by_key_value_and_effect(toleration, expected):
    assert tolerates([view(Toleration, toleration)], TAINT) is expected


def test_a_soft_taint_keeps_nobody_off():
    assert untolerated([SOFT, TAINT], ()) == TAINT
    assert untolerated([SOFT], ()) is None


@pytest.mark.parametrize(("ready", "expected"), [(True, ()), (False, (NOT_READY,))])
def test_a_node_that_is_not_ready_is_as_if_tainted(ready, expected):
    assert node_taints(view(Node, builders.node(ready=ready))) == expected


def test_a_taint_that_is_there_is_not_added_again():
    written = {"key": NOT_READY.key, "effect": "NoExecute"}

    assert len(node_taints(view(Node, builders.node(ready=False, taints=(written,))))) == 1


def spec(*requirements, field="matchExpressions"):
    terms = [{field: [requirement]} for requirement in requirements]
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}
    pod = builders.pod(affinity={"nodeAffinity": required})
    return view(PodSpec, pod["spec"])


@pytest.mark.parametrize(
    ("operator", "values", "expected"),
    [
        ("In", ["a", "b"], True),
        ("NotIn", ["a"], False),
        ("Exists", [], True),
        ("DoesNotExist", [], False),
        ("Gt", ["1"], False),
        ("Lt", ["1"], False),
    ],
)
def test_an_expression_asks_for_a_label(operator, values, expected):
    requirement = {"key": "zone", "operator": operator, "values": values}

    assert matches_node(spec(requirement), "node-1", {"zone": "a"}) is expected


@pytest.mark.parametrize(("operator", "expected"), [("Gt", True), ("Lt", False)])
def test_numbers_are_compared_as_numbers(operator, expected):
    requirement = {"key": "cores", "operator": operator, "values": ["9"]}

    assert matches_node(spec(requirement), "node-1", {"cores": "10"}) is expected


def test_one_of_several_terms_is_enough():
    terms = [{"key": "zone", "operator": "In", "values": [zone]} for zone in "ab"]

    assert matches_node(spec(*terms), "node-1", {"zone": "b"})


def test_a_field_names_the_node_itself():
    requirement = {"key": "metadata.name", "operator": "In", "values": ["node-2"]}
    pinned = spec(requirement, field="matchFields")

    assert [matches_node(pinned, name, {}) for name in ("node-1", "node-2")] == [False, True]
