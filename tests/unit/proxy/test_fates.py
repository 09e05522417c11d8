"""The table of cases, walked: the rules of each node against what Kubernetes documents."""

from __future__ import annotations

from functools import cache
from ipaddress import ip_network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netemu.informer.cache import Cache
from netemu.nft.expressions import Family
from netemu.nft.ruleset import Ruleset, apply
from netemu.proxy.groups import NodeView
from netemu.proxy.index import Index
from netemu.proxy.plan import plan_all
from netemu.proxy.rules import NodeRules
from netemu.testing.fates.case import Backend, Case, Client, Condition, Policy, Service, Target
from netemu.testing.fates.journey import walk_case
from netemu.testing.fates.manifest import LATER_CLUSTER_IPS, PLACES, Manifest
from netemu.testing.fates.oracle import ZONE_OF, fate
from netemu.testing.fates.table import WAYS, cases
from netemu.testing.service_world import SETTINGS

TABLE = cases()
MANIFEST = Manifest.of(TABLE)


@cache
def rules(masquerade_all):
    return rules_of(MANIFEST, masquerade_all)


def rules_of(manifest, masquerade_all):
    objects = Cache()
    for kind, obj in manifest.objects():
        objects.apply(kind, obj)
    return {
        (node, version): ruleset(objects, node, version, masquerade_all)
        for node in ZONE_OF
        for version in (4, 6)
    }


def ruleset(objects, node, version, masquerade_all):
    plans = plan_all(Index(objects, Family.IP if version == 4 else Family.IP6))
    ranges = zip(SETTINGS.pod_cidr, SETTINGS.service_cidr, strict=True)
    (pods, services), *_ = (pair for pair in ranges if ip_network(pair[0]).version == version)
    view = NodeView(
        node,
        (PLACES[version][node],),
        ip_network(pods),
        ip_network(services),
        zone=ZONE_OF[node],
        masquerade_all=masquerade_all,
        more_services=(LATER_CLUSTER_IPS[version],),
    )
    made = Ruleset()
    for transaction in NodeRules(view).load(plans):
        made = apply(made, transaction)
    return made


@pytest.mark.parametrize("case", TABLE, ids=lambda case: case.id)
def test_every_case_ends_as_kubernetes_documents(case):
    assert walk_case(rules(case.masquerade_all), MANIFEST, case) == fate(case).single


def test_the_table_has_every_case_once():
    assert len({case.id for case in TABLE}) == len(TABLE) > 800


def test_every_way_leads_to_every_kind_of_end():
    ends = {(case.protocol, case.version, bool(fate(case).arrivals), fate(case).refused) for case in TABLE}

    assert len(ends) == len(WAYS) * 3


PLACES_OF_ENDPOINTS = ("a", "b", "c", "d", "node-1", "node-2")
TARGETS = {
    "ClusterIP": (Target.CLUSTER_IP, Target.EXTERNAL_IP),
    "NodePort": (Target.CLUSTER_IP, Target.EXTERNAL_IP, Target.NODE_PORT, Target.OTHER_NODE_PORT),
    "LoadBalancer": (Target.CLUSTER_IP, Target.NODE_PORT, Target.OTHER_NODE_PORT, Target.BALANCER),
}


def some_of(*names):
    return st.lists(st.sampled_from(names), unique=True).map(tuple)


BACKENDS = st.lists(
    st.builds(
        Backend,
        st.sampled_from(PLACES_OF_ENDPOINTS),
        st.sampled_from(Condition),
        some_of("zone-1", "zone-2", "zone-9"),
        some_of("node-1", "node-2", "node-9"),
    ),
    unique_by=lambda backend: backend.place,
    max_size=5,
).map(tuple)
SERVICES = st.builds(
    Service,
    st.sampled_from(sorted(TARGETS)),
    st.just("made-up"),
    BACKENDS,
    st.sampled_from(Policy),
    st.sampled_from(Policy),
    st.booleans(),
    st.none() | some_of("outside", "pods", "node-1", "node-2", "b").filter(len),
)


@st.composite
def made_up(draw):
    service = draw(SERVICES)
    protocol, version = draw(st.sampled_from(WAYS))
    target = draw(st.sampled_from(TARGETS[service.type]))
    return Case(service, draw(st.sampled_from(Client)), target, protocol, version, draw(st.booleans()))


@settings(max_examples=200)
@given(made_up())
def test_cases_that_nobody_thought_of_end_as_kubernetes_documents(case):
    manifest = Manifest.of([case])

    assert walk_case(rules_of(manifest, case.masquerade_all), manifest, case) == fate(case).single
