"""What a node says of itself, and when."""

from __future__ import annotations

import pytest

from netemu.agent import machine
from netemu.agent.node import NodeReporter, conditions, lease_of, network_problem, node_object, renew_every_s
from netemu.api.kinds import LEASE, NAMESPACE, NODE
from netemu.api.quantity import parse
from netemu.apiserver.client import LocalClient
from netemu.apiserver.registry import Registry
from netemu.clock import system_clock
from netemu.settings import Settings
from netemu.testing import builders
from netemu.testing.memory_store import MemoryStore


class Told:
    """A recorder that keeps what it is told."""

    def __init__(self):
        self.reasons = []

    def emit(self, regarding, type, reason, message, *, field_path=""):
        self.reasons.append(reason)


class Node:
    """One node that reports, at a time that tests set."""

    def __init__(self, client, tmp_path, zone="east"):
        has = machine.capacity(tmp_path, cpu="4", memory="8Gi", max_pods=10)
        made = node_object(
            "node-1",
            addresses=["172.30.0.11"],
            pod_cidrs=["10.244.0.0/24"],
            labels=machine.node_labels("node-1", zone),
            annotations={"a": "b"},
            capacity=has,
            allocatable=machine.allocatable(has),
            info=machine.node_info("node-1.test"),
        )
        self.client = client
        self.problem = ""
        self.now_s = 1_700_000_000.0
        self.told = Told()
        self.images = []
        self.reporter = NodeReporter(
            client,
            made,
            lambda: self.problem,
            lambda: self.now_s,
            self.told,
            images=lambda: list(self.images),
        )

    async def get(self):
        return await self.client.get(NODE, "", "node-1")

    async def ready(self):
        found = (await self.get())["status"]["conditions"]
        return next((c["status"], c["lastHeartbeatTime"]) for c in found if c["type"] == "Ready")


@pytest.fixture
async def node(tmp_path):
    client = LocalClient(Registry(MemoryStore(), Settings(), system_clock))
    await client.create(NAMESPACE, builders.namespace("kube-node-lease"))
    return Node(client, tmp_path)


async def test_a_node_registers_with_what_it_is(node):
    await node.reporter.register()
    made = await node.get()

    assert made["metadata"]["labels"]["topology.kubernetes.io/zone"] == "east"
    assert made["status"]["capacity"]["cpu"] == "4"
    assert made["status"]["daemonEndpoints"] == {"kubeletEndpoint": {"Port": 10250}}
    assert (await node.ready())[0] == "True"


async def test_what_somebody_wrote_on_a_node_stays_when_it_registers_again(node):
    await node.reporter.register()
    await node.client.patch(NODE, "", "node-1", {"metadata": {"labels": {"disk": "ssd"}}})
    await node.client.patch(NODE, "", "node-1", {"spec": {"unschedulable": True}})
    await node.reporter.register()
    made = await node.get()

    assert made["metadata"]["labels"]["disk"] == "ssd"
    assert made["spec"]["unschedulable"] is True


async def test_a_node_says_that_it_lives_by_its_lease(node):
    await node.reporter.register()
    node.now_s += 10.25
    await node.reporter.renew()
    lease = await node.client.get(LEASE, "kube-node-lease", "node-1")

    assert lease["spec"]["renewTime"] == "2023-11-14T22:13:30.250000Z"
    assert lease["metadata"]["ownerReferences"][0]["uid"] == (await node.get())["metadata"]["uid"]


async def test_a_deleted_node_is_silent_until_it_registers_again(node):
    await node.reporter.register()
    await node.client.delete(NODE, "", "node-1")
    node.now_s += 400
    await node.reporter.renew()

    assert await node.reporter.report() is False
    await node.reporter.register()
    assert (await node.ready())[0] == "True"


async def test_status_is_written_when_readiness_changes_and_otherwise_seldom(node):
    await node.reporter.register()
    first = await node.ready()
    node.now_s += 60
    assert await node.reporter.report() is False
    assert await node.ready() == first

    node.problem = network_problem("cni plugin not initialized")
    assert await node.reporter.report() is True
    assert (await node.ready())[0] == "False"
    node.problem = ""
    await node.reporter.report()
    assert node.told.reasons == ["Starting", "NodeReady", "NodeNotReady", "NodeReady"]

    before = await node.ready()
    node.now_s += 301
    assert await node.reporter.report() is False
    assert await node.ready() != before


async def test_pods_may_have_what_others_say_that_a_node_has(node):
    await node.reporter.register()
    added = {"status": {"capacity": {"example.com/dongle": "4"}}}
    await node.client.patch(NODE, "", "node-1", added, subresource="status")
    await node.reporter.renew()
    await node.reporter.report()
    status = (await node.get())["status"]
    assert (status["capacity"]["example.com/dongle"], status["capacity"]["cpu"]) == ("4", "4")
    assert status["allocatable"]["example.com/dongle"] == "4"

    gone = {"status": {"capacity": {"example.com/dongle": None}}}
    await node.client.patch(NODE, "", "node-1", gone, subresource="status")
    await node.reporter.renew()
    await node.reporter.report()
    assert "example.com/dongle" not in (await node.get())["status"]["allocatable"]


