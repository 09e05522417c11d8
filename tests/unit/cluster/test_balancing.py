"""What a cluster's balancer begins with."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from netemu.api.crd.names import named
from netemu.api.errors import InvalidError
from netemu.api.kinds import CUSTOM_RESOURCE_DEFINITION
from netemu.apiserver.registry import Registry
from netemu.balancer.definitions import definitions
from netemu.balancer.kinds import ADDRESS_POOL, BGP_ADVERTISEMENT, BGP_PEER
from netemu.balancer.pools import read_pool
from netemu.cluster.balancing import default_pool, ensure, occupied
from netemu.cluster.host_access import access_addresses
from netemu.cluster.world import plan_world
from netemu.settings import Settings
from netemu.testing.memory_store import MemoryStore


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


@pytest.fixture
def registry():
    return Registry(MemoryStore(), Settings(), lambda: 1_700_000_000.0)


def objects(registry, kind):
    served = registry.kinds.find(kind.group, kind.version, kind.resource)
    return [obj["spec"] for obj in registry.list(served).items] if served is not None else []


async def test_a_cluster_with_bgp_begins_with_the_router_outside_as_peer(registry):
    settings = Settings(load_balancer="bgp", host_cidr=("172.30.0.0/16", "fd00:30::/64"))
    await ensure(registry, settings)

    peers = objects(registry, BGP_PEER)
    assert [(peer["peerAddress"], peer["myASN"], peer["peerASN"]) for peer in peers] == [
        ("172.30.0.1", 64512, 64513),
        ("fd00:30::1", 64512, 64513),
    ]
    assert peers[0]["holdTime"] == "3s"


@pytest.mark.parametrize(("mode", "pools"), [("layer2", 1), ("bgp", 1), ("none", 0)])
async def test_a_pool_is_there_where_somebody_announces(registry, mode, pools):
    await ensure(registry, Settings(load_balancer=mode))

    assert len(objects(registry, ADDRESS_POOL)) == pools


async def test_beginning_again_writes_nothing(registry):
    await ensure(registry, Settings(load_balancer="bgp"))
    before = registry.revision
    await ensure(registry, Settings(load_balancer="bgp"))

    assert registry.revision == before


async def test_the_definition_of_an_older_netemu_is_brought_to_what_this_one_knows(registry):
    (old, *_) = definitions()
    version = {name: value for name, value in old["spec"]["versions"][0].items() if name != "subresources"}
    await registry.create(CUSTOM_RESOURCE_DEFINITION, {**old, "spec": {**old["spec"], "versions": [version]}})
    await ensure(registry, Settings())

    made = registry.get(CUSTOM_RESOURCE_DEFINITION, "", ADDRESS_POOL.key)
    assert made["spec"]["versions"][0]["subresources"] == {"status": {}}
    assert len(objects(registry, ADDRESS_POOL)) == 1


@pytest.mark.parametrize("community", ["0:0", "64512:100", "65535:65281"])
async def test_communities_have_two_numbers_of_16_bits(registry, community):
    await ensure(registry, Settings(load_balancer="bgp"))
    kind = registry.kinds.find(BGP_ADVERTISEMENT.group, BGP_ADVERTISEMENT.version, BGP_ADVERTISEMENT.resource)

    def tagged(name, *communities):
        return {
            "apiVersion": kind.api_version,
            "kind": kind.kind,
            "metadata": {"name": name},
            "spec": {"communities": list(communities)},
        }

    await registry.create(kind, tagged("good", community))
    for wrong in ("65536:1", "1:65536", "99999:1", "01:1", "no-export"):
        with pytest.raises(InvalidError, match=r"spec\.communities\[0\] in body should match"):
            await registry.create(kind, tagged("wrong", wrong))


def test_who_has_addresses_among_the_hosts_is_known():
    settings = Settings(nodes=1, host_cidr=("172.30.0.0/16", "fd00:30::/64"))
    plugged = Settings(nodes=1, host_cidr=("172.30.0.0/16",), host_access=True)
    own = {str(address): name for address, name in occupied(plan_world(settings), settings).items()}

    assert own == {
        "172.30.0.1": "outside",
        "172.30.0.2": "the API",
        "172.30.0.11": "node-1",
        "fd00:30::1": "outside",
        "fd00:30::b": "node-1",
    }
    assert "this machine" in occupied(plan_world(plugged), plugged).values()
