"""Priorities and the times that pods stay on lost nodes."""

from __future__ import annotations

import pytest

from netemu.api.errors import ForbiddenError
from netemu.api.kinds import NAMESPACE, POD, PRIORITY_CLASS
from netemu.apiserver.client import LocalClient
from netemu.apiserver.podadmission import PodAdmission, in_turn
from netemu.apiserver.registry import Registry
from netemu.clock import system_clock
from netemu.settings import Settings
from netemu.testing import builders
from netemu.testing.memory_store import MemoryStore


@pytest.fixture
def serving():
    async def serve(**settings):
        made = Settings(**settings)
        admission = PodAdmission(made, lambda: registry.list(PRIORITY_CLASS).items)
        registry = Registry(MemoryStore(), made, system_clock, admit=in_turn(admission))
        client = LocalClient(registry)
        await client.create(NAMESPACE, builders.namespace("default"))
        return client

    return serve


def priority_class(name, value, **more):
    kind = {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass"}
    return {**kind, "metadata": {"name": name}, "value": value, **more}


async def test_a_pod_has_the_priority_of_its_class(serving):
    client = await serving()
    await client.create(PRIORITY_CLASS, priority_class("high", 1000, preemptionPolicy="Never"))
    spec = (await client.create(POD, builders.pod(priorityClassName="high")))["spec"]

    assert (spec["priority"], spec["preemptionPolicy"]) == (1000, "Never")


async def test_a_class_for_all_holds_where_none_is_named(serving):
    client = await serving()
    await client.create(PRIORITY_CLASS, priority_class("usual", 5, globalDefault=True))
    spec = (await client.create(POD, builders.pod()))["spec"]

    assert (spec["priority"], spec["priorityClassName"]) == (5, "usual")


async def test_without_classes_pods_have_no_priority(serving):
    client = await serving()
    spec = (await client.create(POD, builders.pod()))["spec"]

    assert spec["priority"] == 0
    assert "priorityClassName" not in spec


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        pytest.param(
            {"priorityClassName": "none"}, "no PriorityClass with name none was found", id="unknown-class"
        ),
        pytest.param(
            {"priorityClassName": "high", "priority": 7}, "must not be provided in pod spec", id="own-number"
        ),
    ],
)
async def test_a_pod_of_another_priority_is_refused(serving, spec, words):
    client = await serving()
    await client.create(PRIORITY_CLASS, priority_class("high", 1000))

    with pytest.raises(ForbiddenError, match=words):
        await client.create(POD, builders.pod(**spec))


async def test_how_long_pods_stay_on_lost_nodes_is_a_setting(serving):
    client = await serving(default_not_ready_toleration_seconds=3, default_unreachable_toleration_seconds=4)
    own = {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute"}
    filled = (await client.create(POD, builders.pod("a")))["spec"]["tolerations"]
    given = (await client.create(POD, builders.pod("b", tolerations=[own])))["spec"]["tolerations"]

    assert [each["tolerationSeconds"] for each in filled] == [3, 4]
    assert [each.get("tolerationSeconds") for each in given] == [None, 4]
