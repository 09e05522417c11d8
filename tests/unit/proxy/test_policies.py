"""Policies of Services: who is sent where, from which position, and whose source is kept."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

import pytest

from netemu.api.kinds import ENDPOINT_SLICE, SERVICE
from netemu.informer.cache import Cache, Key
from netemu.nft.expressions import L4, Family
from netemu.nft.render import render_rule
from netemu.nft.ruleset import Ruleset, apply
from netemu.nft.walk import Delivered, Dropped, Packet, Rejected, walk
from netemu.proxy.elements import stable_ids
from netemu.proxy.groups import Balancer, Group, NodeView, on_node
from netemu.proxy.index import Endpoint, Index, PortKey
from netemu.proxy.layout import balancer_chain
from netemu.proxy.plan import Plans
from netemu.proxy.rules import NodeRules

WEB = PortKey(Key("default", "web"), "")
PODS, SERVICES = IPv4Network("10.244.0.0/16"), IPv4Network("10.96.0.0/16")
NODE_IP = IPv4Address("172.30.0.11")
OUTSIDE, OTHER_NODE = IPv4Address("172.30.0.1"), IPv4Address("172.30.0.12")
CLUSTER_IP, BALANCER_IP = IPv4Address("10.96.0.20"), IPv4Address("172.30.200.1")
CLIENT = IPv4Address("10.244.1.9")  # a pod of this node
HERE = {"ip": "10.244.1.2", "node": "node-1"}
THERE = {"ip": "10.244.2.2", "node": "node-2"}
READY, ENDING, NOT_READY = (
    {"ready": True},
    {"ready": False, "serving": True, "terminating": True},
    {"ready": False},
)


def node(name="node-1", **more):
    return NodeView(name, (NODE_IP,), PODS, SERVICES, **more)


def service(**spec):
    return {
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {
            "type": "LoadBalancer",
            "clusterIP": str(CLUSTER_IP),
            "ports": [{"port": 80, "nodePort": 31100}],
            **spec,
        },
        "status": {"loadBalancer": {"ingress": [{"ip": str(BALANCER_IP)}]}},
    }


def endpoint(where, conditions=READY, *, zones=(), nodes=()):
    hints = {"forZones": [{"name": z} for z in zones], "forNodes": [{"name": n} for n in nodes]}
    return {
        "addresses": [where["ip"]],
        "conditions": conditions,
        "nodeName": where["node"],
        "hints": hints,
    }


def slices(*endpoints, labels=None):
    of_service = {"kubernetes.io/service-name": "web"}
    return {
        "metadata": {"name": "web-1", "namespace": "default", "labels": {**of_service, **(labels or {})}},
        "addressType": "IPv4",
        "ports": [{"port": 8080}],
        "endpoints": list(endpoints),
    }


def plans(*objects):
    cache = Cache()
    index = Index(cache)
    for obj in objects:
        cache.apply(SERVICE if "spec" in obj else ENDPOINT_SLICE, obj)
    made = Plans(index)
    made.refresh(index.services())
    return made.current


def rules(*objects, at=None):
    ruleset = Ruleset()
    for transaction in NodeRules(at or node()).load(plans(*objects)):
        ruleset = apply(ruleset, transaction)
    return ruleset


def ends(ruleset, saddr, daddr, port=80, *, local=False):
    return walk(ruleset, Packet(saddr, daddr, L4.TCP, port, local))


def to(*wheres, masqueraded=False):
    return {
        Delivered(IPv4Address(where["ip"]), 8080, translated=True, masqueraded=masqueraded)
        for where in wheres
    }


CLIENTS = {
    "a pod": (CLIENT, False),
    "the node": (NODE_IP, True),
    "outside": (OUTSIDE, False),
    "another node": (OTHER_NODE, False),
}
TARGETS = {"cluster IP": (CLUSTER_IP, 80), "node port": (NODE_IP, 31100), "balancer": (BALANCER_IP, 80)}


def reach(ruleset, client, target):
    (saddr, local), (daddr, port) = CLIENTS[client], TARGETS[target]
    return ends(ruleset, saddr, daddr, port, local=local)


@pytest.mark.parametrize("target", ["node port", "balancer"])
@pytest.mark.parametrize(
    ("client", "found"),
    [
        pytest.param("outside", to(HERE), id="outside-is-kept-and-stays-here"),
        pytest.param("another node", to(HERE), id="so-is-another-node"),
        pytest.param("a pod", to(HERE, THERE), id="a-pod-takes-the-short-cut"),
        pytest.param("the node", to(HERE, THERE, masqueraded=True), id="so-does-the-node"),
    ],
)
def test_external_local_keeps_the_source_of_those_outside_and_sends_them_to_local_endpoints(
    target, client, found
):
    ruleset = rules(service(externalTrafficPolicy="Local"), slices(endpoint(HERE), endpoint(THERE)))

    assert reach(ruleset, client, target) == found


def test_external_local_leaves_the_cluster_ip_alone():
    ruleset = rules(service(externalTrafficPolicy="Local"), slices(endpoint(HERE), endpoint(THERE)))

    assert reach(ruleset, "a pod", "cluster IP") == to(HERE, THERE)
    assert reach(ruleset, "outside", "cluster IP") == to(HERE, THERE, masqueraded=True)


def test_a_pod_that_reaches_itself_by_the_short_cut_is_masqueraded():
    ruleset = rules(service(externalTrafficPolicy="Local"), slices(endpoint(HERE)))

    assert ends(ruleset, IPv4Address(HERE["ip"]), BALANCER_IP) == to(HERE, masqueraded=True)


@pytest.mark.parametrize("client", ["a pod", "the node"])
def test_internal_local_stays_on_the_node(client):
    ruleset = rules(service(internalTrafficPolicy="Local"), slices(endpoint(HERE), endpoint(THERE)))

    assert reach(ruleset, client, "cluster IP") == to(HERE, masqueraded=client == "the node")
    assert reach(ruleset, "outside", "node port") == to(HERE, THERE, masqueraded=True)


@pytest.mark.parametrize(
    ("policies", "client", "target"),
    [
        pytest.param({"internalTrafficPolicy": "Local"}, "a pod", "cluster IP", id="internal"),
        pytest.param({"externalTrafficPolicy": "Local"}, "outside", "node port", id="external-node-port"),
        pytest.param({"externalTrafficPolicy": "Local"}, "outside", "balancer", id="external-balancer"),
    ],
)
@pytest.mark.parametrize(
    ("endpoints", "found"),
    [
        pytest.param([endpoint(THERE)], {Dropped()}, id="only-elsewhere"),
        pytest.param([], {Rejected(tcp_reset=True)}, id="none-at-all"),
        pytest.param([endpoint(HERE, ENDING), endpoint(THERE)], to(HERE), id="ending-here-ready-there"),
        pytest.param([endpoint(HERE, NOT_READY), endpoint(THERE)], {Dropped()}, id="not-ready-here"),
        pytest.param([endpoint(HERE, NOT_READY)], {Rejected(tcp_reset=True)}, id="nobody-is-ready"),
    ],
)
def test_without_a_local_endpoint_packets_are_dropped_and_without_any_refused(
    policies, client, target, endpoints, found
):
    assert reach(rules(service(**policies), slices(*endpoints)), client, target) == found


def test_ending_endpoints_are_the_fallback_for_cluster_and_local_independently():
    ruleset = rules(
        service(externalTrafficPolicy="Local"), slices(endpoint(HERE, ENDING), endpoint(THERE, READY))
    )

    assert reach(ruleset, "outside", "node port") == to(HERE)
    assert reach(ruleset, "a pod", "cluster IP") == to(THERE)


IN_A, IN_B = endpoint(HERE, zones=["a"]), endpoint(THERE, zones=["b"])


@pytest.mark.parametrize(
    ("endpoints", "zone", "found"),
    [
        pytest.param([IN_A, IN_B], "a", to(HERE), id="own-zone"),
        pytest.param([IN_A, IN_B], "b", to(THERE), id="other-zone"),
        pytest.param([IN_A, IN_B], "c", to(HERE, THERE), id="nothing-for-this-zone"),
        pytest.param([IN_A, endpoint(THERE)], "a", to(HERE, THERE), id="a-hint-is-missing"),
        pytest.param([IN_A, endpoint(THERE, NOT_READY)], "a", to(HERE), id="missing-where-not-ready"),
        pytest.param([endpoint(HERE, ENDING, zones=["a"]), IN_B], "a", to(THERE), id="ending-in-the-zone"),
        pytest.param(
            [endpoint(HERE, zones=["b"], nodes=["node-1"]), endpoint(THERE, zones=["a"], nodes=["node-2"])],
            "a",
            to(HERE),
            id="a-node-goes-before-a-zone",
        ),
        pytest.param(
            [endpoint(THERE, zones=["a"], nodes=["node-2"])], "b", to(THERE), id="nothing-for-this-node"
        ),
    ],
)
def test_hints_are_followed_when_every_ready_endpoint_has_one_and_one_is_for_here(endpoints, zone, found):
    ruleset = rules(service(), slices(*endpoints), at=node(zone=zone))

    assert reach(ruleset, "a pod", "cluster IP") == found


@pytest.mark.parametrize(
    ("ranges", "client", "found"),
    [
        pytest.param(["172.30.0.1/32"], "outside", to(HERE, masqueraded=True), id="allowed"),
        pytest.param(["172.30.0.0/24", "172.30.0.1/32"], "outside", to(HERE, masqueraded=True), id="overlap"),
        pytest.param(["203.0.113.0/24"], "outside", {Dropped()}, id="not-allowed"),
        pytest.param(["203.0.113.0/24"], "a pod", {Dropped()}, id="nor-is-a-pod"),
        pytest.param(["fd00::/8"], "outside", to(HERE, masqueraded=True), id="only-of-the-other-family"),
    ],
)
def test_source_ranges_guard_the_balancers_address_and_nothing_else(ranges, client, found):
    ruleset = rules(service(loadBalancerSourceRanges=ranges), slices(endpoint(HERE)))

    assert reach(ruleset, client, "balancer") == found
    assert reach(ruleset, client, "node port") == to(HERE, masqueraded=True)


def test_a_balancer_that_is_a_proxy_itself_is_not_short_cut():
    proxied = service()
    proxied["status"]["loadBalancer"]["ingress"][0]["ipMode"] = "Proxy"
    ruleset = rules(proxied, slices(endpoint(HERE)))

    assert ends(ruleset, CLIENT, BALANCER_IP) == {Delivered(BALANCER_IP, 80)}


@pytest.mark.parametrize(
    "label", ["service.kubernetes.io/service-proxy-name", "service.kubernetes.io/headless"]
)
def test_what_belongs_to_another_proxy_is_left_alone(label):
    theirs = service()
    theirs["metadata"]["labels"] = {label: ""}

    assert plans(theirs, slices(endpoint(HERE))) == {}
    assert on_node(plans(service(), slices(endpoint(HERE), labels={label: ""}))[WEB], node()).groups == (
        Group(plans(service())[WEB].id, (), Balancer(0)),
    )


def test_masquerade_all_is_for_what_goes_through_a_cluster_ip():
    objects = (service(externalTrafficPolicy="Local"), slices(endpoint(HERE)))
    ruleset = rules(*objects, at=node(masquerade_all=True))

    assert reach(ruleset, "a pod", "cluster IP") == to(HERE, masqueraded=True)
    assert reach(ruleset, "outside", "node port") == to(HERE)


def test_affinity_reaches_every_endpoint_until_it_remembers_one():
    sticky = service(sessionAffinity="ClientIP", sessionAffinityConfig={"clientIP": {"timeoutSeconds": 60}})
    made = plans(sticky, slices(endpoint(HERE), endpoint(THERE)))
    ruleset = rules(sticky, slices(endpoint(HERE), endpoint(THERE)))
    content = ruleset.tables[node().table]
    (group,) = on_node(made[WEB], node()).groups

    assert group.balancer == Balancer(2, affinity_s=60)
    assert reach(ruleset, "a pod", "cluster IP") == to(HERE, THERE)
    remembered = {(CLIENT, group.id): (stable_ids(group)[1],)}
    content.elements["aff"].update(remembered)
    assert reach(ruleset, "a pod", "cluster IP") == to(THERE)
    content.elements["aff"].update({(CLIENT, group.id): (99,)})  # one that went
    assert reach(ruleset, "a pod", "cluster IP") == to(HERE, THERE)


def test_affinity_is_switched_on_and_off_by_elements_alone():
    plain = plans(service(), slices(endpoint(HERE), endpoint(THERE)))
    sticky = plans(service(sessionAffinity="ClientIP"), slices(endpoint(HERE), endpoint(THERE)))
    kept = NodeRules(node())
    ruleset = Ruleset()
    for transactions in (kept.load(plain), kept.change(sticky), kept.change(plain)):
        for transaction in transactions:
            ruleset = apply(ruleset, transaction)

    content = ruleset.tables[node().table]
    assert (content.elements["pick"], content.elements["eid"]) == ({}, {})
    assert reach(ruleset, "a pod", "cluster IP") == to(HERE, THERE)


def test_endpoints_keep_their_numbers_while_others_come_and_go():
    some = tuple(Endpoint(IPv4Address(f"10.244.1.{n}"), 8080) for n in range(2, 60))
    fewer = some[::2]
    numbers = dict(zip(some, stable_ids(Group(1, some, Balancer(len(some), 60))), strict=True))

    assert stable_ids(Group(1, fewer, Balancer(len(fewer), 60))) == [numbers[e] for e in fewer]
    assert len(set(numbers.values())) == len(some)
    assert 0 not in numbers.values()


def test_clients_of_ipv6_are_remembered_by_a_hash_that_fits_nft_s_registers():
    rules6, rules4 = (balancer_chain(Balancer(2, 60), family).rules for family in (Family.IP6, Family.IP))
    texts = [render_rule(Family.IP6, rule) for rule in rules6]
    client = "jhash ip6 saddr . ct mark mod 4294967295 seed 0x6e65"

    assert len(rules6) == len(rules4)
    assert texts[:3] == [
        f"meta mark set {client}",
        "meta mark set meta mark map @aff",
        f"meta mark != 0 update @aff {{ {client} timeout 60s : meta mark }}",
    ]