def test_conditions_of_others_are_kept_and_times_change_with_the_status():
    own = {"type": "KernelDeadlock", "status": "False"}
    first = conditions([own], "", 1_700_000_000.0)
    later = conditions(first, "", 1_700_000_060.0)

    assert later[0] == own
    assert [c["lastTransitionTime"] for c in later[1:]] == [c["lastTransitionTime"] for c in first[1:]]
    assert [c["type"] for c in later][1:] == [
        "NetworkUnavailable",
        "MemoryPressure",
        "DiskPressure",
        "PIDPressure",
        "Ready",
    ]


@pytest.mark.parametrize(("grace_s", "every_s"), [(50.0, 10.0), (4.0, 1.0)])
def test_a_node_renews_often_enough_for_the_grace_that_it_has(grace_s, every_s):
    assert renew_every_s(grace_s) == every_s


def test_a_node_without_settings_has_what_the_machine_has(tmp_path):
    has = machine.capacity(tmp_path, cpu="", memory="", max_pods=110)
    offers = machine.allocatable(has)

    assert parse(has["cpu"]) >= 1
    assert 0 < parse(offers["ephemeral-storage"]) < parse(has["ephemeral-storage"])
    assert {**offers, "ephemeral-storage": ""} == {**has, "ephemeral-storage": ""}


def test_a_lease_is_the_nodes_own():
    lease = lease_of(builders.stored(builders.node("n"), "uid-1"), 0.5)

    assert lease["spec"]["holderIdentity"] == "n"
    assert lease["spec"]["renewTime"] == "1970-01-01T00:00:00.500000Z"


async def test_images_that_are_loaded_are_told_at_once(node):
    await node.reporter.register()
    assert "images" not in (await node.get())["status"]

    node.images.append({"names": ["docker.io/library/web:v1"], "sizeBytes": 7})
    await node.reporter.report()

    assert (await node.get())["status"]["images"] == [{"names": ["docker.io/library/web:v1"], "sizeBytes": 7}]


async def test_a_node_that_comes_back_tells_so(node):
    await node.reporter.register()
    lost = [{"type": "Ready", "status": "Unknown", "lastTransitionTime": "2023-11-14T22:13:30Z"}]
    await node.client.patch(NODE, "", "node-1", {"status": {"conditions": lost}}, subresource="status")
    await node.reporter.register()
    node.reporter.tell_start()

    assert node.told.reasons == ["Starting", "NodeReady", "NodeReady", "Starting", "Rebooted"]


async def test_a_node_tells_when_it_is_cordoned_and_when_it_is_no_more(node):
    await node.reporter.register()
    for unschedulable in (True, True, False):
        await node.client.patch(NODE, "", "node-1", {"spec": {"unschedulable": unschedulable}})
        await node.reporter.renew()

    assert node.told.reasons[2:] == ["NodeNotSchedulable", "NodeSchedulable"]


async def test_a_node_that_was_thought_lost_reports_again(node):
    await node.reporter.register()
    lost = [{"type": "Ready", "status": "Unknown", "lastTransitionTime": "2023-11-14T22:13:30Z"}]
    await node.client.patch(NODE, "", "node-1", {"status": {"conditions": lost}}, subresource="status")
    assert await node.reporter.report() is False

    await node.reporter.renew()
    await node.reporter.report()
    assert (await node.ready())[0] == "True"


def test_a_node_of_both_families_has_addresses_and_ranges_of_both():
    made = node_object(
        "node-1",
        addresses=["172.30.0.11", "fd00:172::b"],
        pod_cidrs=["10.244.0.0/24", "fd00:244::/64"],
        labels={},
        annotations={},
        capacity={},
        allocatable={},
        info={},
    )

    assert made["spec"] == {"podCIDR": "10.244.0.0/24", "podCIDRs": ["10.244.0.0/24", "fd00:244::/64"]}
    assert made["status"]["addresses"] == [
        {"type": "InternalIP", "address": "172.30.0.11"},
        {"type": "InternalIP", "address": "fd00:172::b"},
        {"type": "Hostname", "address": "node-1"},
    ]


@pytest.mark.parametrize("has_users", [True, False])
def test_a_node_says_whether_pods_can_have_users_of_their_own(has_users):
    nothing = {"labels": {}, "annotations": {}, "capacity": {}, "allocatable": {}, "info": {}}
    made = node_object("node-1", addresses=[], pod_cidrs=["10.244.0.0/24"], has_users=has_users, **nothing)

    (handler,) = made["status"]["runtimeHandlers"]
    assert (handler["name"], handler["features"]["userNamespaces"]) == ("", has_users)
