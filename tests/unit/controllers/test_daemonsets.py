"""DaemonSet: one pod on each node that wants it."""

from __future__ import annotations

import pytest

from netemu.api.kinds import DAEMON_SET, NODE, POD
from netemu.api.views import view
from netemu.api.views.core import Pod
from netemu.controllers.daemon_pods import node_of
from netemu.controllers.daemonsets import RECONCILER
from netemu.testing import builders

TAINT = {"key": "dedicated", "value": "db", "effect": "NoSchedule"}
TOLERATION = {"key": "dedicated", "operator": "Exists"}


async def made(world, *nodes, **spec):
    for node in nodes:
        await world.create(NODE, node)
    await world.create(DAEMON_SET, builders.daemon_set(**spec))
    await schedule(world)


async def schedule(world):
    """Be the scheduler, which only has to follow the affinity; and the agents."""
    for _ in range(20):
        await world.settle()
        for pod in await world.pods():
            await settle_pod(world, pod)
        await world.run_agents()


async def settle_pod(world, pod):
    pending = [pod] * (not pod["spec"].get("nodeName"))
    for unbound in pending:
        await world.bind(unbound, node_of(view(Pod, unbound)))


def template(**spec):
    container = {"name": "c", "image": "nginx"}
    return {"metadata": {"labels": {"app": "agent"}}, "spec": {"containers": [container], **spec}}


async def nodes_with_pods(world):
    return sorted(pod["spec"]["nodeName"] for pod in await world.pods())


async def test_every_node_has_one_pod(world):
    await made(world, builders.node("node-2"))

    assert await nodes_with_pods(world) == ["node-1", "node-2"]


async def test_a_pod_is_meant_for_its_node_before_it_is_bound(world):
    await world.create(DAEMON_SET, builders.daemon_set())
    await world.settle()

    (pod,) = await world.pods()
    assert "nodeName" not in pod["spec"]
    assert node_of(view(Pod, pod)) == "node-1"


@pytest.mark.parametrize(
    ("node", "spec", "expected"),
    [
        pytest.param({"taints": (TAINT,)}, {}, ["node-1"], id="tainted"),
        pytest.param(
            {"taints": (TAINT,)}, {"tolerations": [TOLERATION]}, ["node-1", "node-2"], id="tolerated"
        ),
        pytest.param({"unschedulable": True}, {}, ["node-1", "node-2"], id="cordoned"),
        pytest.param({"ready": False}, {}, ["node-1", "node-2"], id="not-ready-keeps-nobody-off"),
        pytest.param(
            {"labels": {"disk": "ssd"}}, {"nodeSelector": {"disk": "ssd"}}, ["node-2"], id="selected"
        ),
    ],
)
async def test_nodes_are_chosen_by_taints_and_selectors(world, node, spec, expected):
    await made(world, builders.node("node-2", **node), template=template(**spec))

    assert await nodes_with_pods(world) == expected


async def test_a_new_node_gets_a_pod_and_a_lost_one_loses_it(world):
    await made(world)
    await world.create(NODE, builders.node("node-2"))
    await schedule(world)
    assert await nodes_with_pods(world) == ["node-1", "node-2"]

    await world.client.delete(NODE, "", "node-2")
    await schedule(world)
    assert await nodes_with_pods(world) == ["node-1"]


async def test_a_failed_pod_is_replaced(world):
    await made(world)
    (name,) = await world.names(POD)
    await world.edit(POD, name, {"status": {"phase": "Failed"}}, subresource="status")
    await world.wait(1)
    await schedule(world)

    assert await world.names(POD) != [name]
    message = f"Found failed daemon pod default/{name} on node node-1, will try to kill it"
    assert ("FailedDaemonPod", message) in await world.events()
    assert await nodes_with_pods(world) == ["node-1"]


async def test_an_update_takes_one_node_after_the_other(world):
    await made(world, builders.node("node-2"))
    await world.edit(DAEMON_SET, "agent", {"spec": {"template": template(hostname="new")}})
    await world.settle()
    assert len(await world.pods()) == 1

    await schedule(world)
    assert [pod["spec"].get("hostname") for pod in await world.pods()] == ["new", "new"]


async def test_the_status_counts_nodes(world):
    await made(world, builders.node("node-2"))

    assert (await world.get(DAEMON_SET, "agent"))["status"] == {
        "currentNumberScheduled": 2,
        "numberMisscheduled": 0,
        "desiredNumberScheduled": 2,
        "numberReady": 2,
        "updatedNumberScheduled": 2,
        "numberAvailable": 2,
        "observedGeneration": 1,
    }


async def test_planning_after_all_is_done_yields_nothing(world):
    await made(world)
    await world.observe()

    assert world.plan(RECONCILER, "default", "agent") == []
