"""Which node answers for an address."""

from __future__ import annotations

from collections import Counter
from ipaddress import ip_address

import pytest

from netemu.balancer.announcement import EXCLUDED, NodeFacts, Said, choose, read_advertisements, read_node
from netemu.balancer.plan import Serving, announce
from netemu.testing import builders

NODES = [NodeFacts(f"node-{n}", {"zone": f"zone-{n % 2}"}, up=True) for n in range(1, 5)]
NAMES = tuple(node.name for node in NODES)
ADDRESSES = [ip_address(f"172.30.255.{n}") for n in range(1, 201)]


def advertisement(*zones, pools=()):
    return {
        "metadata": {"name": "a"},
        "spec": {"pools": list(pools), "nodeSelectors": [{"matchLabels": {"zone": zone}} for zone in zones]},
    }


def chosen(services, *, pools=(), advertisements=(), nodes=NODES, local=(), anywhere=True):
    said = Said(layer2=read_advertisements(advertisements))
    found = announce(services, pools, said, nodes, lambda _key: Serving(anywhere, frozenset(local)))
    return {str(each.address): each.node for each in found}


def test_addresses_are_spread_over_the_nodes():
    counts = Counter(choose(address, NAMES) for address in ADDRESSES)

    assert set(counts) == set(NAMES)
    assert min(counts.values()) > 25


def test_only_the_addresses_of_a_node_that_goes_move():
    before = {address: choose(address, NAMES) for address in ADDRESSES}
    after = {address: choose(address, NAMES[1:]) for address in ADDRESSES}

    moved = {address for address in ADDRESSES if before[address] != after[address]}
    assert moved == {address for address in ADDRESSES if before[address] == "node-1"}


def test_the_order_of_nodes_does_not_matter():
    assert choose(ADDRESSES[0], NAMES) == choose(ADDRESSES[0], tuple(reversed(NAMES)))


def test_without_nodes_nobody_answers(balanced):
    assert chosen([balanced("web", "172.30.255.1")], nodes=[]) == {"172.30.255.1": None}


@pytest.mark.parametrize(
    ("node", "is_on", "up"),
    [
        (builders.node(), True, True),
        (builders.node(), False, False),
        (builders.node(ready=False), True, False),
        ({"metadata": {"name": "new"}}, True, False),
    ],
)
def test_a_node_counts_while_it_is_on_and_ready(node, is_on, up):
    assert read_node(node, is_on=is_on).up is up


def test_nodes_that_are_off_or_excluded_do_not_answer(balanced):
    nodes = [
        NodeFacts("a", {}, up=False),
        NodeFacts("b", {EXCLUDED: ""}, up=True),
        NodeFacts("c", {}, up=True),
    ]

    assert chosen([balanced("web", "172.30.255.1")], nodes=nodes) == {"172.30.255.1": "c"}


def test_only_nodes_with_an_endpoint_answer_for_local_services(balanced):
    service = balanced("web", "172.30.255.1", externalTrafficPolicy="Local")

    assert chosen([service], local={"node-3"}) == {"172.30.255.1": "node-3"}
    assert chosen([service]) == {"172.30.255.1": None}
    assert chosen([balanced("web", "172.30.255.1")])["172.30.255.1"] in NAMES


def test_an_advertisement_says_which_nodes_answer_for_a_pool(balanced, pools):
    services = [balanced("in", "10.9.0.1"), balanced("out", "10.8.0.1")]
    made = pools(edge=["10.9.0.0/24"], other=["10.8.0.0/24"])
    nodes = [NodeFacts("here", {"zone": "x"}, up=True), NodeFacts("there", {"zone": "y"}, up=True)]

    def by(*advertisements):
        return chosen(services, pools=made, advertisements=advertisements, nodes=nodes)

    assert by(advertisement("x", pools=["edge"]))["10.9.0.1"] == "here"
    assert by(advertisement("x", pools=["edge"]))["10.8.0.1"] == by()["10.8.0.1"]
    assert by(advertisement("y")) == {"10.9.0.1": "there", "10.8.0.1": "there"}
    assert by(advertisement("z")) == {"10.9.0.1": None, "10.8.0.1": None}
    assert by(advertisement("z"), advertisement("x", pools=["edge"]))["10.9.0.1"] == "here"


def test_services_that_share_an_address_are_announced_together(balanced):
    services = [balanced("a", "172.30.255.1"), balanced("b", "172.30.255.1")]
    found = announce(services, (), Said(), NODES, lambda _key: Serving(True, frozenset()))

    assert [[s["metadata"]["name"] for s in each.services] for each in found] == [["a", "b"]]


def test_both_addresses_of_a_service_are_announced(balanced):
    assert set(chosen([balanced("web", "172.30.255.1", "fd00::1")])) == {"172.30.255.1", "fd00::1"}


def test_an_advertisement_that_makes_no_sense_is_left_out():
    assert read_advertisements([{"metadata": {"name": "a"}, "spec": {"pools": 5}}]) == ()
