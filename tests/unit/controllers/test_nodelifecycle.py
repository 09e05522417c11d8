"""Nodes that fall silent: conditions, taints, pods out of service, evictions."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from netemu.api.kinds import LEASE, NAMESPACE, NODE, POD
from netemu.controllers import garbage, tainteviction
from netemu.controllers.nodelifecycle import node_lifecycle
from netemu.testing import builders

GRACE_S = 50.0
RECONCILERS = (node_lifecycle(GRACE_S), tainteviction.RECONCILER, garbage.POD_RECONCILER)
NOT_READY = "node.kubernetes.io/not-ready"
UNREACHABLE = "node.kubernetes.io/unreachable"
UNSCHEDULABLE = "node.kubernetes.io/unschedulable"
LEASED = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "spec": {}}
NO_CNI = "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:x"


@pytest.fixture
async def world(new_world):
    made = new_world(reconcilers=RECONCILERS)
    await made.create(NAMESPACE, builders.namespace("default"))
    await made.create(NAMESPACE, builders.namespace("kube-node-lease"))
    for name in ("node-1", "node-2"):
        await made.create(NODE, builders.node(name))
        await made.create(LEASE, {**LEASED, "metadata": {"name": name, "namespace": "kube-node-lease"}})
    await made.settle()
    return made


async def live(world, name, seconds, *, step=10.0):
    """Let a node renew its lease for a time."""
    end_s = world.now_s + seconds
    while world.now_s < end_s:
        renewed = datetime.fromtimestamp(world.now_s, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        await world.edit(LEASE, name, {"spec": {"renewTime": renewed}}, namespace="kube-node-lease")
        await world.wait(min(step, end_s - world.now_s))


async def taints(world, name):
    spec = (await world.get(NODE, name, "")).get("spec", {})
    return sorted((taint["key"], taint["effect"]) for taint in spec.get("taints", ()))


async def ready(world, name):
    conditions = (await world.get(NODE, name, ""))["status"]["conditions"]
    return next((c["status"], c.get("reason", "")) for c in conditions if c["type"] == "Ready")


async def says(world, name, status, message=""):
    """Let a node report."""
    condition = {"type": "Ready", "status": status, "reason": "Told", "message": message}
    await world.edit(NODE, name, {"status": {"conditions": [condition]}}, namespace="", subresource="status")


async def running(world, name, node="node-2", **spec):
    await world.create(POD, builders.pod(name, **spec))
    await world.bind(await world.get(POD, name), node)
    status = builders.running_status("10.244.1.9")
    await world.edit(POD, name, {"status": status}, subresource="status")


async def test_a_node_that_renews_its_lease_stays(world):
    await live(world, "node-1", 2 * GRACE_S)

    assert await ready(world, "node-1") == ("True", "")
    assert await taints(world, "node-1") == []


async def test_a_silent_node_is_unknown_and_keeps_pods_off_after_its_time(world):
    await live(world, "node-1", GRACE_S - 1)
    assert await ready(world, "node-2") == ("True", "")

    await live(world, "node-1", 3)
    assert await ready(world, "node-2") == ("Unknown", "NodeStatusUnknown")
    assert await taints(world, "node-2") == [(UNREACHABLE, "NoExecute"), (UNREACHABLE, "NoSchedule")]
    assert await taints(world, "node-1") == []
    assert ("NodeNotReady", "Node node-2 status is now: NodeNotReady") in await world.events()


async def test_nodes_that_speak_right_after_a_pause_of_everything_are_not_lost(world):
    await live(world, "node-1", 10)
    world.now_s += 3600
    world.ring()
    await world.settle()
    for name in ("node-1", "node-2"):
        await live(world, name, 0.25, step=0.25)
    await live(world, "node-1", 2)

    assert [await ready(world, name) for name in ("node-1", "node-2")] == [("True", "")] * 2
    assert ("NodeNotReady", "Node node-1 status is now: NodeNotReady") not in await world.events()


async def test_its_pods_are_not_ready_any_more_and_it_is_told(world):
    await running(world, "web")
    await live(world, "node-1", GRACE_S + 2)
    conditions = (await world.get(POD, "web"))["status"]["conditions"]

    assert [c["status"] for c in conditions if c["type"] == "Ready"] == ["False"]
    assert ("NodeNotReady", "Node is not ready") in await world.events()


async def test_a_node_that_comes_back_loses_its_taints(world):
    await live(world, "node-1", GRACE_S + 2)
    await says(world, "node-2", "True")
    await live(world, "node-2", 1)

    assert await taints(world, "node-2") == []


async def test_pods_leave_a_lost_node_when_they_have_waited_long_enough(world):
    await running(world, "web")
    await running(world, "patient", tolerations=[{"operator": "Exists"}])
    await running(world, "here", node="node-1")
    await live(world, "node-1", GRACE_S + 250)
    assert len(await world.pods()) == 3

    await live(world, "node-1", 60)
    assert sorted(pod["metadata"]["name"] for pod in await world.pods()) == ["here", "patient"]
    conditions = (await world.get(POD, "web"))["status"]["conditions"]
    assert [c["reason"] for c in conditions if c["type"] == "DisruptionTarget"] == ["DeletionByTaintManager"]
    assert ("TaintManagerEviction", "Marking for deletion Pod default/web") in await world.events()


async def test_pods_stay_when_their_node_comes_back_in_time(world):
    await running(world, "web")
    await live(world, "node-1", GRACE_S + 100)
    await says(world, "node-2", "True")
    await live(world, "node-2", 400)

    assert [pod["metadata"]["name"] for pod in await world.pods()] == ["web"]


async def test_without_any_node_that_lives_nobody_is_evicted(world):
    await running(world, "web")
    await world.wait(1000)

    assert await taints(world, "node-1") == await taints(world, "node-2") == [(UNREACHABLE, "NoSchedule")]
    assert len(await world.pods()) == 1


async def test_a_node_that_never_spoke_is_unknown_as_well(world):
    await world.create(NODE, {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "paper"}})
    await live(world, "node-1", GRACE_S + 2)

    assert await ready(world, "paper") == ("Unknown", "NodeStatusNeverUpdated")
    assert (UNREACHABLE, "NoSchedule") in await taints(world, "paper")


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        pytest.param(NO_CNI, [(NOT_READY, "PreferNoSchedule")], id="without-a-cni"),
        pytest.param(
            "disk on fire", [(NOT_READY, "NoExecute"), (NOT_READY, "NoSchedule")], id="for-another-reason"
        ),
    ],
)
async def test_a_node_that_says_it_is_not_ready_is_avoided(world, message, expected):
    await says(world, "node-2", "False", message)
    await world.settle()
    assert await taints(world, "node-2") == expected

    await says(world, "node-2", "True")
    await world.settle()
    assert await taints(world, "node-2") == []


async def test_cordoning_shows_as_a_taint(world):
    await world.edit(NODE, "node-1", {"spec": {"unschedulable": True}}, namespace="")
    await world.settle()
    assert await taints(world, "node-1") == [(UNSCHEDULABLE, "NoSchedule")]

    await world.edit(NODE, "node-1", {"spec": {"unschedulable": None}}, namespace="")
    await world.settle()
    assert await taints(world, "node-1") == []


async def test_an_evicting_taint_of_somebody_makes_pods_leave(world):
    own = {"key": "maintenance", "operator": "Exists", "effect": "NoExecute"}
    await running(world, "web")
    await running(world, "later", tolerations=[{**own, "tolerationSeconds": 30}])
    await running(world, "patient", tolerations=[own])
    taint = {"key": "maintenance", "effect": "NoExecute"}
    await world.edit(NODE, "node-2", {"spec": {"taints": [taint]}}, namespace="")
    await world.settle()
    assert sorted(pod["metadata"]["name"] for pod in await world.pods()) == ["later", "patient"]

    await live(world, "node-2", 31)
    assert [pod["metadata"]["name"] for pod in await world.pods()] == ["patient"]
    assert await taints(world, "node-2") == [("maintenance", "NoExecute")]


async def test_a_pod_that_is_bound_to_a_node_it_cannot_bear_leaves_at_once(world):
    taint = {"key": "maintenance", "effect": "NoExecute"}
    await world.edit(NODE, "node-2", {"spec": {"taints": [taint]}}, namespace="")
    await world.settle()
    await running(world, "web")
    await world.settle()

    assert await world.pods() == []


async def test_a_pod_that_comes_late_has_its_time_from_then_on(world):
    taint = {"key": "maintenance", "effect": "NoExecute"}
    own = {"key": "maintenance", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 30}
    await world.edit(NODE, "node-2", {"spec": {"taints": [taint]}}, namespace="")
    await live(world, "node-2", 100)
    await world.create(POD, builders.pod("late", tolerations=[own]))
    await world.bind(await world.get(POD, "late"), "node-2")
    await live(world, "node-2", 20)
    assert len(await world.pods()) == 1

    await live(world, "node-2", 11)
    assert await world.pods() == []


async def test_pods_of_a_node_that_is_said_to_be_out_of_service_are_forgotten(world):
    await running(world, "web")
    await live(world, "node-1", GRACE_S + 2)
    await world.client.delete(POD, "default", "web")
    await world.settle()
    assert await world.names(POD) == ["web"]

    taint = {"key": "node.kubernetes.io/out-of-service", "effect": "NoExecute", "value": "nodeshutdown"}
    kept = (await world.get(NODE, "node-2", ""))["spec"]["taints"]
    await world.edit(NODE, "node-2", {"spec": {"taints": [*kept, taint]}}, namespace="")
    await world.settle()
    assert await world.names(POD) == []


async def test_nodes_that_are_lost_together_are_emptied_one_after_the_other(world):
    await world.create(NODE, builders.node("node-3"))
    await live(world, "node-1", GRACE_S + 5, step=2.0)
    first = [(UNREACHABLE, "NoExecute") in await taints(world, name) for name in ("node-2", "node-3")]
    await live(world, "node-1", 12.0, step=2.0)
    then = [(UNREACHABLE, "NoExecute") in await taints(world, name) for name in ("node-2", "node-3")]

    assert sorted(first) == [False, True]
    assert then == [True, True]
