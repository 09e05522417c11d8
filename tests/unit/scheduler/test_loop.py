"""The scheduler's loop, over the real API in memory."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import asynccontextmanager

import pytest

from netemu.api.errors import UnavailableError
from netemu.api.kinds import EVENT, NAMESPACE, NODE, PERSISTENT_VOLUME_CLAIM, POD, STORAGE_CLASS
from netemu.apiserver.client import LocalClient
from netemu.apiserver.registry import Registry
from netemu.clock import system_clock
from netemu.informer.cache import Cache
from netemu.informer.watch import Informer
from netemu.scheduler.loop import FOLLOWED, run_scheduler
from netemu.settings import Settings
from netemu.testing import builders
from netemu.testing.eventually import eventually
from netemu.testing.memory_store import MemoryStore

NOT_READY = {"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}
PORT = {"containerPort": 80, "hostPort": 8080}
LOCAL = {
    "apiVersion": "storage.k8s.io/v1",
    "kind": "StorageClass",
    "metadata": {"name": "local"},
    "provisioner": "netemu.io/local-path",
    "volumeBindingMode": "WaitForFirstConsumer",
}
CLAIM = {
    "apiVersion": "v1",
    "kind": "PersistentVolumeClaim",
    "metadata": {"name": "data", "namespace": "default"},
    "spec": {
        "storageClassName": "local",
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "1Gi"}},
    },
}


class FlakyClient(LocalClient):
    """Refuses the first bindings, and counts them all."""

    def __init__(self, registry):
        super().__init__(registry)
        self.failures = 0
        self.failure = UnavailableError("not now")
        self.bindings = 0

    async def update(self, kind, obj, *, subresource=""):
        self.bindings += 1
        self.failures -= 1
        refused = [self.failure] * (self.failures >= 0)
        for error in refused:
            raise error
        return await super().update(kind, obj, subresource=subresource)


@pytest.fixture
async def client():
    made = FlakyClient(Registry(MemoryStore(), Settings(), system_clock))
    await made.create(NAMESPACE, builders.namespace("default"))
    return made


@asynccontextmanager
async def scheduling(client, *nodes):
    for node in nodes:
        await client.create(NODE, node)
    cache = Cache()
    informer = Informer(client, cache, FOLLOWED)
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(informer.run()),
            group.create_task(run_scheduler(client, cache, informer, clock=system_clock)),
        ]
        yield
        for task in tasks:
            task.cancel()


async def where(client):
    return {p["metadata"]["name"]: p["spec"].get("nodeName", "") for p in (await client.list(POD)).items}


def all_bound(seen):
    return all(seen.values())


async def bound(client):
    return await eventually(lambda: where(client), all_bound)


async def why(client, name):
    conditions = (await client.get(POD, "default", name)).get("status", {}).get("conditions", [])
    return {c["type"]: c.get("message", "") for c in conditions if c["status"] == "False"}.get("PodScheduled")


async def selected(client):
    claim = await client.get(PERSISTENT_VOLUME_CLAIM, "default", "data")
    return claim["metadata"].get("annotations", {}).get("volume.kubernetes.io/selected-node")


async def reasons(client):
    return Counter(event["reason"] for event in (await client.list(EVENT)).items)


async def test_pods_are_bound_evenly_and_it_is_told(client):
    async with scheduling(client, *(builders.node(f"node-{n}") for n in (1, 2, 3))):
        for number in range(30):
            await client.create(POD, builders.pod(f"p{number}"))
        seen = await bound(client)
        await eventually(lambda: reasons(client), lambda told: told["Scheduled"] == 30)

    assert Counter(seen.values()) == {"node-1": 10, "node-2": 10, "node-3": 10}
    assert client.bindings == 30


async def test_pods_that_were_there_before_count(client):
    await client.create(POD, builders.pod("old", node="node-1"))
    async with scheduling(client, builders.node("node-1"), builders.node("node-2")):
        await client.create(POD, builders.pod("new"))
        assert (await bound(client))["new"] == "node-2"


async def test_a_second_pod_with_a_taken_host_port_waits_with_the_reason_until_it_is_free(client):
    async with scheduling(client, builders.node()):
        await client.create(POD, builders.pod("first", ports=(PORT,)))
        await bound(client)
        await client.create(POD, builders.pod("second", ports=(PORT,)))
        message = await eventually(lambda: why(client, "second"))
        assert message.startswith("0/1 nodes are available: 1 node(s) didn't have free ports")
        await eventually(lambda: reasons(client), lambda told: told["FailedScheduling"] == 1)

        await client.delete(POD, "default", "first", grace_period_s=0)
        assert await bound(client) == {"second": "node-1"}
        assert await why(client, "second") is None


async def test_a_pod_waits_for_its_claim_and_then_for_the_claims_volume(client):
    await client.create(STORAGE_CLASS, LOCAL)
    async with scheduling(client, builders.node()):
        volume = {"name": "v", "persistentVolumeClaim": {"claimName": "data"}}
        await client.create(POD, builders.pod("p", volumes=[volume]))
        message = await eventually(lambda: why(client, "p"))
        assert message == (
            '0/1 nodes are available: persistentvolumeclaim "data" not found. no new claims to deallocate,'
            " preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling."
        )

        await client.create(PERSISTENT_VOLUME_CLAIM, CLAIM)
        await eventually(lambda: selected(client), lambda node: node == "node-1")
        assert await where(client) == {"p": ""}
        marks = {"metadata": {"annotations": {"pv.kubernetes.io/bind-completed": "yes"}}}
        await client.patch(
            PERSISTENT_VOLUME_CLAIM, "default", "data", {**marks, "spec": {"volumeName": "made"}}
        )
        assert await bound(client) == {"p": "node-1"}


async def test_waiting_pods_are_looked_at_again_when_a_node_loses_its_taint(client):
    async with scheduling(client, builders.node(taints=(NOT_READY,))):
        await client.create(POD, builders.pod("p"))
        assert "untolerated taint" in await eventually(lambda: why(client, "p"))

        await client.patch(NODE, "", "node-1", {"spec": {"taints": None}})
        await bound(client)


async def test_a_pod_whose_phase_is_final_frees_its_place(client):
    async with scheduling(client, builders.node(max_pods=1)):
        await client.create(POD, builders.pod("first"))
        await bound(client)
        await client.create(POD, builders.pod("second"))
        assert "Too many pods" in await eventually(lambda: why(client, "second"))

        done = {"status": {"phase": "Succeeded"}}
        await client.patch(POD, "default", "first", done, subresource="status")
        await bound(client)


def heavy(name, cpu, **spec):
    container = {"name": "c", "image": "nginx", "resources": {"requests": {"cpu": cpu}}}
    return {**builders.pod(name), "spec": {"containers": [container], **spec}}


def with_cpu(node, cpu):
    return {**node, "status": {**node["status"], "allocatable": {"pods": "10", "cpu": cpu}}}


async def test_an_important_pod_pushes_a_lesser_one_out_and_both_are_told(client):
    async with scheduling(client, with_cpu(builders.node(), "1")):
        await client.create(POD, heavy("lesser", "800m"))
        await bound(client)
        await client.create(POD, heavy("vip", "800m", priority=1000))
        vip = await eventually(
            lambda: client.get(POD, "default", "vip"), lambda seen: "nominatedNodeName" in seen["status"]
        )
        assert vip["status"]["nominatedNodeName"] == "node-1"
        assert await why(client, "vip") == "0/1 nodes are available: 1 Insufficient cpu."
        ending = await eventually(
            lambda: client.get(POD, "default", "lesser"),
            lambda seen: "deletionTimestamp" in seen["metadata"],
        )
        (target,) = [c for c in ending["status"]["conditions"] if c["type"] == "DisruptionTarget"]
        assert target["reason"] == "PreemptionByScheduler"
        await eventually(lambda: reasons(client), lambda told: told["Preempted"] == 1)

        await client.delete(POD, "default", "lesser", grace_period_s=0)
        assert await bound(client) == {"vip": "node-1"}


async def test_a_pod_that_shrinks_leaves_room(client):
    async with scheduling(client, with_cpu(builders.node(), "1")):
        await client.create(POD, heavy("first", "800m"))
        await bound(client)
        await client.create(POD, heavy("second", "800m"))
        assert "Insufficient cpu" in await eventually(lambda: why(client, "second"))

        smaller = heavy("first", "100m")["spec"]["containers"]
        await client.patch(POD, "default", "first", {"spec": {"containers": smaller}}, subresource="resize")
        await bound(client)


async def test_a_pod_that_needs_a_neighbour_is_bound_when_one_comes(client):
    term = {"labelSelector": {"matchLabels": {"app": "db"}}, "topologyKey": "kubernetes.io/hostname"}
    near = {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    async with scheduling(client, builders.node(labels={"kubernetes.io/hostname": "node-1"})):
        await client.create(POD, builders.pod("web", affinity=near))
        assert "pod affinity rules" in await eventually(lambda: why(client, "web"))

        await client.create(POD, builders.pod("db", labels={"app": "db"}))
        assert await bound(client) == {"web": "node-1", "db": "node-1"}


async def test_a_gated_pod_says_so_and_is_bound_when_its_gates_are_gone(client):
    async with scheduling(client, builders.node()):
        await client.create(POD, builders.pod("p", schedulingGates=[{"name": "wait"}]))
        gated = await eventually(
            lambda: client.get(POD, "default", "p"), lambda seen: "conditions" in seen["status"]
        )
        assert gated["status"]["conditions"][0]["reason"] == "SchedulingGated"

        await client.patch(POD, "default", "p", {"spec": {"schedulingGates": None}})
        await bound(client)


@pytest.mark.parametrize("failure", [UnavailableError("not now"), RuntimeError("odd")], ids=["told", "not"])
async def test_a_binding_that_fails_is_tried_again_and_takes_no_place_meanwhile(client, failure):
    client.failures, client.failure = 2, failure
    async with scheduling(client, builders.node(max_pods=1)):
        await client.create(POD, builders.pod("p"))
        await bound(client)

    assert client.bindings == 3


@pytest.mark.parametrize(
    "spec", [{"schedulerName": "mine"}, {"schedulingGates": [{"name": "wait"}]}], ids=["other", "gated"]
)
async def test_pods_that_are_not_ours_to_schedule_are_left_alone(client, spec):
    async with scheduling(client, builders.node()):
        await client.create(POD, builders.pod("theirs", **spec))
        await client.create(POD, builders.pod("ours"))
        await eventually(lambda: where(client), lambda seen: bool(seen["ours"]))
        assert (await where(client))["theirs"] == ""
