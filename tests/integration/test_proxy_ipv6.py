"""Services of both families on real packets of IPv6: what test_proxy_packets shows of IPv4."""

from __future__ import annotations

import asyncio
import socket
import subprocess
from contextlib import suppress

import pytest

from netemu.api.kinds import ENDPOINT_SLICE, SERVICE
from netemu.linux import netns
from netemu.linux.conntrack import Conntrack
from netemu.testing import service_world
from netemu.testing.eventually import eventually
from netemu.testing.fake_client import FakeClient
from netemu.testing.service_world import NODES6, PODS, PODS6, TCP, TIMEOUT_S, UDP, ask, ask_again

WEB4, WEB, NOBODY, FREE = "10.96.0.20", "fd00:96::20", "fd00:96::21", "fd00:96::9"
BALANCER = "fd00:172::200"
GATEWAY = "fd00:244:1::1"


@pytest.fixture(scope="module")
def world():
    with service_world.world() as places:
        yield places


def service(name, *addresses, node_port, **spec):
    ports = [
        {"name": "web", "port": 80, "protocol": "TCP", "targetPort": 8080, "nodePort": node_port},
        {"name": "dns", "port": 53, "protocol": "UDP", "targetPort": 8080, "nodePort": node_port},
    ]
    return SERVICE, {
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"clusterIP": addresses[0], "clusterIPs": list(addresses), "ports": ports, **spec},
    }


def slice_of(name, family, addresses, *pods):
    endpoints = [
        {"addresses": [addresses[pod]], "conditions": {"ready": True}, "nodeName": f"node-{PODS[pod][7]}"}
        for pod in pods
    ]
    labels = {"kubernetes.io/service-name": name}
    return ENDPOINT_SLICE, {
        "metadata": {"name": f"{name}-{family.lower()}", "namespace": "default", "labels": labels},
        "addressType": family,
        "endpoints": endpoints,
        "ports": [
            {"name": "web", "port": 8080, "protocol": "TCP"},
            {"name": "dns", "port": 8080, "protocol": "UDP"},
        ],
    }


@pytest.fixture
async def client():
    return FakeClient(
        service("web", WEB4, WEB, node_port=31100),
        slice_of("web", "IPv4", PODS, "b"),
        slice_of("web", "IPv6", PODS6, "a", "c"),
        service("nobody", NOBODY, node_port=31101),
    )


@pytest.fixture
async def proxy(world, client):
    async with service_world.proxied(world, client) as running:
        yield running


def pods_in(answers):
    return {answer.split()[0] for answer in answers}


@pytest.mark.parametrize("kind", [TCP, UDP], ids=["tcp", "udp"])
async def test_each_family_reaches_its_own_endpoints_from_everywhere(world, proxy, kind):
    port = {TCP: 80, UDP: 53}[kind]

    for place in ("a", "b", "c", "node-1", "node-2", "outside"):
        assert pods_in({ask(world[place], WEB, port, kind) for _ in range(20)}) == {"a", "c"}
        assert pods_in({ask(world[place], WEB4, port, kind) for _ in range(3)}) == {"b"}
        for node in NODES6.values():
            assert pods_in({ask(world[place], node, 31100, kind) for _ in range(20)}) == {"a", "c"}


@pytest.mark.parametrize("place", ["b", "node-1", "outside"])
@pytest.mark.parametrize(
    ("address", "port", "kind", "how"),
    [
        pytest.param(NOBODY, 80, TCP, "refused", id="no-endpoint-tcp"),
        pytest.param(NOBODY, 53, UDP, "refused", id="no-endpoint-udp"),
        pytest.param(NODES6["node-1"], 31101, TCP, "refused", id="node-port-without-endpoint"),
        pytest.param(WEB, 81, TCP, "refused", id="undefined-port-tcp"),
        pytest.param(WEB, 54, UDP, "refused", id="undefined-port-udp"),
        pytest.param(FREE, 80, TCP, "nothing", id="unallocated-address"),
    ],
)
async def test_what_has_no_endpoint_is_refused_and_what_is_not_allocated_is_dropped(
    world, proxy, place, address, port, kind, how
):
    assert ask(world[place], address, port, kind) == how


