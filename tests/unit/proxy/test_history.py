"""Whatever a Service was before, its rules are those of what it is: nothing of its past stays."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netemu.api.kinds import ENDPOINT_SLICE, SERVICE
from netemu.informer.cache import Cache, Key
from netemu.nft.expressions import Family
from netemu.nft.ruleset import Ruleset, apply
from netemu.proxy.groups import NodeView
from netemu.proxy.index import Index
from netemu.proxy.plan import Plans, plan_all
from netemu.proxy.rules import NodeRules

PODS = {Family.IP: ip_network("10.244.0.0/16"), Family.IP6: ip_network("fd00:244::/32")}
SERVICES = {Family.IP: ip_network("10.96.0.0/16"), Family.IP6: ip_network("fd00:96::/112")}
NODE_IPS = {Family.IP: ip_address("172.30.0.11"), Family.IP6: ip_address("fd00:172::11")}
NODES = ("node-1", "node-2")
NAMES = ("a", "b")
TYPES = ("ClusterIP", "NodePort", "LoadBalancer", "ExternalName", "Headless", "None")
CONDITIONS = [
    {"ready": True},
    {"ready": False, "serving": True, "terminating": True},
    {"ready": False},
]


def service(
    name, type, *, families=("IPv4", "IPv6"), protocols=("TCP", "UDP"), shared=False, labels=(), **spec
):
    number = 20 + NAMES.index(name)
    ips = {"IPv4": f"10.96.0.{number}", "IPv6": f"fd00:96::{number}"}
    outside = {"IPv4": f"198.18.0.{1 if shared else number}", "IPv6": f"2001:db8::{1 if shared else number}"}
    meta = {"name": name, "namespace": "default", "labels": dict.fromkeys(labels, "x")}
    node_ports = {"nodePort": 30000 + number} if type in ("NodePort", "LoadBalancer") else {}
    ports = [{"name": p.lower(), "port": 80, "protocol": p, **node_ports} for p in protocols]
    cluster_ips = ["None"] if type == "Headless" else [ips[family] for family in families]
    addressed = {} if type == "ExternalName" else {"clusterIP": cluster_ips[0], "clusterIPs": cluster_ips}
    balancer = {"ingress": [{"ip": outside[f]} for f in families]} if type == "LoadBalancer" else {}
    return {
        "metadata": meta,
        "spec": {"type": type.replace("Headless", "ClusterIP"), "ports": ports, **addressed, **spec},
        "status": {"loadBalancer": balancer},
    }


def slice_of(name, family, endpoints):
    labels = {"kubernetes.io/service-name": name}
    return {
        "metadata": {"name": f"{name}-{family}", "namespace": "default", "labels": labels},
        "addressType": family,
        "endpoints": [endpoint(family, *one) for one in endpoints],
        "ports": [{"name": p.lower(), "port": 8080, "protocol": p} for p in ("TCP", "UDP", "SCTP")],
    }


def endpoint(family, number, conditions, zones):
    address = {"IPv4": f"10.244.{number % 2 + 1}.{number}", "IPv6": f"fd00:244:{number % 2 + 1}::{number}"}
    return {
        "addresses": [address[family]],
        "conditions": conditions,
        "nodeName": NODES[number % 2],
        "hints": {"forZones": [{"name": zone} for zone in zones]},
    }


class World:
    """Nodes that follow changes of objects, as the proxy does."""

    def __init__(self):
        self.cache = Cache()
        self.halves = [(Index(self.cache, family), family) for family in PODS]
        self.plans = [Plans(index) for index, _ in self.halves]
        self.views = [
            NodeView(node, (NODE_IPS[family],), PODS[family], SERVICES[family], zone=node)
            for family, node in product(PODS, NODES)
        ]
        self.rules = [NodeRules(view) for view in self.views]
        self.rulesets = [done(Ruleset(), rules.load({})) for rules in self.rules]

    def write(self, kind, name, obj):
        change = self.cache.apply(kind, obj, key=Key("default", name))
        if change is None:
            return
        for half, (index, _) in enumerate(self.halves):
            changed = self.plans[half].refresh(dict.fromkeys(index.touched(change)))
            for place in range(half * len(NODES), (half + 1) * len(NODES)):
                self.rulesets[place] = done(self.rulesets[place], self.rules[place].change(changed))

    def held(self):
        return [meaning(*pair) for pair in zip(self.rulesets, self.views, strict=True)]

    def fresh(self):
        plans = {family: plan_all(Index(self.cache, family)) for family in PODS}
        loads = [NodeRules(view).load(plans[view.family]) for view in self.views]
        return [meaning(done(Ruleset(), load), view) for load, view in zip(loads, self.views, strict=True)]


def done(ruleset, transactions):
    for transaction in transactions:
        ruleset = apply(ruleset, transaction)
    return ruleset


def meaning(ruleset, view):
    """Give the elements without what depends on history: slots, and hairpins of the past."""
    elements = ruleset.tables[view.table].elements
    slotted = {
        name: {(id, data) for (id, _), data in elements[name].items()} | {len(elements[name])}
        for name in ("ep", "pick")
    }
    kept = {name: some for name, some in elements.items() if name not in ("ep", "pick", "hairpin")}
    return kept | slotted


FAMILIES = st.sampled_from([("IPv4",), ("IPv6",), ("IPv4", "IPv6"), ("IPv6", "IPv4")])
POLICY = st.sampled_from(["Cluster", "Local"])
SPECS = st.fixed_dictionaries(
    {
        "families": FAMILIES,
        "protocols": st.sampled_from([("TCP",), ("TCP", "UDP"), ("UDP", "SCTP")]),
        "shared": st.booleans(),
        "labels": st.sampled_from(
            [(), ("service.kubernetes.io/service-proxy-name",), ("service.kubernetes.io/headless",), ("app",)]
        ),
        "internalTrafficPolicy": POLICY,
        "externalTrafficPolicy": POLICY,
        "sessionAffinity": st.sampled_from(["None", "ClientIP"]),
        "externalIPs": st.sampled_from([[], ["198.19.0.1"], ["198.19.0.1", "2001:db8:1::1"]]),
        "loadBalancerSourceRanges": st.sampled_from([[], ["10.0.0.0/8"], ["10.0.0.0/8", "fd00::/8"]]),
    }
)
ENDPOINTS = st.lists(
    st.tuples(
        st.integers(2, 5), st.sampled_from(CONDITIONS), st.sampled_from([(), ("node-1",), ("node-2",)])
    ),
    max_size=4,
)
WRITES = st.one_of(
    st.tuples(st.just("Service"), st.sampled_from(NAMES), st.sampled_from(TYPES), SPECS),
    st.tuples(
        st.just("Slice"), st.sampled_from(NAMES), st.sampled_from(["IPv4", "IPv6"]), st.none() | ENDPOINTS
    ),
)


def write(world, kind, name, what, more):
    if kind == "Service":
        world.write(SERVICE, name, None if what == "None" else service(name, what, **more))
    else:
        world.write(ENDPOINT_SLICE, f"{name}-{what}", None if more is None else slice_of(name, what, more))


@settings(max_examples=150, deadline=None)
@given(st.lists(WRITES, min_size=6, max_size=20))
def test_rules_after_any_changes_are_those_of_a_fresh_start(writes):
    world = World()
    for one in writes:
        write(world, *one)

    assert world.held() == world.fresh()


@pytest.mark.parametrize("names", ["ab", "ba"])
def test_an_address_that_two_claim_passes_to_the_other_when_its_owner_goes(names):
    world = World()
    same = []
    for name in names:
        write(world, "Service", name, "LoadBalancer", {"externalIPs": ["198.19.0.1"], "shared": True})
        same.append(world.held() == world.fresh())
    for type in ("ClusterIP", "ExternalName", "None"):
        write(world, "Service", "a", type, {})
        same.append(world.held() == world.fresh())

    assert same == [True] * 5
    assert (ip_address("198.19.0.1"), 6, 80) in world.held()[0]["fe"]


@pytest.mark.parametrize(("before", "after"), list(product(TYPES, TYPES)))
def test_a_type_leaves_nothing_of_itself_to_the_next(before, after):
    policies = {"externalTrafficPolicy": "Local", "loadBalancerSourceRanges": ["10.0.0.0/8"]}
    ready = [(2, CONDITIONS[0], ()), (3, CONDITIONS[0], ())]
    world = World()
    for family in ("IPv4", "IPv6"):
        world.write(ENDPOINT_SLICE, f"a-{family}", slice_of("a", family, ready))
    for type in (before, after):
        write(world, "Service", "a", type, policies | {"externalIPs": ["198.19.0.1"]})
    same = world.held() == world.fresh()
    world.write(SERVICE, "a", None)

    assert same
    assert [name for held in world.held() for name, some in held.items() if some not in ({}, {0})] == []
