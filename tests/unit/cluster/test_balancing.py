"""The pool that every cluster begins with."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from netemu.api.crd.names import named
from netemu.balancer.definitions import definitions
from netemu.balancer.pools import read_pool
from netemu.cluster.balancing import default_pool
from netemu.cluster.host_access import access_addresses
from netemu.cluster.world import plan_world
from netemu.settings import Settings


def addresses(**settings):
    pool = default_pool(Settings(**settings))
    return pool and pool["spec"]["addresses"]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, ["172.30.255.1-172.30.255.253"]),
        ({"nodes": 200}, ["172.30.255.1-172.30.255.253"]),
        ({"host_cidr": ("192.168.7.0/24",), "nodes": 3}, ["192.168.7.14-192.168.7.253"]),
        ({"host_cidr": ("192.168.7.0/28",), "nodes": 2}, ["192.168.7.13-192.168.7.13"]),
        ({"host_cidr": ("192.168.7.0/28",), "nodes": 3}, None),
        ({"host_cidr": ("fd00:30::/64",)}, ["fd00:30::ffff:ffff:ffff:ff01-fd00:30::ffff:ffff:ffff:fffd"]),
        (
            {"host_cidr": ("fd00:30::/120", "172.30.0.0/16")},
            ["fd00:30::e-fd00:30::fd", "172.30.255.1-172.30.255.253"],
        ),
    ],
)
def test_it_is_the_end_of_the_hosts_range(settings, expected):
    assert addresses(**settings) == expected


@pytest.mark.parametrize("host_cidr", ["172.30.0.0/16", "10.0.0.0/24", "10.0.0.64/26", "10.0.0.32/28"])
@pytest.mark.parametrize("nodes", [1, 2])
def test_nobody_else_has_an_address_of_it(host_cidr, nodes):
    settings = Settings(host_cidr=(host_cidr,), nodes=nodes)
    world = plan_world(settings)
    given = set(read_pool(default_pool(settings)).addresses(4))
    others = {ip for place in world.nodes for ip in place.ips} | {i.ip for i in access_addresses(settings)}
    network = ip_network(host_cidr)

    assert not given & others
    assert not given & {network.network_address, network.broadcast_address, network[1], network[2]}
    assert all(address in network for address in given)


def test_the_definitions_are_accepted():
    for definition in definitions():
        conditions = {c["type"]: c["status"] for c in named(definition, [], 0.0)["status"]["conditions"]}
        assert conditions["NamesAccepted"] == "True"
        assert conditions.get("NonStructuralSchema") is None
