"""Where packets end in rules of every kind."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

import pytest

from netemu.nft.expressions import L4, AnyOf, Concat, Family, Field, InSet, Lookup, Masked, Random, Type
from netemu.nft.objects import Base, Chain, ChainType, Hook, Map, Set, Table, TableId, rule
from netemu.nft.ruleset import Ruleset, apply
from netemu.nft.statements import (
    Accept,
    Assign,
    Dispatch,
    Dnat,
    Drop,
    Goto,
    Jump,
    Masquerade,
    Match,
    Reject,
    Return,
)
from netemu.nft.transaction import AddElements, PutTable, Transaction
from netemu.nft.walk import Delivered, Dropped, Packet, Rejected, walk

T = TableId(Family.IP, "t")
CLIENT, SERVER, OTHER = map(IPv4Address, ("10.0.0.1", "10.0.0.2", "10.0.0.3"))
PACKET = Packet(CLIENT, SERVER, L4.TCP, 80)
PASSED = Delivered(SERVER, 80)
PREROUTING = Base(ChainType.NAT, Hook.PREROUTING, -100)
FORWARD = Base(ChainType.FILTER, Hook.FORWARD, 0)
POSTROUTING = Base(ChainType.NAT, Hook.POSTROUTING, 100)
TO_OTHER = Dnat(Lookup(Field.META_MARK, "to"))


def ruleset(*chains, elements=(), id=T):
    table = Table(
        id,
        sets=(Set("seen", (Type.IPV4_ADDR,)),),
        maps=(
            Map("to", (Type.MARK,), (Type.IPV4_ADDR, Type.INET_SERVICE)),
            Map("ways", (Type.MARK,), (Type.VERDICT,)),
        ),
        chains=chains,
    )
    return apply(
        Ruleset(),
        Transaction(
            (PutTable(table), *(AddElements(id, name, some) for name, some in dict(elements).items()))
        ),
    )


def forward(*statements, rest=(), elements=()):
    return ruleset(
        Chain("aside", (rule(Match(Field.DPORT, 80), Return()), rule(Drop()))),
        Chain("f", (rule(*statements), *rest), FORWARD),
        elements=elements,
    )


@pytest.mark.parametrize(
    ("match", "holds"),
    [
        pytest.param(Match(Field.SADDR, CLIENT), True, id="address"),
        pytest.param(Match(Field.SADDR, CLIENT, negated=True), False, id="negated"),
        pytest.param(Match(Field.SADDR, IPv4Network("10.0.0.0/30")), True, id="network"),
        pytest.param(Match(Field.DADDR, IPv4Network("10.1.0.0/16")), False, id="other-network"),
        pytest.param(Match(Field.L4PROTO, AnyOf((L4.UDP, L4.TCP))), True, id="any-of"),
        pytest.param(Match(Field.SADDR, InSet("seen")), True, id="in-set"),
        pytest.param(Match(Field.DADDR, InSet("seen")), False, id="not-in-set"),
        pytest.param(Match(Masked(Field.CT_MARK, 0xFF), 0), True, id="masked"),
    ],
)
def test_a_rule_goes_on_only_where_its_match_holds(match, holds):
    rules = forward(match, Drop(), elements={"seen": (((CLIENT,), None),)})

    assert walk(rules, PACKET) == {Dropped() if holds else PASSED}


@pytest.mark.parametrize(
    ("statement", "end"),
    [
        pytest.param(Drop(), Dropped(), id="drop"),
        pytest.param(Reject(tcp_reset=True), Rejected(tcp_reset=True), id="reject"),
        pytest.param(Accept(), PASSED, id="accept"),
        pytest.param(Return(), PASSED, id="return"),
        pytest.param(Jump("aside"), Dropped(), id="jump-comes-back"),
        pytest.param(Goto("aside"), PASSED, id="goto-does-not"),
    ],
)
def test_verdicts_end_or_divert_the_way(statement, end):
    assert walk(forward(statement, rest=(rule(Drop()),)), PACKET) == {end}


def test_a_random_choice_has_every_end():
    rules = ruleset(
        Chain("p", (rule(Assign(Field.META_MARK, Random(3))), rule(TO_OTHER)), PREROUTING),
        elements={"to": (((0,), (OTHER, 1)), ((1,), (OTHER, 2)))},
    )

    assert walk(rules, PACKET) == {
        Delivered(OTHER, 1, translated=True),
        Delivered(OTHER, 2, translated=True),
        PASSED,
    }


def test_a_verdict_map_without_the_key_goes_on_in_the_same_rule():
    dispatch = Dispatch(Field.CT_MARK, "ways")

    assert walk(forward(dispatch, Drop()), PACKET) == {Dropped()}
    assert walk(forward(dispatch, Drop(), elements={"ways": (((0,), Accept()),)}), PACKET) == {PASSED}


def test_the_second_nat_chain_of_a_hook_is_skipped_after_a_translation():
    twice = (rule(Assign(Field.META_MARK, 1)), rule(TO_OTHER))
    rules = ruleset(
        Chain("late", (rule(Drop()),), Base(ChainType.NAT, Hook.PREROUTING, -90)),
        Chain("early", twice, PREROUTING),
        elements={"to": (((1,), (OTHER, 1)),)},
    )

    assert walk(rules, PACKET) == {Delivered(OTHER, 1, translated=True)}


def test_a_packet_of_the_node_itself_passes_output_and_not_prerouting():
    rules = ruleset(
        Chain("p", (rule(Drop()),), PREROUTING),
        Chain("m", (rule(Match(Concat((Field.SADDR,)), InSet("seen")), Masquerade()),), POSTROUTING),
        elements={"seen": (((CLIENT,), None),)},
    )

    assert walk(rules, PACKET) == {Dropped()}
    assert walk(rules, Packet(CLIENT, SERVER, L4.TCP, 80, local=True)) == {
        Delivered(SERVER, 80, masqueraded=True)
    }


@pytest.mark.parametrize(
    ("own", "end"),
    [
        pytest.param((SERVER,), PASSED, id="ends-here"),
        pytest.param((OTHER,), Dropped(), id="goes-on"),
    ],
)
def test_what_comes_to_an_address_of_the_node_is_neither_forwarded_nor_masqueraded(own, end):
    rules = ruleset(Chain("f", (rule(Drop()),), FORWARD), Chain("q", (rule(Masquerade()),), POSTROUTING))

    assert walk(rules, PACKET, own) == {end}


def test_a_node_s_own_input_may_refuse_what_was_translated_to_it():
    rules = ruleset(
        Chain("p", (rule(Assign(Field.META_MARK, 1)), rule(TO_OTHER)), PREROUTING),
        Chain("i", (rule(Match(Field.DADDR, OTHER), Reject()),), Base(ChainType.FILTER, Hook.INPUT, 0)),
        elements={"to": (((1,), (OTHER, 1)),)},
    )

    assert walk(rules, PACKET, (OTHER,)) == {Rejected(tcp_reset=False)}
