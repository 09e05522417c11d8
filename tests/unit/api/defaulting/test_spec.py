"""Objects without what others take for granted."""

from __future__ import annotations

import pytest

from netemu.api.defaulting import default
from netemu.api.kinds import CONFIG_MAP, KINDS, LEASE, NODE, POD_DISRUPTION_BUDGET
from netemu.api.validation import validate
from netemu.controllers.indexes import add_indexes
from netemu.informer.cache import Cache


@pytest.mark.parametrize("kind", [POD_DISRUPTION_BUDGET, LEASE])
def test_a_spec_is_always_there(kind):
    assert default(kind, {"metadata": {"name": "x"}})["spec"] == {}


def test_what_has_no_spec_gets_none():
    assert "spec" not in default(CONFIG_MAP, {"metadata": {"name": "x"}})


def test_conditions_have_a_type_and_a_status():
    node = {"metadata": {"name": "x"}, "status": {"conditions": [{"reason": "Odd"}]}}

    assert default(NODE, node)["status"]["conditions"] == [{"reason": "Odd", "type": "", "status": ""}]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.key)
def test_an_empty_object_that_is_accepted_can_be_found_by_all_indexes(kind):
    head = {"apiVersion": kind.api_version, "kind": kind.kind}
    obj = default(kind, {**head, "metadata": {"name": "x", "namespace": "default", "uid": "u"}})
    cache = Cache()
    add_indexes(cache)
    validate(kind, obj)

    assert cache.apply(kind, obj) is not None


def test_a_budget_that_was_stored_without_a_spec_stops_nobody():
    cache = Cache()
    add_indexes(cache)
    budget = {"kind": "PodDisruptionBudget", "metadata": {"name": "x", "namespace": "default", "uid": "u"}}

    assert cache.apply(POD_DISRUPTION_BUDGET, budget) is not None
