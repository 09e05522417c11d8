"""What one node's kernel would do: transactions applied to a ruleset, packets walked through it."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netemu.informer.cache import Key
from netemu.nft.expressions import L4
from netemu.nft.objects import Chain
from netemu.nft.ruleset import Ruleset, apply
from netemu.nft.transaction import PutChain, Transaction
from netemu.nft.walk import Delivered, Dropped, Packet, Rejected, walk
from netemu.proxy.groups import NodeView
from netemu.proxy.index import Endpoint, PortKey
from netemu.proxy.plan import Elements, Frontend
from netemu.proxy.rules import PORTION, NodeRules, is_much

NODE_IP = IPv4Address("172.30.0.11")
OUTSIDE = IPv4Address("172.30.0.1")
POD = IPv4Address("10.244.1.9")
WEB_IP = IPv4Address("10.96.0.20")
NODE = NodeView("node-1", (NODE_IP,), IPv4Network("10.244.0.0/16"), IPv4Network("10.96.0.0/16"))
A = Endpoint(IPv4Address("10.244.1.2"), 8080, "node-1")
B = Endpoint(IPv4Address("10.244.2.2"), 8080, "node-2")
BY_HAND = Endpoint(IPv4Address("10.244.1.7"), 9090, None)
WEB = PortKey(Key("default", "web"), "http")
DNS = PortKey(Key("default", "web"), "dns")


def web(*endpoints, id=1, ip=WEB_IP, port=80, protocol=L4.TCP, node_port=None, external=()):
    extra = tuple(Frontend(address, protocol, port) for address in external)
    return Elements(id, Frontend(ip, protocol, port), extra, node_port, endpoints)


def done(ruleset, transactions):
    for transaction in transactions:
        ruleset = apply(ruleset, transaction)
    return ruleset


def cost(transactions):
    return sum(transaction.elements for transaction in transactions)


def loaded(**plans):
    return done(Ruleset(), NodeRules(NODE).load(plans))


def ends(ruleset, saddr, daddr, dport=80, protocol=L4.TCP, *, local=False):
    return walk(ruleset, Packet(saddr, daddr, protocol, dport, local))


def to(endpoint, *, masqueraded=False):
    return Delivered(endpoint.address, endpoint.port, translated=True, masqueraded=masqueraded)


@pytest.mark.parametrize(
    ("endpoints", "expected"),
    [
        pytest.param((), {Rejected(tcp_reset=True)}, id="none"),
        pytest.param((B,), {to(B)}, id="one"),
        pytest.param((A, B, BY_HAND), {to(A), to(B), to(BY_HAND)}, id="three"),
    ],
)
def test_a_connection_reaches_some_endpoint_or_is_refused(endpoints, expected):
    assert ends(loaded(web=web(*endpoints)), POD, WEB_IP) == expected


@pytest.mark.parametrize(
    ("saddr", "daddr", "port", "local", "masqueraded"),
    [
        pytest.param(POD, WEB_IP, 80, False, False, id="pod-to-cluster-ip"),
        pytest.param(A.address, WEB_IP, 80, False, True, id="pod-to-itself"),
        pytest.param(OUTSIDE, WEB_IP, 80, False, True, id="outside-to-cluster-ip"),
        pytest.param(NODE_IP, WEB_IP, 80, True, True, id="node-to-cluster-ip"),
        pytest.param(POD, NODE_IP, 31100, False, True, id="pod-to-node-port"),
        pytest.param(OUTSIDE, NODE_IP, 31100, False, True, id="outside-to-node-port"),
        pytest.param(NODE_IP, NODE_IP, 31100, True, True, id="node-to-its-node-port"),
        pytest.param(POD, IPv4Address("1.2.3.4"), 80, False, True, id="pod-to-external-address"),
    ],
)
def test_the_source_is_masqueraded_only_where_it_must(saddr, daddr, port, local, masqueraded):
    ruleset = loaded(web=web(A, node_port=31100, external=[IPv4Address("1.2.3.4")]))

    assert ends(ruleset, saddr, daddr, port, local=local) == {to(A, masqueraded=masqueraded)}


def test_an_endpoint_of_another_node_needs_no_hairpin_here():
    content = loaded(web=web(A, B, BY_HAND)).tables[NODE.table]

    assert set(content.elements["hairpin"]) == {(A.address,) * 2, (BY_HAND.address,) * 2}


@pytest.mark.parametrize(
    ("daddr", "port", "protocol", "expected"),
    [
        pytest.param(WEB_IP, 81, L4.TCP, Rejected(tcp_reset=True), id="other-port-tcp"),
        pytest.param(WEB_IP, 80, L4.UDP, Rejected(tcp_reset=False), id="other-protocol"),
        pytest.param(WEB_IP, 0, L4.ICMP, Rejected(tcp_reset=False), id="ping"),
        pytest.param(IPv4Address("10.96.9.9"), 80, L4.TCP, Dropped(), id="unallocated"),
        pytest.param(B.address, 8080, L4.TCP, Delivered(B.address, 8080), id="a-pod"),
        pytest.param(NODE_IP, 22, L4.TCP, Delivered(NODE_IP, 22), id="the-node"),
        pytest.param(OUTSIDE, 31100, L4.TCP, Delivered(OUTSIDE, 31100), id="node-port-elsewhere"),
    ],
)
@pytest.mark.parametrize("local", [False, True], ids=["forwarded", "local"])
def test_what_is_no_frontend_is_refused_dropped_or_left_alone(daddr, port, protocol, expected, local):
    ruleset = loaded(web=web(B, node_port=31100))

    assert ends(ruleset, POD, daddr, port, protocol, local=local) == {expected}


def test_a_pod_stays_masqueraded_to_itself_until_the_next_load():
    rules = NodeRules(NODE)
    done(Ruleset(), rules.load({WEB: web(A)}))

    gone, back = rules.change({WEB: web(B)}), rules.change({WEB: web(A)})

    assert not [command for t in (*gone, *back) for command in t.commands if command.name == "hairpin"]


def test_ports_of_one_service_share_its_address_until_the_last_one_goes():
    rules = NodeRules(NODE)
    ruleset = done(Ruleset(), rules.load({WEB: web(A), DNS: web(A, id=2, port=53, protocol=L4.UDP)}))
    ruleset = done(ruleset, rules.change({DNS: None}))
    still_there = ends(ruleset, POD, WEB_IP, 53, L4.UDP)
    ruleset = done(ruleset, rules.change({WEB: None}))

    assert still_there == {Rejected(tcp_reset=False)}
    assert ends(ruleset, POD, WEB_IP) == {Dropped()}
    assert {name for name, some in ruleset.tables[NODE.table].elements.items() if some} == {"hairpin"}


def test_an_address_passes_from_one_service_to_another_in_one_transaction():
    rules = NodeRules(NODE)
    other = PortKey(Key("default", "other"), "http")
    ruleset = done(Ruleset(), rules.load({WEB: web(A)}))

    ruleset = done(ruleset, rules.change({other: web(B, id=1), WEB: None}))

    assert ends(ruleset, POD, WEB_IP) == {to(B)}


def test_one_endpoint_that_changes_costs_one_element_of_endpoints():
    rules = NodeRules(NODE)
    others = tuple(Endpoint(IPv4Address(f"10.244.2.{n}"), 80, "node-2") for n in range(100))
    rules.load({WEB: web(B, *others)})

    assert cost(rules.change({WEB: web(Endpoint(B.address, 1, "node-2"), *others)})) == 2
    assert cost(rules.change({WEB: web(Endpoint(B.address, 1, "node-2"), *others)})) == 0


def test_a_chain_is_there_before_an_element_leads_to_it():
    rules = NodeRules(NODE)
    before = done(Ruleset(), rules.load({WEB: web(A)}))

    chains, elements = rules.change({WEB: web(A, B)})

    assert chains.elements == 0
    assert ends(apply(before, chains), POD, WEB_IP) == {to(A)}
    assert ends(done(before, [chains, elements]), POD, WEB_IP) == {to(A), to(B)}


def test_a_load_makes_its_chains_without_a_change_of_what_packets_meet():
    before = loaded(web=web(A))

    chains, _ = NodeRules(NODE).load({"web": web(A, B)})

    assert ends(apply(before, chains), POD, WEB_IP) == {to(A)}


@pytest.mark.parametrize("afresh", [False, True], ids=["in-place", "afresh"])
def test_loading_replaces_whatever_table_was_there(afresh):
    before = loaded(web=web(A), other=web(B, id=9, ip=IPv4Address("10.96.0.9")))

    after = done(before, NodeRules(NODE).load({WEB: web(B)}, afresh=afresh))

    assert ends(after, POD, WEB_IP) == {to(B)}
    assert ends(after, POD, IPv4Address("10.96.0.9")) == {Dropped()}


def test_a_load_removes_chains_that_it_needs_no_more_whoever_made_them():
    begun = done(Ruleset(), NodeRules(NODE).load({WEB: web(A, B)}))
    theirs = Transaction((PutChain(NODE.table, Chain("theirs")),))
    had = {chain.name for chain in apply(begun, theirs).tables[NODE.table].table.chains}
    after = done(apply(begun, theirs), NodeRules(NODE).load({WEB: web(A)}, chains=had))

    left = {chain.name for chain in after.tables[NODE.table].table.chains}
    assert had - left == {"theirs", "lb2"}
    assert left - had == {"lb1"}
    assert ends(after, POD, WEB_IP) == {to(A)}


def test_much_goes_into_a_new_table_in_portions_and_no_packet_meets_it_before_all_is_there():
    many = [Endpoint(IPv4Address(number), 80, "node-2") for number in range(PORTION)]
    nobody = web(id=10, ip=IPv4Address("10.96.0.10"))
    plans = {WEB: web(A), DNS: web(*many, id=9, ip=IPv4Address("10.96.0.9")), key_of(1): nobody}

    rules = NodeRules(NODE)
    begun = apply(Ruleset(), rules.begin())
    first, *others = rules.fill(plans)
    before = done(begun, [*others, first])
    after = apply(before, rules.end())

    assert [is_much({WEB: web(A)}), is_much(plans)] == [False, True]
    assert len(others) == 1
    assert ends(before, POD, WEB_IP) == {Delivered(WEB_IP, 80)}
    assert ends(after, POD, WEB_IP) == {to(A)}
    assert (
        after.tables[NODE.table].elements
        == done(Ruleset(), NodeRules(NODE).load(plans)).tables[NODE.table].elements
    )


ENDPOINTS = [A, B, BY_HAND, Endpoint(IPv4Address("10.244.1.3"), 80, "node-1")]
PLANS = st.builds(
    lambda endpoints, port, node_port, protocol: (endpoints, port, node_port, protocol),
    st.lists(st.sampled_from(ENDPOINTS), unique=True).map(tuple),
    st.sampled_from([80, 81]),
    st.booleans(),
    st.sampled_from([L4.TCP, L4.UDP]),
)


def hairpins(ruleset):
    return set(ruleset.tables[NODE.table].elements["hairpin"])


def without_hairpins(ruleset):
    return {name: some for name, some in ruleset.tables[NODE.table].elements.items() if name != "hairpin"}


BATCHES = st.lists(st.dictionaries(st.integers(1, 4), st.one_of(st.none(), PLANS), max_size=3), max_size=12)


def elements_of(number, choice):
    if choice is None:
        return None
    endpoints, port, node_port, protocol = choice
    return web(
        *endpoints,
        id=number,
        ip=IPv4Address("10.96.0.7") + number // 4,
        port=port + 10 * number,
        protocol=protocol,
        node_port=30000 + number if node_port else None,
    )


def key_of(number):
    return PortKey(Key("default", f"s{number}"), "")


@given(BATCHES)
def test_changes_one_by_one_end_in_the_same_elements_as_a_full_load(batches):
    rules = NodeRules(NODE)
    ruleset = done(Ruleset(), rules.load({}))
    for batch in batches:
        changed = {key_of(number): elements_of(number, choice) for number, choice in batch.items()}
        ruleset = done(ruleset, rules.change(changed))

    fresh = done(Ruleset(), NodeRules(NODE).load(rules.held))
    assert without_hairpins(ruleset) == without_hairpins(fresh)
    assert hairpins(ruleset) >= hairpins(fresh)
