"""Zones get endpoints by their part of the processors (topology-mode: Auto)."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netemu.api.kinds import ENDPOINT_SLICE, NODE, POD, SERVICE
from netemu.controllers.zonehints import Refused, add_hints, is_asked, zone_parts
from netemu.testing import builders

EVEN = {"a": 0.5, "b": 0.5}
AUTO = {"service.kubernetes.io/topology-mode": "Auto"}
ENABLED = ("TopologyAwareHintsEnabled", "Topology Aware Hints has been enabled, addressType: IPv4")


def endpoints(**counts):
    """Make ready endpoints: so many in each zone."""
    zones = [zone for zone, count in counts.items() for _ in range(count)]
    return [
        {"addresses": [f"10.0.0.{number:03}"], "zone": zone, "conditions": {"ready": True}}
        for number, zone in enumerate(zones)
    ]


def hinted(made):
    return Counter(each["hints"]["forZones"][0]["name"] for each in made)


def node(name, zone="", cpu="2", ready="True", **labels):
    own = {**({"topology.kubernetes.io/zone": zone} if zone else {}), **labels}
    made = builders.node(name, labels=own)
    made["status"] |= {"allocatable": {"cpu": cpu}, "conditions": [{"type": "Ready", "status": ready}]}
    return made


@pytest.mark.parametrize(
    ("counts", "parts", "wanted"),
    [
        pytest.param({"a": 2, "b": 2}, EVEN, {"a": 2, "b": 2}, id="as-they-are"),
        pytest.param({"a": 4, "b": 0}, EVEN, {"a": 2, "b": 2}, id="given-away"),
        pytest.param({"a": 4, "b": 3}, EVEN, {"a": 4, "b": 3}, id="near-enough"),
        pytest.param({"a": 3, "b": 3}, {"a": 2 / 3, "b": 1 / 3}, {"a": 4, "b": 2}, id="more-for-the-larger"),
    ],
)
def test_endpoints_are_for_their_own_zone_unless_another_lacks_them(counts, parts, wanted):
    made = endpoints(**counts)
    add_hints(made, parts)

    assert hinted(made) == wanted


@pytest.mark.parametrize(
    ("made", "parts", "words"),
    [
        pytest.param(endpoints(a=3), {}, "Insufficient Node information", id="no-zones"),
        pytest.param(endpoints(a=1), EVEN, r"Insufficient number of endpoints \(1 endpoints, 2 zones\)"),
        pytest.param(endpoints(a=2, b=1), EVEN, r"exceeding overload threshold \(3 endpoints, 2 zones\)"),
        pytest.param(
            [*endpoints(a=2, b=1), {"addresses": ["10.0.1.1"], "conditions": {"ready": True}}],
            EVEN,
            "do not have a zone",
            id="an-endpoint-nowhere",
        ),
    ],
)
def test_zones_that_cannot_be_served_apart_are_told_why(made, parts, words):
    with pytest.raises(Refused, match=words):
        add_hints(made, parts)
    assert not any("hints" in each for each in made)


def test_endpoints_that_are_not_ready_are_for_nobody():
    made = [*endpoints(a=1, b=1), {"addresses": ["10.0.9.9"], "conditions": {"ready": False}}]
    add_hints(made, EVEN)

    assert "hints" not in made[-1]


@given(st.integers(0, 30), st.integers(0, 30), st.floats(0.2, 0.8))
def test_no_zone_is_left_with_too_few(in_a, in_b, part):
    made = endpoints(a=in_a, b=in_b)
    parts = {"a": part, "b": 1 - part}
    try:
        add_hints(made, parts)
    except Refused:
        return
    found = hinted(made)
    assert found.total() == in_a + in_b
    assert all(found[zone] >= 1 for zone in parts)


def test_parts_are_those_of_ready_nodes_that_are_no_control_plane():
    control = {"node-role.kubernetes.io/control-plane": ""}
    nodes = [
        node("n1", "a", "1"),
        node("n2", "b", "3"),
        node("n3", "b", "9", ready="Unknown"),
        node("n4", "c", "9", **control),
    ]

    assert zone_parts(nodes) == {"a": 0.25, "b": 0.75}
    assert zone_parts([*nodes, node("n5")]) == {}
    assert zone_parts(nodes[:1]) == {}


@pytest.mark.parametrize(
    ("marks", "spec", "asked"),
    [
        (AUTO, {}, True),
        ({"service.kubernetes.io/topology-aware-hints": "auto"}, {}, True),
        ({"service.kubernetes.io/topology-mode": "Disabled"}, {}, False),
        ({}, {}, False),
        (AUTO, {"trafficDistribution": "PreferClose"}, False),
    ],
)
def test_a_service_asks_by_its_annotation(marks, spec, asked):
    assert is_asked({"metadata": {"annotations": marks}, "spec": spec}) is asked


async def hints(world):
    return {
        endpoint["addresses"][0]: [zone["name"] for zone in (endpoint.get("hints") or {}).get("forZones", ())]
        for slice_ in await world.list(ENDPOINT_SLICE)
        for endpoint in slice_["endpoints"]
    }


async def test_hints_come_and_go_with_zones_and_are_told_of(world):
    for name, zone in (("za", "a"), ("zb", "b")):
        made = await world.create(NODE, node(name, zone))
        await world.client.update(NODE, {**made, "status": node(name)["status"]}, subresource="status")
    await world.client.delete(NODE, "", "node-1")
    for number, place in enumerate(("za", "za", "zb", "zb"), 1):
        await world.create(POD, builders.pod(f"p{number}", labels={"app": "web"}, node=place))
        status = builders.running_status(f"10.244.1.{number}")
        await world.edit(POD, f"p{number}", {"status": status}, subresource="status")
    service = builders.service(selector={"app": "web"})
    service["metadata"]["annotations"] = AUTO
    await world.create(SERVICE, service)
    await world.settle()
    seen = await hints(world)
    await world.edit(SERVICE, "web", {"metadata": {"annotations": {next(iter(AUTO)): None}}})
    await world.settle()

    assert seen == {"10.244.1.1": ["a"], "10.244.1.2": ["a"], "10.244.1.3": ["b"], "10.244.1.4": ["b"]}
    assert ENABLED in await world.events()
    assert set(map(tuple, (await hints(world)).values())) == {()}
