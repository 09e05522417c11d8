"""Node ports on a node's own 127.0.0.1: who is served, and who is kept out."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest
from msgspec.structs import replace

from netemu.api.kinds import ENDPOINT_SLICE, SERVICE
from netemu.informer.cache import Cache
from netemu.nft.expressions import L4
from netemu.nft.ruleset import Ruleset, apply
from netemu.nft.walk import Delivered, Dropped, Packet, walk
from netemu.proxy.groups import NodeView
from netemu.proxy.index import Index
from netemu.proxy.plan import plan_all
from netemu.proxy.rules import NodeRules

LOCALHOST, NODE_IP, POD = map(ip_address, ("127.0.0.1", "172.30.0.11", "10.244.2.2"))
OUTSIDE, CLIENT = map(ip_address, ("172.30.0.1", "10.244.1.9"))
NODE_PORT, OTHER_PORT = 31100, 10249
PLAIN = NodeView("node-1", (NODE_IP,), ip_network("10.244.0.0/16"), ip_network("10.96.0.0/16"))
OPEN = replace(PLAIN, localhost_nodeports=True)
SERVED = {Delivered(POD, 8080, translated=True, masqueraded=True)}


def rules(node, **spec):
    cache = Cache()
    index = Index(cache, node.family)
    service = {
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {
            "type": "NodePort",
            "clusterIP": "10.96.0.20",
            "ports": [{"port": 80, "nodePort": NODE_PORT}],
            **spec,
        },
    }
    endpoints = {
        "metadata": {
            "name": "web-1",
            "namespace": "default",
            "labels": {"kubernetes.io/service-name": "web"},
        },
        "addressType": "IPv4",
        "endpoints": [{"addresses": [str(POD)], "conditions": {}, "nodeName": "node-2"}],
        "ports": [{"port": 8080}],
    }
    cache.apply(SERVICE, service)
    cache.apply(ENDPOINT_SLICE, endpoints)
    made = Ruleset()
    for transaction in NodeRules(node).load(plan_all(index)):
        made = apply(made, transaction)
    return made


def ends(node, source, port, *, local, **spec):
    return walk(rules(node, **spec), Packet(source, LOCALHOST, L4.TCP, port, local), (NODE_IP, LOCALHOST))


@pytest.mark.parametrize("policy", ["Cluster", "Local"])
def test_the_node_is_served_and_hidden_behind_its_address(policy):
    assert ends(OPEN, LOCALHOST, NODE_PORT, local=True, externalTrafficPolicy=policy) == SERVED


def test_without_being_asked_a_packet_to_localhost_is_let_alone():
    assert ends(PLAIN, LOCALHOST, NODE_PORT, local=True) == {Delivered(LOCALHOST, NODE_PORT)}


@pytest.mark.parametrize("port", [NODE_PORT, OTHER_PORT], ids=["node-port", "other-port"])
@pytest.mark.parametrize("source", [OUTSIDE, CLIENT], ids=["outside", "pod"])
def test_nothing_from_elsewhere_reaches_localhost(source, port):
    assert ends(OPEN, source, port, local=False) == {Dropped()}


def test_other_ports_of_localhost_stay_the_nodes_own():
    assert ends(OPEN, LOCALHOST, OTHER_PORT, local=True) == {Delivered(LOCALHOST, OTHER_PORT)}


def test_ipv6_has_no_such_thing():
    six = NodeView(
        "node-1",
        (ip_address("fd00:172::b"),),
        ip_network("fd00:244::/56"),
        ip_network("fd00:96::/112"),
        localhost_nodeports=True,
    )

    assert not six.has_localhost
