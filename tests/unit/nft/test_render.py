"""nft's language from values, against golden files that the real nft accepts (see integration)."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import pytest

from netemu.nft.expressions import (
    L4,
    AnyOf,
    Concat,
    Direction,
    Family,
    Field,
    InSet,
    Lookup,
    Masked,
    Random,
    Status,
    Type,
)
from netemu.nft.objects import Base, Chain, ChainType, Hook, Map, Set, Table, TableId, rule
from netemu.nft.render import render_table, render_transaction
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
from netemu.nft.transaction import (
    AddElements,
    DeleteElements,
    PutChain,
    PutTable,
    RemoveTable,
    Transaction,
)
from netemu.proxy.groups import NodeView
from netemu.proxy.index import Endpoint, PortKey
from netemu.proxy.plan import Elements, Frontend
from netemu.proxy.rules import NodeRules

GOLDEN = Path(__file__).parents[2] / "golden" / "nft"
T = TableId(Family.IP, "t")
A, B = IPv4Address("10.244.1.2"), IPv4Address("10.244.2.2")
NODE = NodeView(
    "node-1",
    (IPv4Address("172.30.0.11"),),
    IPv4Network("10.244.0.0/16"),
    IPv4Network("10.96.0.0/16"),
    "netemu cluster demo",
)


def everything():
    """A table with each set, map, expression and statement once."""
    flow = Concat((Field.DADDR, Field.L4PROTO, Field.DPORT))
    return Table(
        T,
        sets=(Set("known", (Type.IPV4_ADDR, Type.IPV4_ADDR)),),
        maps=(
            Map("ids", (Type.IPV4_ADDR, Type.INET_PROTO, Type.INET_SERVICE), (Type.MARK,)),
            Map("ways", (Type.MARK,), (Type.VERDICT,)),
            Map("to", (Type.MARK, Type.MARK), (Type.IPV4_ADDR, Type.INET_SERVICE)),
        ),
        chains=(
            Chain("away", (rule(Match(Field.L4PROTO, L4.TCP), Reject(tcp_reset=True)), rule(Reject()))),
            Chain(
                "one",
                (
                    rule(Assign(Field.META_MARK, Random(2))),
                    rule(
                        Match(Field.L4PROTO, AnyOf((L4.TCP, L4.UDP))),
                        Dnat(Lookup(Concat((Field.CT_MARK, Field.META_MARK)), "to")),
                    ),
                    rule(Return()),
                ),
            ),
            Chain(
                "first",
                (
                    rule(Assign(Field.CT_MARK, Lookup(flow, "ids")), comment="who"),
                    rule(Dispatch(Field.CT_MARK, "ways")),
                    rule(Match(Field.CT_DIRECTION, Direction.ORIGINAL), Jump("one")),
                    rule(Match(Field.DADDR, IPv4Network("10.96.0.0/16"), negated=True), Drop()),
                    rule(Match(Concat((Field.SADDR, Field.DADDR)), InSet("known")), Goto("away")),
                    rule(Assign(Field.META_MARK, 7), Accept()),
                ),
                Base(ChainType.NAT, Hook.PREROUTING, -100),
            ),
            Chain(
                "last",
                (
                    rule(
                        Match(Masked(Field.CT_MARK, 0xFF), 0, negated=True),
                        Match(Field.CT_STATUS, Status.DNAT),
                        Match(Field.CT_ORIGINAL_DADDR, A),
                        Masquerade(),
                    ),
                ),
                Base(ChainType.NAT, Hook.POSTROUTING, 100),
            ),
        ),
        comment="all of it",
    )


def web(*endpoints, node_port=31100):
    return Elements(17, Frontend(IPv4Address("10.96.0.20"), L4.TCP, 80), (), node_port, endpoints)


def proxy_load():
    """The proxy's table of one node with two Services, of which one has no endpoint."""
    nobody = Elements(18, Frontend(IPv4Address("10.96.0.21"), L4.UDP, 53), (), None, ())
    both = web(Endpoint(A, 8080, "node-1"), Endpoint(B, 8080, "node-2"))
    return NodeRules(NODE).load({PortKey(("d", "web"), ""): both, PortKey(("d", "nobody"), ""): nobody})


def proxy_change():
    """The same load, then a third endpoint, which needs a new chain."""
    rules = NodeRules(NODE)
    key = PortKey(("d", "web"), "")
    two = (Endpoint(A, 8080, "node-1"), Endpoint(B, 8080, "node-2"))
    third = Endpoint(IPv4Address("10.244.2.3"), 8080, "node-2")
    return [*rules.load({key: web(*two)}), *rules.change({key: web(*two, third)})]


def elements_change():
    """Elements of every kind, and a chain, into and out of a table made before."""
    return Transaction(
        (
            RemoveTable(T),
            PutTable(everything()),
            PutChain(T, Chain("two", (rule(Assign(Field.META_MARK, Random(3))),))),
            AddElements(T, "known", (((A, A), None), ((B, B), None))),
            AddElements(T, "ids", (((A, L4.TCP, 80), (1,)), ((A, L4.UDP, 53), (2,)))),
            AddElements(T, "ways", (((1,), Goto("two")),)),
            AddElements(T, "to", (((1, 0), (B, 8080)),)),
            DeleteElements(T, "known", ((A, A), (B, B))),
        )
    )


CASES = {
    "everything": lambda: render_table(everything()),
    "elements-change": lambda: render_transaction(elements_change()),
    "proxy-load": lambda: "".join(map(render_transaction, proxy_load())),
    "proxy-change": lambda: "".join(map(render_transaction, proxy_change())),
}


@pytest.mark.parametrize("name", CASES)
def test_the_text_is_the_golden_one(name):
    assert CASES[name]() == (GOLDEN / f"{name}.nft").read_text()


def test_a_transaction_counts_its_elements():
    assert elements_change().elements == 8
    assert not Transaction(())
