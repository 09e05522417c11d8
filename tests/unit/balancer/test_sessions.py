"""What routers and statuses say of sessions."""

from __future__ import annotations

import json
from ipaddress import ip_address

import pytest

from netemu.balancer.announcement import NodeFacts
from netemu.balancer.kinds import bgp_peer
from netemu.balancer.peering import read_peer
from netemu.balancer.sessions import read_sessions, status_of

FOUR, SIX = ip_address("172.30.0.1"), ip_address("fd00:30::1")
NODES = [NodeFacts(name, {"kubernetes.io/hostname": name}, up=True) for name in ("node-2", "node-1")]


def outside(**spec):
    obj = bgp_peer("outside", my_asn=64512, peer_asn=64513, address=str(FOUR))
    return read_peer({**obj, "spec": {**obj["spec"], **spec}})


def test_both_families_are_read():
    families = {
        "ipv4Unicast": {"as": 64512, "peers": {"172.30.0.1": {"state": "Established", "pfxSnt": 2}}},
        "ipv6Unicast": {"as": 64512, "peers": {"fd00:30::1": {"state": "Active"}}},
    }

    assert read_sessions(json.dumps(families)) == {FOUR: "Established", SIX: "Active"}


@pytest.mark.parametrize(
    "text", ["{}", "", "% BGP instance not found", "{}\n", '{"a": 1}', '{"a": {"peers": {"eth0": {}}}}']
)
def test_a_router_without_neighbours_has_no_sessions(text):
    assert read_sessions(text) == {}


def test_a_status_counts_and_lists_the_sessions_of_all_nodes_in_order():
    told = status_of(outside(), NODES, {"node-1": {FOUR: "Established"}})

    assert told == {
        "established": "1/2",
        "sessions": [
            {"node": "node-1", "state": "Established"},
            {"node": "node-2", "state": "Idle"},
        ],
    }


def test_only_nodes_that_have_the_peer_count():
    chosen = outside(nodeSelectors=[{"matchLabels": {"kubernetes.io/hostname": "node-2"}}])

    assert status_of(chosen, NODES, {"node-1": {FOUR: "Established"}})["established"] == "0/1"
