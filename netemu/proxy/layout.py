"""The proxy's table on one node, and the elements that a plan becomes in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from ipaddress import IPv4Address, IPv4Network

from netemu.naming import NodeName
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
from netemu.nft.objects import Base, Chain, ChainType, Hook, Map, Rule, Set, Table, TableId, rule
from netemu.nft.statements import (
    Assign,
    Dispatch,
    Dnat,
    Drop,
    Goto,
    Jump,
    Masquerade,
    Match,
    Reject,
)
from netemu.nft.transaction import Element, ElementData, ElementKey
from netemu.proxy.ids import ID_MASK
from netemu.proxy.plan import Elements

TABLE = TableId(Family.IP, "netemu-proxy")

FRONTENDS = "fe"  # (address, protocol, port) → id
NODE_PORTS = "np"  # (protocol, port) → id
BALANCERS = "lb"  # id → goto the chain that chooses among that many endpoints
ENDPOINTS = "ep"  # (id, slot) → endpoint
CLUSTER_IPS = "vip"  # the ClusterIPs in use: their other ports are refused
HAIRPIN = "hairpin"  # (address, the same address) of endpoints here: who reaches itself

_REFUSE = "refuse"
_SERVICES = "services"
_MASQUERADING = "masquerading"
_TRANSPORT = AnyOf((L4.TCP, L4.UDP, L4.SCTP))
_DSTNAT = -100
_SRCNAT = 100


Place = tuple[str, ElementKey]  # the name of a set or map, and a key in it


@dataclass(frozen=True, slots=True)
class NodeView:
    """What a plan's meaning depends on, beside the plan: the node and the cluster's ranges."""

    name: NodeName
    addresses: tuple[IPv4Address, ...]
    pods: IPv4Network
    services: IPv4Network
    comment: str = ""


def proxy_table(node: NodeView, counts: Iterable[int]) -> Table:
    """Build the table of one node, without elements; ``counts`` are the endpoint counts in use."""
    address, protocol, port, mark = Type.IPV4_ADDR, Type.INET_PROTO, Type.INET_SERVICE, Type.MARK
    return Table(
        TABLE,
        sets=(Set(CLUSTER_IPS, (address,)), Set(HAIRPIN, (address, address))),
        maps=(
            Map(FRONTENDS, (address, protocol, port), (mark,)),
            Map(NODE_PORTS, (protocol, port), (mark,)),
            Map(BALANCERS, (mark,), (Type.VERDICT,)),
            Map(ENDPOINTS, (mark, mark), (address, port)),
        ),
        chains=(
            _refuse(),
            *map(balancer, sorted(set(counts) - {0})),
            Chain(_SERVICES, tuple(_service_rules(node))),
            _base(Hook.PREROUTING, rule(Jump(_SERVICES))),
            # A reset that refuses a connection leaves through this hook as that connection's reply
            # and with its mark: it must not be refused in turn.
            _base(Hook.OUTPUT, rule(Match(Field.CT_DIRECTION, Direction.ORIGINAL), Jump(_SERVICES))),
            Chain(_MASQUERADING, tuple(_masquerade_rules(node))),
            _base(
                Hook.POSTROUTING,
                rule(
                    Match(Field.CT_STATUS, Status.DNAT),
                    Match(Masked(Field.CT_MARK, ID_MASK), 0, negated=True),
                    Goto(_MASQUERADING),
                ),
            ),
        ),
        comment=node.comment,
    )


def balancer_name(count: int) -> str:
    """Name the chain that chooses among ``count`` endpoints; among none, it refuses."""
    return f"lb{count}" if count else _REFUSE


def balancer(count: int) -> Chain:
    """Build the chain that chooses among ``count`` endpoints of whatever Service.

    The last three rules are for a packet in whose midst a transaction took the chosen slot away:
    it reads this chain as it was, but the endpoints as they are. Slot 0 goes last; and better
    lost, to be sent again, than let through, as conntrack would keep it so.
    """
    slot = Concat((Field.CT_MARK, Field.META_MARK))
    translate = rule(Match(Field.L4PROTO, _TRANSPORT), Dnat(Lookup(slot, ENDPOINTS)))
    return Chain(
        balancer_name(count),
        (
            rule(Assign(Field.META_MARK, Random(count))),
            translate,
            rule(Assign(Field.META_MARK, 0)),
            translate,
            rule(Drop()),
        ),
    )


def unique_elements(plan: Elements) -> list[tuple[Place, ElementData]]:
    """Give the elements that belong to one Service port alone, but for its endpoints."""
    data = (plan.id,)
    elements: list[tuple[Place, ElementData]] = [((BALANCERS, data), _verdict(len(plan.endpoints)))]
    elements.extend(((FRONTENDS, frontend), data) for frontend in plan.frontends)
    if plan.node_port is not None:
        elements.append(((NODE_PORTS, (plan.cluster.protocol, plan.node_port)), data))
    return elements


def endpoint_elements(plan: Elements) -> list[Element]:
    """Give the elements of ``ep``, in the order of the slots."""
    return [((plan.id, slot), endpoint[:2]) for slot, endpoint in enumerate(plan.endpoints)]


def hairpin_places(plan: Elements, node: NodeView) -> list[Place]:
    """Give the elements for endpoints that may be pods of this node and so may reach themselves."""
    return [
        (HAIRPIN, (endpoint.address, endpoint.address))
        for endpoint in plan.endpoints
        if (endpoint.node is None or endpoint.node == node.name) and endpoint.address in node.pods
    ]


@cache
def _verdict(count: int) -> Goto:
    return Goto(balancer_name(count))


def _base(hook: Hook, only: Rule) -> Chain:
    priority = _SRCNAT if hook is Hook.POSTROUTING else _DSTNAT
    return Chain(hook.value, (only,), Base(ChainType.NAT, hook, priority))


def _refuse() -> Chain:
    return Chain(
        _REFUSE,
        (rule(Match(Field.L4PROTO, L4.TCP), Reject(tcp_reset=True)), rule(Reject())),
    )


def _service_rules(node: NodeView) -> Iterator[Rule]:
    frontend = Concat((Field.DADDR, Field.L4PROTO, Field.DPORT))
    node_port = Concat((Field.L4PROTO, Field.DPORT))
    yield rule(Assign(Field.CT_MARK, Lookup(frontend, FRONTENDS)))
    if node.addresses:
        yield rule(
            Match(Field.DADDR, AnyOf(node.addresses)), Assign(Field.CT_MARK, Lookup(node_port, NODE_PORTS))
        )
    yield rule(Dispatch(Field.CT_MARK, BALANCERS))
    yield rule(
        Match(Masked(Field.CT_MARK, ID_MASK), 0, negated=True), Drop(), comment="its Service just changed"
    )
    yield rule(Match(Field.DADDR, InSet(CLUSTER_IPS)), Goto(_REFUSE), comment="a port that no Service has")
    yield rule(Match(Field.DADDR, node.services), Drop(), comment="an address that no Service has")


def _masquerade_rules(node: NodeView) -> Iterator[Rule]:
    yield rule(Match(Field.SADDR, node.pods, negated=True), Masquerade(), comment="from outside the pods")
    yield rule(
        Match(Field.CT_ORIGINAL_DADDR, node.services, negated=True),
        Masquerade(),
        comment="not through a ClusterIP",
    )
    yield rule(
        Match(Concat((Field.SADDR, Field.DADDR)), InSet(HAIRPIN)), Masquerade(), comment="a pod to itself"
    )
