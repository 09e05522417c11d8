"""What iptables-restore reads, against golden files that the real one accepts (see integration)."""

from __future__ import annotations

import asyncio
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest
from msgspec.structs import replace

from netemu.api.kinds import ENDPOINT_SLICE, SERVICE
from netemu.informer.cache import Cache
from netemu.nft.expressions import Family
from netemu.proxy.groups import NodeView
from netemu.proxy.index import Index
from netemu.proxy.iptables.pieces import Pieces
from netemu.proxy.iptables.render import render_change, render_rule
from netemu.proxy.iptables.ruleset import Rule
from netemu.proxy.iptables.tables import JUMPS
from netemu.proxy.plan import plan_all

GOLDEN = Path(__file__).parents[3] / "golden" / "iptables"
NODE = NodeView(
    "node-1", (ip_address("172.30.0.11"),), ip_network("10.244.0.0/16"), ip_network("10.96.0.0/16")
)
NODE6 = NodeView(
    "node-1", (ip_address("fd00:172::b"),), ip_network("fd00:244::/56"), ip_network("fd00:96::/112")
)
READY, ENDING = {"ready": True}, {"ready": False, "serving": True, "terminating": True}


def service(name, ip, *ports, balancer="", **spec):
    ingress = {"ingress": [{"ip": balancer}]} if balancer else {}
    return SERVICE, {
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"clusterIP": ip, "ports": list(ports or [{"port": 80, "protocol": "TCP"}]), **spec},
        "status": {"loadBalancer": ingress},
    }


def endpoints(name, *found, port_name="", protocol="TCP", address_type="IPv4"):
    return ENDPOINT_SLICE, {
        "metadata": {
            "name": f"{name}-{protocol}",
            "namespace": "default",
            "labels": {"kubernetes.io/service-name": name},
        },
        "addressType": address_type,
        "endpoints": [
            {"addresses": [address], "nodeName": node, "conditions": conditions}
            for address, node, conditions in found
        ],
        "ports": [{"name": port_name, "port": 8080, "protocol": protocol}],
    }


HERE, HERE_TOO = ("10.244.1.2", "node-1", READY), ("10.244.1.3", "node-1", READY)
THERE, GOING = ("10.244.2.2", "node-2", READY), ("10.244.1.9", "node-1", ENDING)
NODE_PORT = {"port": 80, "protocol": "TCP", "nodePort": 31100}
PLAIN = (service("plain", "10.96.0.20"), endpoints("plain", HERE, HERE_TOO, THERE))
SCENES = {
    "cluster-ip": PLAIN,
    "cluster-ip-masquerade-all": PLAIN,
    "no-endpoints": (
        service("lost", "10.96.0.21", NODE_PORT, balancer="172.30.0.200", externalIPs=["172.30.0.201"]),
    ),
    "node-port-localhost": (service("web", "10.96.0.22", NODE_PORT), endpoints("web", THERE)),
    "affinity": (
        service("sticky", "10.96.0.23", sessionAffinity="ClientIP"),
        endpoints("sticky", HERE, THERE),
    ),
    "local": (
        service(
            "local",
            "10.96.0.24",
            NODE_PORT,
            balancer="172.30.0.200",
            externalTrafficPolicy="Local",
            internalTrafficPolicy="Local",
            healthCheckNodePort=31999,
        ),
        endpoints("local", HERE, THERE),
    ),
    "local-without-local": (
        service("local", "10.96.0.24", NODE_PORT, externalTrafficPolicy="Local"),
        endpoints("local", THERE),
    ),
    "source-ranges": (
        service(
            "few",
            "10.96.0.25",
            balancer="172.30.0.200",
            loadBalancerSourceRanges=["203.0.113.0/24", "172.30.0.0/16"],
        ),
        endpoints("few", HERE),
    ),
    "terminating": (service("end", "10.96.0.26"), endpoints("end", GOING)),
    "protocols": (
        service(
            "many",
            "10.96.0.27",
            {"name": "dns", "port": 53, "protocol": "UDP"},
            {"name": "sig", "port": 36412, "protocol": "SCTP"},
        ),
        endpoints("many", HERE, port_name="dns", protocol="UDP"),
        endpoints("many", HERE, port_name="sig", protocol="SCTP"),
    ),
    "ipv6": (
        service("six", "fd00:96::20", NODE_PORT, sessionAffinity="ClientIP"),
        endpoints(
            "six",
            ("fd00:244::2", "node-1", READY),
            ("fd00:244:0:1::2", "node-2", READY),
            address_type="IPv6",
        ),
    ),
}
NODES = {
    "cluster-ip-masquerade-all": replace(NODE, masquerade_all=True),
    "node-port-localhost": replace(NODE, localhost_nodeports=True),
    "ipv6": NODE6,
}


