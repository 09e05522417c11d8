"""What is said of a Service's elements, read back from a table that rules made."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

import pytest

from netemu.informer.cache import Key
from netemu.nft.expressions import L4, Family
from netemu.nft.render import render_element
from netemu.nft.ruleset import Ruleset, apply
from netemu.proxy.explain import explain, parse_balancer
from netemu.proxy.groups import Balancer, NodeView
from netemu.proxy.index import Endpoint, PortKey
from netemu.proxy.layout import RANDOM_SENTENCES, STICKY_SENTENCES, balancer_chain, balancer_name
from netemu.proxy.plan import Elements, Frontend, Policies
from netemu.proxy.rules import NodeRules

NODE = NodeView(
    "node-1", (IPv4Address("172.30.0.11"),), IPv4Network("10.244.0.0/16"), IPv4Network("10.96.0.0/16")
)
WEB = Frontend(IPv4Address("10.96.0.20"), L4.TCP, 80)
A = Endpoint(IPv4Address("10.244.1.2"), 8080, "node-1")
B = Endpoint(IPv4Address("10.244.2.2"), 8080, "node-2")


def reader(plan):
    ruleset = Ruleset()
    for transaction in NodeRules(NODE).load({PortKey(Key("default", "web"), ""): plan}):
        ruleset = apply(ruleset, transaction)
    content = ruleset.tables[NODE.table]

    def read(name, key):
        data = content.elements[name].get(tuple(key))
        if data is None:
            return None
        text = render_element((tuple(key), data)).partition(" : ")[2]
        return hex(int(text)) if text.isdigit() else text  # as nft writes marks

    return read


def said(plan, node_ports=()):
    return explain(reader(plan), NODE, [WEB], list(node_ports))


def test_each_element_and_rule_of_a_service_is_there_with_a_sentence():
    cluster_ip, node_port, chain = said(Elements(17, WEB, (), 31000, (A, B)), [(L4.TCP, 31000)])

    assert [(line.where, line.what) for line in cluster_ip.lines] == [
        ("map fe", "10.96.0.20 . 6 . 80 : 17"),
        ("map lb", "17 : goto lb2"),
        ("map ep", "17 . 0 : 10.244.1.2 . 8080"),
        ("map ep", "17 . 1 : 10.244.2.2 . 8080"),
    ]
    assert cluster_ip.lines[1].sentence == "Id 17 has 2 endpoints, chosen by chance."
    assert chain.title == "chain lb2, of all Services with 2 endpoints and no affinity"
    assert len(chain.lines) == len(RANDOM_SENTENCES)
    assert node_port.lines[0].what == "6 . 31000 : 17"
    assert all(line.sentence.endswith(".") for part in (cluster_ip, node_port, chain) for line in part.lines)


def test_affinity_and_local_policies_are_told():
    policies = Policies(affinity_s=60, external_id=18, inside_id=19, local={"node-1": (A,)})
    cluster_ip, node_port, *chains = said(Elements(17, WEB, (), 31000, (A, B), policies), [(L4.TCP, 31000)])

    assert [chain.title.split(",")[0] for chain in chains] == ["chain aff2-60", "chain aff1-60"]
    assert "a client stays with its own for 60 s" in cluster_ip.lines[1].sentence
    assert [line.what for line in node_port.lines if line.where == "map short"] == ["18 : 19"]


def test_no_endpoint_and_no_service_are_told():
    (refused,) = said(Elements(17, WEB, (), None, ()))
    (missing,) = explain(reader(Elements(17, WEB, (), None, ())), NODE, [WEB._replace(port=81)], [])

    assert refused.lines[-1].sentence == "Id 17 has no endpoint: refused."
    assert missing.lines[0].sentence == "Not there: this node does not serve it."


@pytest.mark.parametrize(
    "balancer", [Balancer(3), Balancer(12, 10800), Balancer(0)], ids=["random", "sticky", "none"]
)
def test_a_balancers_name_is_read_back(balancer):
    assert parse_balancer(f"goto {balancer_name(balancer)}") == balancer


@pytest.mark.parametrize("verdict", ["goto elsewhere", "goto lb", "goto lb99999999", "accept", ""])
def test_what_another_hand_wrote_is_not_taken_for_ours(verdict):
    with pytest.raises(ValueError, match="not a verdict"):
        parse_balancer(verdict)


@pytest.mark.parametrize(
    ("balancer", "sentences"), [(Balancer(2), RANDOM_SENTENCES), (Balancer(2, 60), STICKY_SENTENCES)]
)
def test_every_rule_of_a_balancer_has_its_sentence(balancer, sentences):
    assert len(balancer_chain(balancer, Family.IP).rules) == len(sentences)
