"""What pools hold, and whom they are for."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest

from netemu.balancer.kinds import address_pool
from netemu.balancer.pools import read_pool, read_pools, read_range, status_of, unreached


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("172.30.1.0/30", "172.30.1.0", "172.30.1.3"),
        ("172.30.1.7/32", "172.30.1.7", "172.30.1.7"),
        ("172.30.1.9-172.30.1.12", "172.30.1.9", "172.30.1.12"),
        (" 172.30.1.9 - 172.30.1.9 ", "172.30.1.9", "172.30.1.9"),
        ("fd00::10/126", "fd00::10", "fd00::13"),
    ],
)
def test_networks_and_ranges_are_read(text, first, last):
    assert [tuple(map(str, found)) for found in read_range(text)] == [(first, last)]


@pytest.mark.parametrize("text", ["172.30.1.9-172.30.1.1", "172.30.1.1-fd00::1", "pool", "172.30.1.0/33"])
def test_what_is_no_range_is_refused(text):
    with pytest.raises(ValueError, match=r".+"):
        list(read_range(text))


def test_addresses_come_in_order_of_their_ranges():
    pool = read_pool(address_pool("a", ["10.0.0.9-10.0.0.10", "10.0.0.1/32", "fd00::1/128"]))

    assert list(map(str, pool.addresses(4))) == ["10.0.0.9", "10.0.0.10", "10.0.0.1"]
    assert list(map(str, pool.addresses(6))) == ["fd00::1"]


def test_buggy_addresses_are_left_out_on_demand():
    careful = read_pool(address_pool("a", ["10.0.0.254-10.0.1.1"], avoidBuggyIPs=True))
    bold = read_pool(address_pool("b", ["10.0.0.254-10.0.1.1"]))

    assert list(map(str, careful.addresses(4))) == ["10.0.0.254", "10.0.1.1"]
    assert not careful.holds(ip_address("10.0.0.255"))
    assert len(list(bold.addresses(4))) == 4


def test_pools_for_some_go_before_pools_for_all_and_by_priority():
    pools = read_pools(
        [
            address_pool("everybody", ["10.0.0.1/32"]),
            address_pool("last", ["10.0.0.2/32"], serviceAllocation={"namespaces": ["shop"]}),
            address_pool("second", ["10.0.0.3/32"], serviceAllocation={"priority": 20}),
            address_pool("first", ["10.0.0.4/32"], serviceAllocation={"priority": 5}),
        ]
    ).pools

    assert [pool.name for pool in pools] == ["first", "second", "last", "everybody"]


def test_a_pool_that_makes_no_sense_spoils_none_of_the_others():
    pools, problems = read_pools(
        [
            address_pool("good", ["10.0.0.0/24"]),
            address_pool("overlapping", ["10.0.0.200-10.0.1.5"]),
            address_pool("reversed", ["10.0.2.9-10.0.2.1"]),
        ]
    )

    assert [pool.name for pool in pools] == ["good"]
    assert "lower address first" in problems["reversed"]
    assert '"good"' in problems["overlapping"]


def test_a_pool_with_the_address_of_a_node_is_not_used():
    nodes = {ip_address("172.30.0.11"): "node-1", ip_address("fd00:30::b"): "node-1"}
    pools, problems = read_pools(
        [
            address_pool("beside", ["172.30.0.12-172.30.0.20", "fd00:30::c/127"]),
            address_pool("four", ["172.30.0.8/29"]),
            address_pool("six", ["fd00:30::a-fd00:30::b"]),
        ],
        nodes,
    )

    assert [pool.name for pool in pools] == ["beside"]
    assert problems == {
        "four": "it has 172.30.0.11, the address of node-1",
        "six": "it has fd00:30::b, the address of node-1",
    }


HOSTS = (ip_network("172.30.0.0/16"), ip_network("fd00:30::/64"))


@pytest.mark.parametrize(
    ("addresses", "words"),
    [
        (["172.30.9.0/24", "fd00:30::9-fd00:30::12"], ""),
        (["172.30.9.0/24", "192.168.1.5-192.168.1.9"], "nobody outside asks for 192.168.1.5-192.168.1.9: "),
        (["172.30.255.0-172.31.0.3"], "nobody outside asks for 172.30.255.0-172.31.0.3: "),
        (["fd00:31::/120"], "172.30.0.0/16, fd00:30::/64 is where hosts are"),
    ],
    ids=["inside", "elsewhere", "half", "six"],
)
def test_who_is_not_among_the_hosts_is_asked_for_by_nobody(addresses, words):
    told = unreached(read_pool(address_pool("web", addresses)), HOSTS)

    assert words in told
    assert bool(told) is bool(words)


SHOP = {"namespaces": ["shop"]}
TEAM = {"namespaceSelectors": [{"matchLabels": {"team": "a"}}]}
FRONT = {"serviceSelectors": [{"matchLabels": {"tier": "front"}}]}
NOT_BACK = {
    "serviceSelectors": [{"matchExpressions": [{"key": "tier", "operator": "NotIn", "values": ["back"]}]}]
}


@pytest.mark.parametrize(
    ("allocation", "namespace", "namespace_labels", "labels", "expected"),
    [
        ({}, "default", {}, {}, True),
        (SHOP, "shop", {}, {}, True),
        (SHOP, "default", {}, {}, False),
        (TEAM, "default", {"team": "a"}, {}, True),
        (TEAM, "default", {"team": "b"}, {}, False),
        ({**SHOP, **TEAM}, "default", {"team": "a"}, {}, True),
        (FRONT, "default", {}, {"tier": "front"}, True),
        (FRONT, "default", {}, {}, False),
        (NOT_BACK, "default", {}, {"tier": "back"}, False),
        ({**SHOP, **FRONT}, "shop", {}, {}, False),
        ({**SHOP, **FRONT}, "default", {}, {"tier": "front"}, False),
    ],
)
def test_a_pool_is_for_whom_it_says(allocation, namespace, namespace_labels, labels, expected):
    pool = read_pool(address_pool("a", ["10.0.0.0/24"], serviceAllocation=allocation))

    assert pool.is_for(namespace, namespace_labels, labels) is expected


@pytest.mark.parametrize(
    ("addresses", "avoided", "version", "size"),
    [
        (["10.0.0.0/24"], False, 4, 256),
        (["10.0.0.0/24"], True, 4, 254),
        (["10.0.0.1-10.0.1.0", "10.0.9.255/32"], True, 4, 254),
        (["10.0.0.0/24", "fd00::/120"], True, 6, 256),
        (["10.0.0.0/24"], False, 6, 0),
    ],
)
def test_a_pool_knows_how_many_addresses_it_has(addresses, avoided, version, size):
    pool = read_pool(address_pool("a", addresses, avoidBuggyIPs=avoided))

    assert pool.size(version) == size == len(list(pool.addresses(version)))


def test_a_pool_s_status_counts_what_is_given_out_of_it_and_fits_into_an_int64():
    given = [ip_address(text) for text in ("10.0.0.1", "10.9.9.9", "fd00::1", "fd00::2")]

    assert status_of(read_pool(address_pool("a", ["10.0.0.0/30", "fd00::/32"])), given) == {
        "assignedIPv4": 1,
        "availableIPv4": 3,
        "assignedIPv6": 2,
        "availableIPv6": 2**63 - 1,
    }
