"""Whatever a Service was before, its rules are those of what it is: nothing of its past stays."""

from __future__ import annotations

from functools import partial
from ipaddress import ip_address
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netemu.nft.ruleset import Ruleset, apply
from netemu.testing.service_history import (
    CONDITIONS,
    NAMES,
    SPECS,
    TYPES,
    ZONES,
    History,
    write_service,
    write_slice,
)


class World:
    """Nodes that have followed a history."""

    def __init__(self):
        self.rulesets = {}
        self.history = History(partial(do, self.rulesets))
        self.write = self.history.write

    def held(self):
        return [meaning(self.rulesets, view) for view in self.history.views]

    def fresh(self):
        rulesets = {}
        self.history.restart(partial(do, rulesets))
        return [meaning(rulesets, view) for view in self.history.views]


def do(rulesets, view, transaction):
    rulesets[view.name, view.family] = apply(rulesets.get((view.name, view.family), Ruleset()), transaction)


def meaning(rulesets, view):
    """Give the elements without what depends on history: slots, and hairpins of the past."""
    elements = rulesets[view.name, view.family].tables[view.table].elements
    slotted = {
        name: {(id, data) for (id, _), data in elements[name].items()} | {len(elements[name])}
        for name in ("ep", "pick")
    }
    kept = {name: some for name, some in elements.items() if name not in ("ep", "pick", "hairpin")}
    return kept | slotted


ENDPOINTS = st.lists(
    st.tuples(st.integers(2, 5), st.sampled_from(CONDITIONS), st.sampled_from(ZONES)), max_size=4
)
WRITES = st.one_of(
    st.builds(
        lambda name, what, spec: write_service(name, what, **spec),
        st.sampled_from(NAMES),
        st.sampled_from(TYPES),
        st.fixed_dictionaries({field: st.sampled_from(values) for field, values in SPECS.items()}),
    ),
    st.builds(write_slice, st.sampled_from(NAMES), st.sampled_from(["IPv4", "IPv6"]), st.none() | ENDPOINTS),
)


@settings(max_examples=150)
@given(st.lists(WRITES, min_size=6, max_size=20))
def test_rules_after_any_changes_are_those_of_a_fresh_start(writes):
    world = World()
    for write in writes:
        world.write(write)

    assert world.held() == world.fresh()


@pytest.mark.parametrize("names", ["ab", "ba"])
def test_an_address_that_two_claim_passes_to_the_other_when_its_owner_goes(names):
    world = World()
    same = []
    for name in names:
        world.write(write_service(name, "LoadBalancer", shared=True, externalIPs=["198.19.0.1"]))
        same.append(world.held() == world.fresh())
    for type in ("ClusterIP", "ExternalName", "None"):
        world.write(write_service("a", type))
        same.append(world.held() == world.fresh())

    assert same == [True] * 5
    assert (ip_address("198.19.0.1"), 6, 80) in world.held()[0]["fe"]


@pytest.mark.parametrize(("before", "after"), list(product(TYPES, TYPES)))
def test_a_type_leaves_nothing_of_itself_to_the_next(before, after):
    policies = {"externalTrafficPolicy": "Local", "loadBalancerSourceRanges": ["10.0.0.0/8"]}
    world = World()
    for family in ("IPv4", "IPv6"):
        world.write(write_slice("a", family, [(2, CONDITIONS[0], ()), (3, CONDITIONS[0], ())]))
    for type in (before, after):
        world.write(write_service("a", type, externalIPs=["198.19.0.1"], **policies))
    same = world.held() == world.fresh()
    world.write(write_service("a", "None"))

    assert same
    assert [name for held in world.held() for name, some in held.items() if some not in ({}, {0})] == []