@pytest.mark.parametrize(
    ("place", "address", "port", "seen"),
    [
        pytest.param("b", WEB, 80, {PODS6["b"]}, id="pod-to-cluster-ip-keeps-its-source"),
        pytest.param("a", WEB, 80, {PODS6["a"], GATEWAY}, id="a-pod-to-itself-does-not"),
        pytest.param("outside", WEB, 80, {GATEWAY, NODES6["node-1"]}, id="off-cluster-to-cluster-ip"),
        pytest.param("outside", NODES6["node-1"], 31100, {GATEWAY, NODES6["node-1"]}, id="node-port"),
    ],
)
async def test_the_source_is_kept_or_masqueraded_as_kube_proxy_does(world, proxy, place, address, port, seen):
    clients = {ask(world[place], address, port).split()[1] for _ in range(20)}

    assert clients == seen


async def test_a_node_port_does_not_answer_on_loopback(world, proxy):
    assert ask(world["node-1"], "::1", 31100) == "refused"


async def test_health_is_told_on_both_families(world, proxy):
    assert (
        ask(world["outside"], NODES6["node-1"], 10256, timeout_s=0.1) == "nothing"
    )  # it waits for a request
    assert ask(world["outside"], "172.30.0.11", 10256, timeout_s=0.1) == "nothing"


async def test_a_hand_in_one_family_s_table_is_undone_in_that_one(world, client):
    async with service_world.proxied(world, client, period_s=0.1):
        fd = world["node-1"]
        argv = ["nsenter", f"--net=/proc/self/fd/{fd}", "nft", "flush", "map", "ip6", "netemu-proxy", "fe"]
        await asyncio.to_thread(subprocess.run, argv, check=True, pass_fds=(fd,))

        async def answers():
            return pods_in({ask(world["b"], WEB, 80)})

        await eventually(answers, lambda seen: seen <= {"a", "c"}, within_s=30)


async def test_a_client_stays_with_its_endpoint_under_affinity(world, client, proxy):
    timeout = {"clientIP": {"timeoutSeconds": 60}}
    sticky = {"sessionAffinity": "ClientIP", "sessionAffinityConfig": timeout}
    await client.create(*service("sticky", "fd00:96::30", node_port=31103, **sticky))
    await client.create(*slice_of("sticky", "IPv6", PODS6, "a", "b", "c"))

    async def answer():
        return ask(world["outside"], "fd00:96::30", 80)

    await eventually(answer, lambda seen: seen not in ("nothing", "refused"))
    assert len(pods_in({ask(world["outside"], "fd00:96::30", 80) for _ in range(20)})) == 1


async def test_a_udp_client_that_never_pauses_is_moved_when_its_endpoint_goes(world, client, proxy):
    with netns.open_socket(world["b"], socket.AF_INET6, UDP) as sock:
        sock.settimeout(TIMEOUT_S)
        sock.connect((WEB, 53))
        first = ask_again(sock, UDP).split()[0]
        (other,) = {"a", "c"} - {first}
        await client.update(*slice_of("web", "IPv6", PODS6, other))

        async def answer():
            # An answer that is on its way while its flow ends is lost, as datagrams may be.
            with suppress(TimeoutError):
                return ask_again(sock, UDP).split()[0]

        await eventually(answer, lambda seen: seen == other)


async def test_flows_are_listed_by_family(world, proxy):
    assert pods_in([ask(world["b"], WEB, 53, UDP)]) <= {"a", "c"}
    found = {}
    for family in (socket.AF_INET, socket.AF_INET6):
        conntrack = Conntrack.open(world["node-1"], family)
        found[family] = {str(flow.destination.address) for flow in conntrack.udp_flows()}
        conntrack.close()

    assert WEB in found[socket.AF_INET6]
    assert not any(":" in address for address in found[socket.AF_INET])


@pytest.mark.parametrize(
    "others", [["2001:db8::/32"], ["10.0.0.0/8"]], ids=["others-allowed", "only-of-the-other-family"]
)
async def test_only_allowed_networks_reach_a_balancers_address(world, client, proxy, others):
    service_world.ip(world["outside"], f"route replace {BALANCER} via {NODES6['node-1']}")

    async def allow(*ranges):
        more = {"type": "LoadBalancer", "loadBalancerSourceRanges": ranges}
        kind, obj = service("web", WEB4, WEB, node_port=31100, **more)
        await client.update(kind, {**obj, "status": {"loadBalancer": {"ingress": [{"ip": BALANCER}]}}})

    async def answers():
        try:
            return pods_in({ask(world["outside"], BALANCER, 80, timeout_s=0.2) for _ in range(8)})
        except OSError:  # the node does not know the address yet
            return set()

    await allow("fd00:172::/64", "10.0.0.0/8")
    await eventually(answers, lambda seen: seen == {"a", "c"}, within_s=30)
    await allow(*others)
    await eventually(answers, lambda seen: seen == {"nothing"}, within_s=30)
