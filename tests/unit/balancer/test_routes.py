"""What nodes tell of addresses, and how routers are configured for it."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest

from netemu.balancer.announcement import (
    EVERYWHERE,
    EXCLUDED,
    BgpAdvertisement,
    NodeFacts,
    Said,
    read_advertisements,
    read_bgp_advertisements,
)
from netemu.balancer.kinds import GROUP, bgp_peer
from netemu.balancer.peering import read_peers
from netemu.balancer.plan import Serving, announce
from netemu.balancer.routes import Route, joined, route_to
from netemu.balancer.routing import Site, configurations

FOUR, SIX = ip_address("172.30.255.9"), ip_address("fd00:30::ff09")
NODES = [NodeFacts(f"node-{n}", {"rack": "ab"[n % 2]}, up=True) for n in (1, 2, 3)]
ALL = {"node-1", "node-2", "node-3"}


def advertisement(name="a", **spec):
    return {"metadata": {"name": name}, "spec": spec}


def announced(services, said, *, pools=(), nodes=NODES, local=(), anywhere=True):
    (only,) = announce(services, pools, said, nodes, lambda _key: Serving(anywhere, frozenset(local)))
    return only


def by_bgp(*advertisements, layer2=()):
    return Said("bgp", read_advertisements(layer2), read_bgp_advertisements(advertisements))


@pytest.mark.parametrize(
    ("address", "said", "prefix"),
    [
        (FOUR, EVERYWHERE, "172.30.255.9/32"),
        (SIX, EVERYWHERE, "fd00:30::ff09/128"),
        (FOUR, BgpAdvertisement(aggregation_length=24), "172.30.255.0/24"),
        (SIX, BgpAdvertisement(aggregation_length_v6=64), "fd00:30::/64"),
    ],
    ids=["address", "address-6", "network", "network-6"],
)
def test_a_route_leads_to_the_address_or_to_a_network_around_it(address, said, prefix):
    assert route_to(address, said).prefix == ip_network(prefix)


def test_routes_to_one_network_are_one_with_all_communities_and_the_highest_preference():
    prefix = ip_network("172.30.255.0/24")
    made = [
        Route(prefix, None, ("64512:100",)),
        Route(prefix, 7, ("64512:9",)),
        Route(prefix, 5),
        Route(ip_network("10.0.0.0/8")),
    ]

    assert joined(made) == (
        Route(ip_network("10.0.0.0/8")),
        Route(prefix, 7, ("64512:9", "64512:100")),
    )


def test_all_nodes_that_may_announce_and_nobody_answers(balanced):
    nodes = [*NODES, NodeFacts("off", {}, up=False), NodeFacts("excluded", {EXCLUDED: ""}, up=True)]
    found = announced([balanced("web", str(FOUR))], by_bgp(), nodes=nodes)

    assert set(found.routes) == ALL
    assert found.node is None


def test_a_local_service_is_announced_where_its_endpoints_are(balanced):
    service = balanced("web", str(FOUR), externalTrafficPolicy="Local")

    assert set(announced([service], by_bgp(), local={"node-2"}).routes) == {"node-2"}
    assert announced([service], by_bgp()).routes == {}


def test_what_nothing_serves_is_not_announced(balanced):
    assert announced([balanced("web", str(FOUR))], by_bgp(), anywhere=False).routes == {}


def test_advertisements_limit_the_nodes_each_by_itself(balanced):
    said = by_bgp(
        advertisement(nodeSelectors=[{"matchLabels": {"rack": "a"}}]),
        advertisement(aggregationLength=24, nodeSelectors=[{"matchLabels": {"rack": "b"}}]),
    )
    routes = announced([balanced("web", str(FOUR))], said).routes

    assert {name: [str(r.prefix) for r in each] for name, each in routes.items()} == {
        "node-1": ["172.30.255.0/24"],
        "node-2": ["172.30.255.9/32"],
        "node-3": ["172.30.255.0/24"],
    }


@pytest.mark.parametrize(
    ("said", "service_class", "ways"),
    [
        (by_bgp(), None, {"bgp"}),
        (by_bgp(layer2=[advertisement()]), None, {"layer2"}),
        (by_bgp(advertisement(), layer2=[advertisement()]), None, {"layer2", "bgp"}),
        (by_bgp(advertisement(pools=["other"])), None, {"bgp"}),
        (by_bgp(advertisement(), layer2=[advertisement(pools=["other"])]), None, {"bgp"}),
        (by_bgp(), f"{GROUP}/layer2", {"layer2"}),
        (by_bgp(layer2=[advertisement()]), f"{GROUP}/bgp", {"bgp"}),
        (Said(), None, {"layer2"}),
    ],
    ids=[
        "nothing-said",
        "layer2-said",
        "both-said",
        "of-another-pool",
        "layer2-of-another-pool",
        "class-layer2",
        "class-bgp",
        "no-routers",
    ],
)
def test_advertisements_and_classes_say_how_an_address_is_announced(
    balanced, pools, said, service_class, ways
):
    service = balanced("web", str(FOUR), loadBalancerClass=service_class)
    found = announced([service], said, pools=pools(default=["172.30.255.0/24"]))

    assert ({"layer2"} if found.node else set()) | ({"bgp"} if found.routes else set()) == ways


def test_a_class_that_cannot_be_served_is_left_to_others(balanced):
    service = balanced("web", str(FOUR), loadBalancerClass=f"{GROUP}/bgp")

    assert announce([service], (), Said(), NODES, lambda _key: Serving(True, frozenset())) == []


def test_every_router_is_configured_for_what_its_node_announces(balanced):
    site = Site(
        nodes={name: (ip_address(f"172.30.0.1{name[-1]}"),) for name in sorted(ALL)},
        outside=(ip_address("172.30.0.1"),),
        hosts=(ip_network("172.30.0.0/16"),),
    )
    peer = bgp_peer("outside", my_asn=64512, peer_asn=64513, address="172.30.0.1")
    peer["spec"]["nodeSelectors"] = [{"matchLabels": {"rack": "b"}}]
    service = balanced("web", str(FOUR), externalTrafficPolicy="Local")
    found = configurations(
        site, read_peers([peer]).peers, NODES, [announced([service], by_bgp(), local={"node-1", "node-2"})]
    )

    told = {name: [line for lines in config.values() for line in lines] for name, config in found.items()}
    assert {name for name, lines in told.items() if f"network {FOUR}/32" in lines} == {"node-1"}
    assert {name for name, lines in told.items() if "neighbor 172.30.0.1 activate" in lines} == {
        "node-1",
        "node-3",
    }
    assert "bgp listen range 172.30.0.0/16 peer-group nodes-v4" in told["outside"]
