"""The balancer over the real API in memory, with nodes that only note what they answer for."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from ipaddress import ip_address, ip_network

import pytest

from netemu.api.errors import InvalidError
from netemu.api.kinds import ENDPOINT_SLICE, EVENT, NAMESPACE, NODE, SERVICE
from netemu.apiserver.client import LocalClient
from netemu.apiserver.registry import Registry
from netemu.balancer.announcement import choose
from netemu.balancer.kinds import ADDRESS_POOL, BGP_PEER, SETTINGS, address_pool, bgp_peer
from netemu.balancer.loop import Balancer
from netemu.balancer.pools import read_pool, unreached
from netemu.balancer.routing import Site
from netemu.cluster import balancing
from netemu.errors import KernelError
from netemu.events.loop import Recorder
from netemu.informer.cache import Cache
from netemu.informer.watch import Informer
from netemu.settings import Settings
from netemu.testing import builders
from netemu.testing.eventually import eventually
from netemu.testing.memory_store import MemoryStore

NAMES = ("node-1", "node-2", "node-3")
FOLLOWED = (NAMESPACE, NODE, SERVICE, ENDPOINT_SLICE)


def endpoint(node=None, **conditions):
    found = {"addresses": ["10.244.0.9"], "conditions": {"ready": True, **conditions}}
    return found | ({"nodeName": node} if node else {})


def slice_of(service, *endpoints):
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": f"{service}-1",
            "namespace": "default",
            "labels": {"kubernetes.io/service-name": service},
        },
        "addressType": "IPv4",
        "endpoints": list(endpoints),
        "ports": [{"name": "", "port": 80, "protocol": "TCP"}],
    }


READY = (endpoint(),)
SITE = Site(
    nodes={name: (ip_address(f"172.30.0.1{name[-1]}"),) for name in NAMES},
    outside=(ip_address("172.30.0.1"),),
    hosts=(ip_network("172.30.0.0/16"),),
)


class NotedNode:
    """Notes what a node would answer for, and that no two ever do at once."""

    def __init__(self, held):
        self.held = held
        self.mine = set()
        self.routed = set()
        self.renewed = 0
        self.broken = False

    def renew(self):
        self.renewed += 1

    def release(self, answered, routed=()):
        self.mine &= set(answered)
        self.routed &= {*answered, *routed}

    def hold(self, answered, routed=()):
        if self.broken:
            raise KernelError("cannot answer")
        new = frozenset({*answered, *routed}) - self.mine - self.routed
        self.mine, self.routed = set(answered), set(routed)
        for other in self.held.values():
            assert other is self or not (other.mine & self.mine)
        return new


class RefusingClient(LocalClient):
    """Refuses whatever is written to the Service "odd"."""

    async def patch(self, kind, namespace, name, patch, **more):
        if name == "odd":
            raise InvalidError("no")
        return await super().patch(kind, namespace, name, patch, **more)


class NotedRouters:
    """Notes what it is told, and tells what a test says of sessions."""

    site = SITE

    def __init__(self):
        self.configured = {}
        self.reached = set()
        self.states = {}

    def configure(self, configurations):
        self.configured.update(configurations)

    def announced(self, addresses):
        self.reached = {str(address) for address in addresses}

    async def sessions(self):
        return self.states


class Cluster:
    """An API, and a balancer that can be started again over it."""

    def __init__(self):
        self.registry = Registry(MemoryStore(), Settings(), lambda: 1_700_000_000.0)
        self.client = LocalClient(self.registry)
        self.off = set()
        self.nodes = {}
        self.balancer = None
        self.routers = None

    async def prepare(self, mode="layer2"):
        await balancing.ensure(self.registry, Settings(load_balancer=mode))
        if mode == "bgp":
            self.routers = NotedRouters()
        await self.client.create(NAMESPACE, builders.namespace("default"))
        for name in NAMES:
            await self.client.create(NODE, builders.node(name))
        return self

    @asynccontextmanager
    async def running(self):
        cache = Cache()
        informer = Informer(self.client, cache, FOLLOWED)
        settings = Informer(self.client, cache, SETTINGS)
        recorder = Recorder(self.client, lambda: 1_700_000_000.0, "netemu-balancer")
        self.balancer = Balancer(
            self.client,
            cache,
            informer,
            settings,
            recorder,
            routers=self.routers,
            hosts=SITE.hosts,
            is_on=lambda name: name not in self.off,
            period_s=0.01,
            retry_s=0.01,
            look_s=0.01,
            open_node=lambda name, _fd: self.nodes.setdefault(name, NotedNode(self.nodes)),
        )
        for name in NAMES:
            self.balancer.add_node(name, -1)
        async with asyncio.TaskGroup() as group:
            works = (informer.run(), settings.run(), recorder.run(), self.balancer.run())
            tasks = [group.create_task(work) for work in works]
            yield self
            for task in tasks:
                task.cancel()

    async def serve(self, name="web", *, on=READY, **spec):
        await self.client.create(ENDPOINT_SLICE, slice_of(name, *on))
        return await self.client.create(SERVICE, builders.service(name, type="LoadBalancer", **spec))

    async def serves(self, service, *endpoints):
        patch = {"endpoints": list(endpoints)}
        await self.client.patch(ENDPOINT_SLICE, "default", f"{service}-1", patch)

    async def addresses(self, name="web"):
        status = (await self.client.get(SERVICE, "default", name))["status"]
        return [entry["ip"] for entry in status["loadBalancer"].get("ingress", [])]

    async def events(self):
        return [(event["reason"], event["message"]) for event in (await self.client.list(EVENT)).items]

    def kind(self, kind):
        return self.registry.kinds.find(kind.group, kind.version, kind.resource)

    def told(self, line):
        """Name the routers whose configuration has a line."""
        return {
            place
            for place, config in self.routers.configured.items()
            if any(line in lines for lines in config.values())
        }

    def holders(self, address="172.30.255.1"):
        return [name for name, node in self.nodes.items() if ip_address(address) in node.mine]

    async def until(self, *names):
        await self.sees(lambda: self.holders() == list(names))

    async def sees(self, condition):
        async def probe():
            return condition()

        await eventually(probe)


@pytest.fixture
async def cluster():
    return await Cluster().prepare()


FIRST = choose(ip_address("172.30.255.1"), NAMES)
SECOND = choose(ip_address("172.30.255.1"), tuple(name for name in NAMES if name != FIRST))
ON_SECOND = next(
    address for n in range(2, 99) if choose(ip_address(address := f"172.30.255.{n}"), NAMES) == SECOND
)


async def test_a_service_gets_an_address_of_the_first_pool_and_one_node_answers(cluster):
    async with cluster.running():
        await cluster.serve()
        await cluster.until(FIRST)
        events = await eventually(cluster.events, lambda events: len(events) == 2)

    assert await cluster.addresses() == ["172.30.255.1"]
    assert sorted(events) == [
        ("IPAllocated", 'Assigned IP ["172.30.255.1"]'),
        ("nodeAssigned", f'announcing from node "{FIRST}" with protocol "layer2"'),
    ]


async def test_another_node_takes_over_when_one_is_switched_off_or_not_ready(cluster):
    async with cluster.running():
        await cluster.serve()
        await cluster.until(FIRST)
        cluster.off.add(FIRST)
        cluster.balancer.node_switched()
        await cluster.until(SECOND)
        cluster.off.clear()
        cluster.balancer.node_switched()
        await cluster.until(FIRST)

        not_ready = {"status": {"conditions": [{"type": "Ready", "status": "Unknown"}]}}
        await cluster.client.patch(NODE, "", FIRST, not_ready, subresource="status")
        await cluster.until(SECOND)


async def test_an_address_goes_with_its_service_and_comes_again(cluster):
    async with cluster.running():
        await cluster.serve()
        await cluster.until(FIRST)
        await cluster.client.delete(SERVICE, "default", "web")
        await cluster.until()
        await cluster.serve("next")
        await cluster.until(FIRST)

        assert await cluster.addresses("next") == ["172.30.255.1"]


async def test_an_address_goes_with_the_type(cluster):
    async with cluster.running():
        await cluster.serve()
        await cluster.until(FIRST)
        await cluster.client.patch(SERVICE, "default", "web", {"spec": {"type": "ClusterIP"}})
        await cluster.until()

        assert await cluster.addresses() == []


async def test_a_restart_keeps_addresses_and_tells_nothing_again(cluster):
    async with cluster.running():
        await cluster.serve("z")
        await eventually(cluster.events, lambda events: len(events) == 2, within_s=30)
        await cluster.serve("a")
    async with cluster.running():
        await cluster.serve("later")
        await eventually(cluster.events, lambda events: "255.3" in str(events), within_s=30)

    assert [await cluster.addresses(name) for name in ("z", "a", "later")] == [
        ["172.30.255.1"],
        ["172.30.255.2"],
        ["172.30.255.3"],
    ]
    assert {event["count"] for event in cluster.registry.list(EVENT).items} == {1}


async def test_a_new_pool_serves_those_who_waited(cluster):
    kind = cluster.kind(ADDRESS_POOL)
    async with cluster.running():
        await cluster.client.delete(kind, "", "default")
        await cluster.serve()
        await cluster.sees(lambda: cluster.registry.list(EVENT).items)
        assert await cluster.addresses() == []
        await cluster.client.create(kind, address_pool("more", ["172.30.255.1/32"]))
        await cluster.until(FIRST)

    assert ("AllocationFailed", 'Failed to allocate IP for "default/web": no available IPs') in (
        await cluster.events()
    )


async def test_a_local_service_is_answered_for_where_its_endpoints_are(cluster):
    async with cluster.running():
        await cluster.serve(externalTrafficPolicy="Local", on=())
        await cluster.sees(lambda: cluster.registry.list(EVENT).items)
        assert cluster.holders() == []
        await cluster.serves("web", endpoint("node-2"), endpoint("node-3", ready=False))
        await cluster.until("node-2")
        await cluster.serves("web", endpoint("node-2", ready=False), endpoint("node-3"))
        await cluster.until("node-3")
        await cluster.serves("web", endpoint("node-3", ready=False, serving=True, terminating=True))
        await cluster.serve("later")
        await cluster.sees(lambda: cluster.holders("172.30.255.2"))
        assert cluster.holders() == ["node-3"]


async def test_nobody_announces_what_nothing_serves(cluster):
    async with cluster.running():
        await cluster.serve(on=())
        await cluster.sees(lambda: cluster.registry.list(EVENT).items)
        assert await cluster.addresses() == ["172.30.255.1"]
        assert cluster.holders() == []
        await cluster.serves("web", endpoint())
        await cluster.until(FIRST)
        await cluster.serves("web", endpoint(ready=False))
        await cluster.until()


async def test_a_pool_says_how_much_of_it_is_given_out(cluster):
    kind = cluster.kind(ADDRESS_POOL)

    async def assigned():
        status = (await cluster.client.get(kind, "", "default")).get("status") or {}
        return status.get("assignedIPv4"), status.get("availableIPv4")

    async with cluster.running():
        await eventually(assigned, lambda found: found == (0, 253))
        await cluster.serve()
        await eventually(assigned, lambda found: found == (1, 252))
        await cluster.client.delete(SERVICE, "default", "web")
        await eventually(assigned, lambda found: found == (0, 253))


async def test_a_node_that_fails_keeps_no_other_waiting_and_is_tried_again(cluster):
    for name in NAMES:
        cluster.nodes[name] = NotedNode(cluster.nodes)
    cluster.nodes[FIRST].broken = True
    async with cluster.running():
        await cluster.serve()
        await cluster.serve("other", loadBalancerIP=ON_SECOND)
        await cluster.sees(lambda: cluster.holders(ON_SECOND) == [SECOND])
        assert cluster.holders() == []
        cluster.nodes[FIRST].broken = False
        await cluster.until(FIRST)


async def test_a_status_that_the_api_refuses_keeps_no_other_service_waiting(cluster):
    cluster.client = RefusingClient(cluster.registry)
    async with cluster.running():
        await cluster.serve("odd")
        await cluster.serve("web")
        await cluster.sees(lambda: cluster.holders("172.30.255.2"))

    assert await cluster.addresses("odd") == []


async def test_what_another_hand_takes_away_is_put_back_now_and_then(cluster):
    async with cluster.running():
        await cluster.sees(lambda: all(node.renewed > 1 for node in cluster.nodes.values()))


async def test_a_pool_that_is_out_of_reach_is_used_and_told(cluster):
    away = address_pool("away", ["192.0.2.0/24"])
    await cluster.client.create(cluster.kind(ADDRESS_POOL), away)
    async with cluster.running():
        events = await eventually(cluster.events, within_s=30)
        await cluster.serve(loadBalancerIP="192.0.2.7")
        await cluster.sees(lambda: cluster.holders("192.0.2.7"))

    assert events[0] == ("OutOfReach", "Pool is used, but " + unreached(read_pool(away), SITE.hosts))


async def test_a_pool_that_is_deleted_does_not_come_back(cluster):
    kind = cluster.kind(ADDRESS_POOL)
    await cluster.client.delete(kind, "", "default")
    await balancing.ensure(cluster.registry, Settings())

    assert (await cluster.client.list(kind)).items == []


async def test_with_routers_all_nodes_announce_by_bgp_and_none_answers():
    cluster = await Cluster().prepare("bgp")
    async with cluster.running():
        await cluster.serve()
        await cluster.sees(lambda: cluster.told("network 172.30.255.1/32") == set(NAMES))
        assert cluster.holders() == []
        assert all(node.routed == {ip_address("172.30.255.1")} for node in cluster.nodes.values())
        assert cluster.routers.reached == {"172.30.255.1"}
        await eventually(cluster.events, lambda events: len(events) == 4, within_s=30)

        cluster.off.add("node-1")
        cluster.balancer.node_switched()
        await cluster.sees(lambda: cluster.told("network 172.30.255.1/32") == {"node-2", "node-3"})
        await cluster.client.delete(cluster.kind(BGP_PEER), "", "outside")
        await cluster.sees(lambda: cluster.told("network 172.30.255.1/32") == set())

    assert {message for reason, message in await cluster.events() if reason == "nodeAssigned"} == {
        f'announcing from node "{name}" with protocol "bgp"' for name in NAMES
    }


async def test_a_peer_says_which_of_its_sessions_are_established_as_long_as_it_can_have_some():
    cluster = await Cluster().prepare("bgp")
    outside = ip_address("172.30.0.1")

    async def told():
        return (await cluster.client.get(cluster.kind(BGP_PEER), "", "outside")).get("status", {})

    async with cluster.running():
        await eventually(told, lambda status: status.get("established") == "0/3", within_s=30)
        cluster.routers.states = {"node-1": {outside: "Established"}, "node-2": {outside: "Active"}}
        status = await eventually(told, lambda status: status["established"] == "1/3", within_s=30)
        assert [each["state"] for each in status["sessions"]] == ["Established", "Active", "Idle"]
        cluster.off.add("node-3")
        cluster.balancer.node_switched()
        await eventually(told, lambda status: status["established"] == "1/2", within_s=30)
        await cluster.client.patch(cluster.kind(BGP_PEER), "", "outside", {"spec": {"holdTime": "2s"}})
        await eventually(told, lambda status: status == {}, within_s=30)


async def test_a_peer_that_cannot_be_is_told():
    cluster = await Cluster().prepare("bgp")
    wrong = bgp_peer("wrong", my_asn=65000, peer_asn=64513, address="172.30.0.9")
    await cluster.client.create(cluster.kind(BGP_PEER), wrong)
    async with cluster.running():
        events = await eventually(cluster.events)

    assert [reason for reason, _ in events] == ["InvalidPeer"]
    assert "myASN is 65000, but 64512" in events[0][1]


async def test_where_no_routers_are_who_needs_them_is_told_so(cluster):
    peer = bgp_peer("outside", my_asn=64512, peer_asn=64513, address="172.30.0.1")
    await cluster.client.create(cluster.kind(BGP_PEER), peer)
    async with cluster.running():
        await cluster.serve(loadBalancerClass="loadbalancer.netemu.io/bgp")
        events = await eventually(cluster.events, lambda events: len(events) == 2)

    assert {reason for reason, _ in events} == {"NoRouters"}
    assert all("netemu up --load-balancer bgp" in message for _, message in events)
    assert await cluster.addresses() == []
