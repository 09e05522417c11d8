"""Whatever nodes went through, they end as if it had never been."""

from __future__ import annotations

from datetime import UTC, datetime

from netemu.api.kinds import LEASE, NAMESPACE, NODE, POD
from netemu.controllers import garbage, tainteviction
from netemu.controllers.nodelifecycle import node_lifecycle
from netemu.testing import builders
from netemu.testing.convergence import Story, check_any_order

RECONCILERS = (node_lifecycle(50.0), tainteviction.RECONCILER, garbage.POD_RECONCILER)
NODES = ("node-1", "node-2")
LEASED = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "spec": {}}
OWN_TAINT = {"key": "maintenance", "effect": "NoExecute"}


async def speak(world, name, status="True", message=""):
    """Let a node renew its lease and report."""
    renewed = datetime.fromtimestamp(world.now_s, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    await world.edit(LEASE, name, {"spec": {"renewTime": renewed}}, namespace="kube-node-lease")
    told = [
        {"type": type_, "status": status if type_ == "Ready" else "False", "message": message}
        for type_ in ("MemoryPressure", "DiskPressure", "PIDPressure", "Ready")
    ]
    await world.edit(NODE, name, {"status": {"conditions": told}}, namespace="", subresource="status")


async def pass_by(world, seconds):
    """Let time pass while one node speaks and the other does not."""
    for _ in range(3):
        await speak(world, "node-1")
        await world.wait(seconds / 3)


async def cordon(world, name, is_cordoned):
    await world.edit(NODE, name, {"spec": {"unschedulable": is_cordoned or None}}, namespace="")


async def taint(world, taints):
    await world.edit(NODE, "node-2", {"spec": {"taints": taints}}, namespace="")


async def fill(world):
    """Bind a pod to each node, unless it has its own."""
    there = await world.names(POD)
    for node in (node for node in NODES if f"on-{node}" not in there):
        await world.create(POD, builders.pod(f"on-{node}"))
        await world.bind(await world.get(POD, f"on-{node}"), node)


CASES = {
    "one is silent for a while": lambda world: pass_by(world, 40),
    "one is silent": lambda world: pass_by(world, 120),
    "one is silent for long": lambda world: pass_by(world, 600),
    "all are silent": lambda world: world.wait(100),
    "new pods": fill,
    "one has no network": lambda world: speak(world, "node-2", "False", "reason:NetworkPluginNotReady"),
    "one is broken": lambda world: speak(world, "node-1", "False", "disk on fire"),
    "cordon": lambda world: cordon(world, "node-2", True),
    "uncordon": lambda world: cordon(world, "node-2", False),
    "evict by taint": lambda world: taint(world, [OWN_TAINT]),
    "agents act": lambda world: world.run_agents(),
}


async def begin(world):
    await world.create(NAMESPACE, builders.namespace("kube-node-lease"))
    await world.create(NODE, builders.node("node-2"))
    for name in NODES:
        await world.create(LEASE, {**LEASED, "metadata": {"name": name, "namespace": "kube-node-lease"}})
        await speak(world, name)
    await fill(world)


async def wish(world):
    for name in NODES:
        await speak(world, name)
        await cordon(world, name, False)
    await taint(world, [])
    await world.settle()
    await world.run_agents()
    await fill(world)


async def sight(world):
    nodes = [
        (
            node["metadata"]["name"],
            node["spec"].get("taints", []),
            [c["status"] for c in node["status"]["conditions"]],
        )
        for node in await world.list(NODE)
    ]
    return sorted(nodes), sorted(pod["metadata"]["name"] for pod in await world.pods())


async def test_nodes_and_their_pods_end_the_same_whatever_happened():
    story = Story(begin=begin, cases=CASES, wish=wish, sight=sight, reconcilers=RECONCILERS)

    await check_any_order(story, rounds=8, seed=3)