def ruleset(name, objects):
    node = NODES.get(name, NODE)
    cache = Cache()
    index = Index(cache, node.family)
    for kind, obj in objects:
        cache.apply(kind, obj)
    pieces = Pieces(node, index)
    asyncio.run(pieces.refresh(plan_all(index)))
    return pieces.ruleset()


@pytest.mark.parametrize("name", SCENES)
def test_the_text_is_the_golden_one(name):
    text = render_change({}, ruleset(name, SCENES[name]), jumps=JUMPS)

    assert text == (GOLDEN / f"{name}.rules").read_text()


def test_nothing_is_written_when_nothing_differs():
    same = ruleset("cluster-ip", PLAIN)

    assert render_change(same, same) == ""


def test_a_change_names_only_the_chains_that_differ_and_deletes_what_went():
    before = ruleset("cluster-ip", PLAIN)
    after = ruleset("cluster-ip", (PLAIN[0], endpoints("plain", HERE, HERE_TOO)))
    text = render_change(before, after)

    port, went = "KUBE-SVC-L7CMIJ7MLO4LHB3N", "KUBE-SEP-5FSEFX3Y3QZ3HETF"
    first, second = "KUBE-SEP-WC7ZHO4SGECSV3JN", "KUBE-SEP-GAEHWTKJUDYVIPR2"
    to_it = "-m tcp -p tcp -d 10.96.0.20 --dport 80 ! -s 10.244.0.0/16 -j KUBE-MARK-MASQ"
    chance = "-m statistic --mode random --probability 0.5000000000"
    assert text.splitlines() == [
        "*nat",
        f":{port} - [0:0]",
        f":{went} - [0:0]",
        f'-A {port} -m comment --comment "default/plain cluster IP" {to_it}',
        f'-A {port} -m comment --comment "default/plain -> 10.244.1.2:8080" {chance} -j {first}',
        f'-A {port} -m comment --comment "default/plain -> 10.244.1.3:8080" -j {second}',
        f"-X {went}",
        "COMMIT",
    ]


def test_chains_that_somebody_left_go_too():
    rules = ruleset("cluster-ip", PLAIN)
    text = render_change(rules, rules, doomed={"nat": ["KUBE-SVC-OLD"]})

    assert text == "*nat\n:KUBE-SVC-OLD - [0:0]\n-X KUBE-SVC-OLD\nCOMMIT\n"


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (Rule("two words", (), ("DROP",)), '-m comment --comment "two words" -j DROP'),
        (Rule("one", ("-s", "10.0.0.1")), "-m comment --comment one -s 10.0.0.1"),
        (Rule("", (), ("MARK", "--or-mark", "1")), "-j MARK --or-mark 1"),
    ],
    ids=["quoted", "without-a-target", "without-a-comment"],
)
def test_a_rule_is_written_as_iptables_reads_it(rule, text):
    assert render_rule(rule) == text


def test_the_two_families_have_their_own_loopback():
    texts = [render_change({}, ruleset(name, SCENES[name])) for name in ("cluster-ip", "ipv6")]

    assert "! -d 127.0.0.0/8 -j KUBE-NODEPORTS" in texts[0]
    assert "! -d ::1/128 -j KUBE-NODEPORTS" in texts[1]
    assert NODE6.family is Family.IP6
