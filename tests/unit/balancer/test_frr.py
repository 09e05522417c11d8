"""Configurations of bgpd: what is in them, that they are read as they were written, and what changes them."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netemu.balancer.frr import changes, node_config, outside_config, parse, render, router_id
from netemu.balancer.peering import Peer
from netemu.balancer.routes import Route

ADDRESSES = (ip_address("172.30.0.11"), ip_address("fd00:30::b"))
PEER = Peer("outside", ip_address("172.30.0.1"), asn=64513, my_asn=64512)
PEER6 = Peer("outside-v6", ip_address("fd00:30::1"), asn=64513, my_asn=64512)
HOSTS = (ip_network("172.30.0.0/16"), ip_network("fd00:30::/64"))
ONE, SIX = Route(ip_network("172.30.255.1/32")), Route(ip_network("fd00:30::ff01/128"))
ROUTER = "router bgp 64512"
FOUR_OF = (ROUTER, "address-family ipv4 unicast")
SIX_OF = (ROUTER, "address-family ipv6 unicast")


def routes():
    networks = st.integers(1, 200).map(lambda n: ip_network(f"172.30.255.{n}/32"))
    prefs = st.none() | st.integers(0, 4_294_967_295)
    communities = st.lists(st.sampled_from(["64512:1", "64512:2"]), unique=True).map(tuple)
    made = st.builds(Route, networks, prefs, communities)
    return st.lists(made, max_size=6, unique_by=lambda route: route.prefix)


def configs():
    peers = st.sampled_from([(), (PEER,), (PEER, PEER6), (PEER6,), (PEER._replace(my_asn=65000),)])
    nodes = st.builds(node_config, st.just(ADDRESSES), peers, routes())
    return nodes | st.builds(outside_config, st.just([PEER.address, PEER6.address]), peers, st.just(HOSTS))


def applied(has, commands):
    """Do what a router does with commands."""
    config = {path: list(lines) for path, lines in has.items()}
    for path, line, _ in commands:
        undone = line.removeprefix("no ")
        if (undone,) in config and line != undone:
            config = {each: lines for each, lines in config.items() if each[:1] != (undone,)}
        elif undone in config.get(path, ()) and line != undone:
            config[path].remove(undone)
        elif line.startswith(("router bgp", "route-map", "address-family")):
            config.setdefault((*path, line), [])
        else:
            config[path].append(line)
    return {path: set(lines) for path, lines in config.items() if lines}


@given(configs())
def test_what_is_written_is_read_again(config):
    assert {p: set(lines) for p, lines in parse(render(config, "node-1")).items()} == {
        p: set(lines) for p, lines in config.items()
    }


@given(configs(), configs())
def test_the_changes_lead_from_one_to_the_other(has, wanted):
    assert applied(has, changes(has, wanted)) == {p: set(lines) for p, lines in wanted.items() if lines}
    assert list(changes(wanted, wanted)) == []


def test_a_node_tells_each_peer_of_routes_of_its_family_and_takes_none():
    config = node_config(ADDRESSES, [PEER, PEER6], [ONE, SIX])

    assert config[FOUR_OF] == (
        "network 172.30.255.1/32",
        "neighbor 172.30.0.1 activate",
        "neighbor 172.30.0.1 prefix-list nothing in",
    )
    assert config[SIX_OF][0] == "network fd00:30::ff01/128"
    assert "neighbor 172.30.0.1 remote-as 64513" in config[ROUTER,]
    assert "neighbor fd00:30::1 timers 1 3" in config[ROUTER,]


def test_what_a_peer_of_the_other_family_alone_cannot_be_told_is_left_out():
    assert SIX_OF not in node_config(ADDRESSES, [PEER], [ONE, SIX])


def test_a_node_without_peers_runs_no_router():
    assert set(node_config(ADDRESSES, [], [ONE])) == {()}


def test_what_is_said_of_a_route_is_a_map_that_equal_routes_share():
    said = {"local_pref": 200, "communities": ("64512:1", "64512:2")}
    other = Route(ip_network("172.30.255.2/32"), **said)
    config = node_config(ADDRESSES, [PEER], [ONE._replace(**said), other])

    assert config["route-map pref-200_64512:1_64512:2 permit 10",] == (
        "set community 64512:1 64512:2",
        "set local-preference 200",
    )
    assert [line.split()[-1] for line in config[FOUR_OF][:2]] == ["pref-200_64512:1_64512:2"] * 2


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        ({"port": 1179}, "neighbor 172.30.0.1 port 1179"),
        ({"is_far": True}, "neighbor 172.30.0.1 ebgp-multihop 255"),
        ({"hold_s": 90, "keepalive_s": 30}, "neighbor 172.30.0.1 timers 30 90"),
        ({"connect_s": 7}, "neighbor 172.30.0.1 timers connect 7"),
    ],
)
def test_what_a_peer_says_is_in_the_node_s_configuration(changed, line):
    assert line in node_config(ADDRESSES, [PEER._replace(**changed)], [])[ROUTER,]


def test_the_router_outside_listens_to_the_hosts_of_the_families_that_peers_have():
    config = outside_config((PEER.address, PEER6.address), [PEER], HOSTS)

    assert "bgp listen range 172.30.0.0/16 peer-group nodes-v4" in config["router bgp 64513",]
    assert "neighbor nodes-v4 remote-as 64512" in config["router bgp 64513",]
    assert not any("fd00" in line for lines in config.values() for line in lines)


def test_without_a_peer_there_nothing_runs_outside():
    assert set(outside_config([ip_address("172.30.0.9")], [PEER], HOSTS)) == {()}


@pytest.mark.parametrize(
    ("addresses", "expected"),
    [(ADDRESSES, "172.30.0.11"), (ADDRESSES[::-1], "172.30.0.11"), (ADDRESSES[1:], "0.0.0.11")],
    ids=["four-first", "six-first", "six-alone"],
)
def test_a_router_is_named_by_its_ipv4_address_or_by_the_end_of_its_other(addresses, expected):
    assert str(router_id(addresses)) == expected


def test_what_a_router_says_of_itself_is_not_its_configuration():
    said = """
frr version 8.4.4
frr defaults traditional
!
hostname node-1
! "log stdout informational" enabled by "--log" startup option
bgp no-rib
router bgp 64512
 bgp router-id 172.30.0.11
 !
 address-family ipv4 unicast
  network 172.30.255.1/32
 exit-address-family
!
exit
!
end
"""

    assert parse(said) == {
        (): (),
        (ROUTER,): ("bgp router-id 172.30.0.11",),
        FOUR_OF: ("network 172.30.255.1/32",),
    }
