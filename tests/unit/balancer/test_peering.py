"""BGP peers that objects describe, and those that cannot be."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from netemu.balancer.kinds import bgp_peer
from netemu.balancer.peering import read_peer, read_peers

OUTSIDE = [ip_address("172.30.0.1"), ip_address("fd00:30::1")]


def peer(name="outside", address="172.30.0.1", my_asn=64512, peer_asn=64513, **spec):
    obj = bgp_peer(name, my_asn=my_asn, peer_asn=peer_asn, address=address)
    return {**obj, "spec": {**obj["spec"], **spec}}


def test_a_peer_has_the_shortest_times_that_bgp_knows():
    read = read_peer(peer())

    assert (read.hold_s, read.keepalive_s, read.connect_s, read.port) == (3, 1, 1, 179)


@pytest.mark.parametrize(("text", "seconds"), [("9s", 9), ("1m30s", 90), ("2m", 120), ("1h", 3600)])
def test_times_are_written_as_in_kubernetes(text, seconds):
    assert read_peer(peer(holdTime=text)).hold_s == seconds


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        ({"holdTime": "2s"}, "holdTime is 2s: BGP knows none below 3s"),
        ({"holdTime": "soon"}, "holdTime is 'soon': write it as 3s or 1m30s"),
        ({"holdTime": "20h"}, "BGP knows none above 65535s"),
        ({"keepaliveTime": "3s"}, "keepaliveTime is 3s: it must be shorter than holdTime"),
        ({"peerAddress": "nowhere"}, "'nowhere' does not appear to be an IPv4 or IPv6 address"),
        ({"peerASN": "many"}, "Expected `int`"),
    ],
)
def test_a_peer_that_cannot_be_is_left_out_and_the_problem_told(spec, problem):
    peers, problems = read_peers([peer(**spec), peer("other", "172.30.0.2")])

    assert [each.name for each in peers] == ["other"]
    assert problem in problems["outside"]


@pytest.mark.parametrize(
    ("other", "problem"),
    [
        (peer("b", "172.30.0.9", my_asn=65000), 'myASN is 65000, but 64512 in peer "a"'),
        (peer("b", "172.30.0.1"), 'peer "a" has the address 172.30.0.1 too'),
        (peer("b", "fd00:30::1", peer_asn=65000), 'peerASN is 65000, but 64513 in peer "a"'),
    ],
    ids=["two-numbers-of-a-node", "one-address", "two-numbers-outside"],
)
def test_of_two_that_contradict_each_other_the_first_holds(other, problem):
    peers, problems = read_peers([other, peer("a")], OUTSIDE)

    assert [each.name for each in peers] == ["a"]
    assert problem in problems["b"]


def test_a_kernel_that_cannot_sign_has_no_peers_with_passwords():
    objects = [peer("a", password="secret"), peer("b", "172.30.0.9")]

    assert [each.password for each in read_peers(objects).peers] == ["secret", ""]
    peers, problems = read_peers(objects, can_sign=False)
    assert [each.name for each in peers] == ["b"]
    assert "CONFIG_TCP_MD5SIG" in problems["a"]


def test_routers_elsewhere_have_numbers_of_their_own():
    assert read_peers([peer("a"), peer("b", "172.30.0.9", peer_asn=65000)], OUTSIDE).problems == {}


def test_only_a_peer_of_another_as_is_reached_over_routers():
    assert read_peer(peer(ebgpMultiHop=True)).is_far
    assert not read_peer(peer(ebgpMultiHop=True, peer_asn=64512)).is_far


def test_selectors_say_which_nodes_have_a_peer():
    read = read_peer(peer(nodeSelectors=[{"matchLabels": {"rack": "a"}}]))

    assert [read.is_peer_of(labels) for labels in ({"rack": "a"}, {"rack": "b"}, {})] == [True, False, False]
    assert read_peer(peer()).is_peer_of({})
