"""Node ports on a node's own 127.0.0.1, in every mode, and who is kept out of it."""

from __future__ import annotations

import socket
from contextlib import contextmanager

import pytest
from msgspec import structs

from netemu.api.kinds import ENDPOINT_SLICE, SERVICE
from netemu.linux import netns
from netemu.proxy import flows
from netemu.proxy.iptables.syncer import open_syncer
from netemu.testing import service_world
from netemu.testing.fake_client import FakeClient
from netemu.testing.service_world import NODES, OUTSIDE, PODS, SETTINGS, TCP, UDP, ask

NODE_PORT, OWN_PORT = 31100, 5300
MODES = pytest.mark.parametrize("opener", [None, open_syncer], ids=["nftables", "iptables"])


@pytest.fixture
def world():
    with service_world.world() as places:
        yield places


def objects(**spec):
    ports = [
        {"name": "web", "port": 80, "protocol": "TCP", "nodePort": NODE_PORT},
        {"name": "dns", "port": 53, "protocol": "UDP", "nodePort": NODE_PORT},
    ]
    service = {
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {"type": "NodePort", "clusterIP": "10.96.0.20", "ports": ports, **spec},
    }
    endpoint_slice = {
        "metadata": {
            "name": "web-1",
            "namespace": "default",
            "labels": {"kubernetes.io/service-name": "web"},
        },
        "addressType": "IPv4",
        "endpoints": [{"addresses": [PODS["c"]], "conditions": {"ready": True}, "nodeName": "node-2"}],
        "ports": [{"name": port["name"], "port": 8080, "protocol": port["protocol"]} for port in ports],
    }
    return FakeClient((SERVICE, service), (ENDPOINT_SLICE, endpoint_slice))


def proxied(places, client, opener, *, on_localhost):
    settings = structs.replace(SETTINGS, localhost_nodeports=on_localhost)
    return service_world.proxied(places, client, settings=settings, open_syncer=opener)


@MODES
@pytest.mark.parametrize("policy", ["Cluster", "Local"])
async def test_node_ports_answer_on_localhost_and_to_nobody_elsewhere(world, opener, policy):
    client = objects(externalTrafficPolicy=policy)
    async with proxied(world, client, opener, on_localhost=True):
        from_the_node = [ask(world["node-1"], "127.0.0.1", NODE_PORT, kind) for kind in (TCP, UDP)]
        with led_to_localhost(world["outside"]):
            from_elsewhere = heard_on_localhost(world)

    assert from_the_node == [f"c {NODES['node-1']}"] * 2
    assert from_elsewhere == b""


@MODES
async def test_node_ports_do_not_answer_on_localhost_by_themselves(world, opener):
    async with proxied(world, objects(), opener, on_localhost=False):
        assert ask(world["node-1"], "127.0.0.1", NODE_PORT) == "refused"


def test_without_a_guard_somebody_else_would_be_heard(world):
    flows.let_localhost_out(world["node-1"])
    with led_to_localhost(world["outside"]):
        assert heard_on_localhost(world) == b"are you there?"


@contextmanager
def led_to_localhost(fd):
    """Have packets for 127.0.0.1 go to node-1, as somebody who wishes it ill would send them."""
    flows.let_localhost_out(fd)
    # The table of local addresses is asked first; it has to come after ours.
    service_world.ip(
        fd,
        "route add 127.0.0.1/32 via 172.30.0.11 dev br0 table 99",
        "rule add pref 100 to 127.0.0.1 table 99",
        "rule add pref 200 table local",
        "rule del pref 0",
    )
    yield


def heard_on_localhost(world):
    """Give what node-1 hears from outside on a port of its loopback."""
    with (
        netns.open_socket(world["node-1"], socket.AF_INET, UDP) as listener,
        netns.open_socket(world["outside"], socket.AF_INET, UDP) as sender,
    ):
        listener.bind(("127.0.0.1", OWN_PORT))
        listener.settimeout(service_world.SILENCE_S)
        sender.bind((OUTSIDE, 0))
        sender.sendto(b"are you there?", ("127.0.0.1", OWN_PORT))
        try:
            return listener.recv(100)
        except TimeoutError:
            return b""
