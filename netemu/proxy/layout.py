"""The proxy's table on one node: its maps, and the chains that read them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Network, collapse_addresses

from netemu.nft.expressions import (
    L4,
    AddressType,
    AnyOf,
    Concat,
    Direction,
    Family,
    Field,
    Hash,
    InSet,
    Lookup,
    Masked,
    Network,
    Random,
    State,
    Status,
    Type,
)
from netemu.nft.objects import Base, Chain, ChainType, Hook, Map, Rule, Set, Table, rule
from netemu.nft.statements import (
    Assign,
    Dispatch,
    Dnat,
    Drop,
    Forget,
    Goto,
    Jump,
    Masquerade,
    Match,
    Reject,
    Remember,
    Return,
)
from netemu.nft.transaction import ElementKey
from netemu.proxy.groups import Balancer, NodeView
from netemu.proxy.ids import ID_MASK

FRONTENDS = "fe"  # (address, protocol, port) → id
NODE_PORTS = "np"  # (protocol, port) → id
SHORT_CUTS = "short"  # id of local endpoints → id that clients inside the cluster use instead
BALANCERS = "lb"  # id → goto the chain that chooses among that many endpoints, or drop
SLOTS = "ep"  # (id, slot) → endpoint
PICKS = "pick"  # (id, slot) → number of an endpoint, where clients stay with theirs
REMEMBERED = "eid"  # (id, number of an endpoint) → endpoint
AFFINITIES = "aff"  # (client, id), in IPv6 a hash of both → number of an endpoint; written by packets
CLUSTER_IPS = "vip"  # the ClusterIPs in use: their other ports are refused
HAIRPIN = "hairpin"  # (address, the same address) of endpoints here: who reaches itself
LOCAL_IDS = "local"  # ids that keep the source of whoever comes
INSIDE = "inside"  # ids that keep the source of pods, though they are no ClusterIP's
FIREWALLED = "fw"  # (address, protocol, port) that not everybody may use
ALLOWED = "allow"  # (address, protocol, port, network) of those who may

REFUSE = "refuse"
_SERVICES = "services"
_MASQUERADING = "masquerading"
_TRANSPORT = AnyOf((L4.TCP, L4.UDP, L4.SCTP))
_DSTNAT = -100
_SRCNAT = 100
# After conntrack, and before replies get their 127.0.0.1 back.
_GUARD = -150
_LOCALHOST = IPv4Network("127.0.0.0/8")
# As many clients as kube-proxy and the design remember on a node; who comes next has no affinity.
_MOST_AFFINITIES = 65535

# What each rule of a balancer's chain does, for people.
RANDOM_SENTENCES = (
    "Draw a slot by chance.",
    "Send the connection to the endpoint in that slot.",
    "The slot went just now: take the first.",
    "Send the connection there.",
    "Not even that is there: lose the packet, so that its sender tries again.",
)
STICKY_SENTENCES = (
    "Nothing is known of the client yet.",
    "Look up which endpoint the client was with.",
    "Remember that for as long again.",
    "Send the connection there, if that endpoint is still one.",
    "Forget what was remembered.",
    "Draw a slot by chance.",
    "Look up which endpoint is in it.",
    "Remember it for this client.",
    *RANDOM_SENTENCES[1:3],
    "Look up which endpoint is in it.",
    *RANDOM_SENTENCES[3:],
)

Place = tuple[str, ElementKey]  # the name of a set or map, and a key in it


def proxy_table(node: NodeView, balancers: Iterable[Balancer]) -> Table:
    """Build the table of one node, without elements; ``balancers`` are those in use."""
    address = Type.IPV4_ADDR if node.family is Family.IP else Type.IPV6_ADDR
    wanted = (balancer_chain(some, node.family) for some in sorted(set(balancers)) if some.size)
    called = (
        Chain(_SERVICES, tuple(_service_rules(node))),
        Chain(_MASQUERADING, tuple(_masquerade_rules(node))),
    )
    return Table(
        node.table,
        sets=_sets(address),
        maps=_maps(address),
        chains=(refuse_chain(), *wanted, *called, *_hooks(node)),
        comment=node.comment,
    )


def _sets(address: Type) -> tuple[Set, ...]:
    frontend = (address, Type.INET_PROTO, Type.INET_SERVICE)
    return (
        Set(CLUSTER_IPS, (address,)),
        Set(HAIRPIN, (address, address)),
        Set(LOCAL_IDS, (Type.MARK,)),
        Set(INSIDE, (Type.MARK,)),
        Set(FIREWALLED, frontend),
        Set(ALLOWED, (*frontend, address), intervals=True),
    )


def _maps(address: Type) -> tuple[Map, ...]:
    id = slot = number = Type.MARK
    endpoint = (address, Type.INET_SERVICE)
    client = (address, id) if address is Type.IPV4_ADDR else (Type.MARK,)  # see _affinity_client
    return (
        Map(FRONTENDS, (address, Type.INET_PROTO, Type.INET_SERVICE), (id,)),
        Map(NODE_PORTS, (Type.INET_PROTO, Type.INET_SERVICE), (id,)),
        Map(SHORT_CUTS, (id,), (id,)),
        Map(BALANCERS, (id,), (Type.VERDICT,)),
        Map(SLOTS, (id, slot), endpoint),
        Map(PICKS, (id, slot), (number,)),
        Map(REMEMBERED, (id, number), endpoint),
        Map(AFFINITIES, client, (number,), size=_MOST_AFFINITIES),
    )


def _hooks(node: NodeView) -> Iterator[Chain]:
    """Give the chains that the kernel calls."""
    yield _base(Hook.PREROUTING, rule(Jump(_SERVICES)))
    # A reset that refuses a connection leaves through this hook as that connection's reply
    # and with its mark: it must not be refused in turn.
    yield _base(Hook.OUTPUT, rule(Match(Field.CT_DIRECTION, Direction.ORIGINAL), Jump(_SERVICES)))
    has_id = Match(Masked(Field.CT_MARK, ID_MASK), 0, negated=True)
    translated = rule(Match(Field.CT_STATUS, Status.DNAT), has_id, Goto(_MASQUERADING))
    yield _base(Hook.POSTROUTING, translated)
    # What conntrack cannot place would pass untranslated, and its receiver would reset the
    # connection (kubernetes/kubernetes#74839).
    invalid = rule(Match(Field.CT_STATE, State.INVALID), Drop())
    yield Chain("forward", (invalid,), Base(ChainType.FILTER, Hook.FORWARD, 0))
    if node.has_localhost:
        yield _guard()


def _guard() -> Chain:
    """Let nothing from elsewhere reach 127.0.0.1, though packets for it may be routed."""
    elsewhere = Match(Field.SADDR_TYPE, AddressType.LOCAL, negated=True)
    only = rule(Match(Field.DADDR, _LOCALHOST), elsewhere, Drop(), comment="from elsewhere")
    return Chain("guard", (only,), Base(ChainType.FILTER, Hook.PREROUTING, _GUARD))


def balancer_name(balancer: Balancer) -> str:
    """Name the chain that chooses among endpoints; among none, it refuses."""
    if not balancer.size:
        return REFUSE
    return f"aff{balancer.size}-{balancer.affinity_s}" if balancer.affinity_s else f"lb{balancer.size}"


def balancer_chain(balancer: Balancer, family: Family) -> Chain:
    """Build the chain that chooses among so many endpoints of whatever Service.

    The last rules are for a packet in whose midst a transaction took the chosen slot away:
    it reads this chain as it was, but the endpoints as they are. Slot 0 goes last; and better
    lost, to be sent again, than let through, as conntrack would keep it so.
    """
    rules = _sticky_rules(balancer, family) if balancer.affinity_s else _random_rules(balancer)
    return Chain(balancer_name(balancer), (*rules, rule(Drop())))


def _random_rules(balancer: Balancer) -> list[Rule]:
    translate = _translate(SLOTS)
    return [
        rule(Assign(Field.META_MARK, Random(balancer.size))),
        translate,
        rule(Assign(Field.META_MARK, 0)),
        translate,
    ]


def _sticky_rules(balancer: Balancer, family: Family) -> list[Rule]:
    """Go where the client went before, if that is still there, else where chance leads, and remember it."""
    client = _affinity_client(family)
    slot = Concat((Field.CT_MARK, Field.META_MARK))
    remember = Remember(AFFINITIES, client, Field.META_MARK, balancer.affinity_s)
    translate = _translate(REMEMBERED)
    pick = rule(Assign(Field.META_MARK, Lookup(slot, PICKS)))
    return [
        *_recall(client),
        rule(Match(Field.META_MARK, 0, negated=True), remember),
        translate,
        rule(Forget(AFFINITIES, client, Field.META_MARK)),
        rule(Assign(Field.META_MARK, Random(balancer.size))),
        pick,
        rule(remember),
        translate,
        rule(Assign(Field.META_MARK, 0)),
        pick,
        translate,
    ]


def _affinity_client(family: Family) -> Concat | Hash:
    """Give what names a client of one Service port.

    nft 1.0.6 gives keys of more than 16 bytes and their data registers that overlap: of an address of
    IPv6 some bytes would be another's. Two clients of one hash would share what is remembered.
    """
    parts = (Field.SADDR, Field.CT_MARK)
    return Concat(parts) if family is Family.IP else Hash(parts)


def _recall(client: Concat | Hash) -> tuple[Rule, Rule]:
    """Read what is remembered of a client; if nothing is, the mark is the number of no endpoint."""
    if isinstance(client, Hash):  # which cannot be looked up by itself
        known = Lookup(Field.META_MARK, AFFINITIES)
        return rule(Assign(Field.META_MARK, client)), rule(Assign(Field.META_MARK, known))
    return (
        rule(Assign(Field.META_MARK, 0)),
        rule(Assign(Field.META_MARK, Lookup(client, AFFINITIES))),
    )


def _translate(endpoints: str) -> Rule:
    slot = Concat((Field.CT_MARK, Field.META_MARK))
    return rule(Match(Field.L4PROTO, _TRANSPORT), Dnat(Lookup(slot, endpoints)))


def _base(hook: Hook, only: Rule) -> Chain:
    priority = _SRCNAT if hook is Hook.POSTROUTING else _DSTNAT
    return Chain(hook.value, (only,), Base(ChainType.NAT, hook, priority))


def refuse_chain() -> Chain:
    """Build the chain for what has no endpoint. It is one because a verdict map cannot hold a statement."""
    return Chain(
        REFUSE,
        (rule(Match(Field.L4PROTO, L4.TCP), Reject(tcp_reset=True)), rule(Reject())),
    )


def _service_rules(node: NodeView) -> Iterator[Rule]:
    frontend = Concat((Field.DADDR, Field.L4PROTO, Field.DPORT))
    node_port = Concat((Field.L4PROTO, Field.DPORT))
    asking = Concat((Field.DADDR, Field.L4PROTO, Field.DPORT, Field.SADDR))
    yield rule(
        Match(frontend, InSet(FIREWALLED)),
        Match(asking, InSet(ALLOWED), negated=True),
        Drop(),
        comment="not from loadBalancerSourceRanges",
    )
    yield rule(Assign(Field.CT_MARK, Lookup(frontend, FRONTENDS)))
    # What follows is for other addresses. The kernel's look-up of routes for one of them alone is
    # 2 % of what it takes to connect.
    yield rule(
        Match(Field.DADDR, node.services), Dispatch(Field.CT_MARK, BALANCERS), comment="a ClusterIP, mostly"
    )
    if node.addresses:
        yield rule(
            Match(Field.DADDR, AnyOf(node.addresses)), Assign(Field.CT_MARK, Lookup(node_port, NODE_PORTS))
        )
    if node.has_localhost:
        yield rule(Match(Field.DADDR, _LOCALHOST), Assign(Field.CT_MARK, Lookup(node_port, NODE_PORTS)))
    short_cut = Assign(Field.CT_MARK, Lookup(Field.CT_MARK, SHORT_CUTS))
    yield rule(Match(Field.SADDR, node.pods), short_cut, comment="pods need not come from outside")
    yield rule(Match(Field.SADDR_TYPE, AddressType.LOCAL), short_cut, comment="nor does the node")
    yield rule(Dispatch(Field.CT_MARK, BALANCERS))
    yield rule(
        Match(Masked(Field.CT_MARK, ID_MASK), 0, negated=True), Drop(), comment="its Service just changed"
    )
    yield rule(Match(Field.DADDR, InSet(CLUSTER_IPS)), Goto(REFUSE), comment="a port that no Service has")
    yield rule(Match(Field.DADDR, _ranges(node)), Drop(), comment="an address that no Service has")


def _ranges(node: NodeView) -> Network | AnyOf:
    """Give the ranges of ClusterIPs; networks that overlap are joined, or nft would refuse them."""
    if not node.more_services:
        return node.services
    return AnyOf(tuple(collapse_addresses((node.services, *node.more_services))))  # type: ignore[type-var]


def _masquerade_rules(node: NodeView) -> Iterator[Rule]:
    through_cluster_ip = Match(Field.CT_ORIGINAL_DADDR, InSet(CLUSTER_IPS))
    yield rule(Match(Field.CT_MARK, InSet(LOCAL_IDS)), Return(), comment="externalTrafficPolicy: Local")
    if node.masquerade_all:
        yield rule(through_cluster_ip, Masquerade(), comment="all that goes through a ClusterIP")
    yield rule(Match(Field.SADDR, node.pods, negated=True), Masquerade(), comment="from outside the pods")
    yield rule(
        Match(Concat((Field.SADDR, Field.DADDR)), InSet(HAIRPIN)), Masquerade(), comment="a pod to itself"
    )
    yield rule(Match(Field.CT_MARK, InSet(INSIDE)), Return(), comment="a pod that took the short cut")
    yield rule(
        Match(Field.CT_ORIGINAL_DADDR, InSet(CLUSTER_IPS), negated=True),
        Masquerade(),
        comment="not through a ClusterIP",
    )
