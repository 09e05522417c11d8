"""The proxy at work on IPv6: what test_proxy_packets shows of IPv4. Where packets end: test_proxy_fates."""

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
from netemu.testing.service_world import NODES6, PODS, PODS6, SILENCE_S, TIMEOUT_S, UDP, ask, ask_again

WEB4, WEB = "10.96.0.20", "fd00:96::20"


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
    )


@pytest.fixture
async def proxy(world, client):
    async with service_world.proxied(world, client) as running:
        yield running


def pods_in(answers):
    return {answer.split()[0] for answer in answers}


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
            return pods_in({ask(world["b"], WEB, 80, timeout_s=SILENCE_S)})

        await eventually(answers, lambda seen: seen <= {"a", "c"})


async def test_a_udp_client_that_never_pauses_is_moved_when_its_endpoint_goes(world, client, proxy):
    with netns.open_socket(world["b"], socket.AF_INET6, UDP) as sock:
        sock.settimeout(TIMEOUT_S)
        sock.connect((WEB, 53))
        first = ask_again(sock, UDP).split()[0]
        sock.settimeout(SILENCE_S)
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
