"""Where does this packet end? Answered from the values, without a kernel.

The walker follows the first packet of a new connection through the base chains in the order
in which Linux calls them. Where a rule takes a random choice, it follows every branch.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterator
from enum import Enum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from msgspec import Struct
from msgspec.structs import replace

from netemu.nft.expressions import (
    L4,
    Address,
    AddressType,
    AnyOf,
    Atom,
    Concat,
    Direction,
    Field,
    Hash,
    InSet,
    Lookup,
    Masked,
    Random,
    State,
    Status,
)
from netemu.nft.objects import Chain, ChainType, Hook
from netemu.nft.ruleset import Content, Ruleset
from netemu.nft.statements import (
    Accept,
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
    Statement,
    Verdict,
)


class Packet(Struct, frozen=True):
    """The first packet of a connection; ``local`` when the node itself sends it."""

    saddr: Address
    daddr: Address
    l4proto: L4
    dport: int
    local: bool = False


class Delivered(Struct, frozen=True):
    """It goes on to an address and port, which the rules chose if ``translated``."""

    address: Address
    port: int
    translated: bool = False
    masqueraded: bool = False


class Rejected(Struct, frozen=True):
    """Its sender is told no."""

    tcp_reset: bool


class Dropped(Struct, frozen=True):
    """It is lost."""


End = Delivered | Rejected | Dropped


class _State(Struct, frozen=True):
    packet: Packet
    original: Address
    meta_mark: int = 0
    ct_mark: int = 0
    dnat: bool = False
    snat: bool = False


class _Next(Enum):
    """What comes after a chain that gave no end."""

    RULE = "the next rule"
    CALLER = "the chain that jumped here"
    HOOK = "the next base chain"


_Outcome = Rejected | Dropped | _Next
_Step = tuple[_State, _Outcome]


def walk(ruleset: Ruleset, packet: Packet, own: Collection[Address] = ()) -> set[End]:
    """Give every end that ``packet`` can have on its way through a node.

    ``own`` are the node's addresses: what comes to one of them, after translation, goes no further.
    """
    start = _State(packet, packet.daddr)
    if packet.local:
        return {end for _, end in _through(ruleset, (Hook.OUTPUT, Hook.POSTROUTING), start)}
    found: set[End] = set()
    for state, end in _through(ruleset, (Hook.PREROUTING,), start):
        if isinstance(end, Delivered):
            hooks = (Hook.INPUT,) if end.address in own else (Hook.FORWARD, Hook.POSTROUTING)
            found.update(end for _, end in _through(ruleset, hooks, state))
        else:
            found.add(end)
    return found


def _through(ruleset: Ruleset, hooks: tuple[Hook, ...], state: _State) -> Iterator[tuple[_State, End]]:
    chains = [(hook, content, chain) for hook in hooks for content, chain in _base_chains(ruleset, hook)]
    return _follow(chains, state)


def _base_chains(ruleset: Ruleset, hook: Hook) -> list[tuple[Content, Chain]]:
    found = [
        (chain.base.priority, content, chain)
        for content in ruleset.tables.values()
        for chain in content.table.chains
        if chain.base is not None and chain.base.hook is hook
    ]
    return [(content, chain) for _, content, chain in sorted(found, key=lambda entry: entry[0])]


def _follow(chains: list[tuple[Hook, Content, Chain]], state: _State) -> Iterator[tuple[_State, End]]:
    if not chains:
        packet = state.packet
        yield state, Delivered(packet.daddr, packet.dport, state.dnat, state.snat)
        return
    (hook, content, chain), *rest = chains
    if _is_settled(chain, hook, state):
        yield from _follow(rest, state)
        return
    for after, outcome in _run(content, chain, state):
        if isinstance(outcome, _Next):
            yield from _follow(rest, after)
        else:
            yield after, outcome


def _is_settled(chain: Chain, hook: Hook, state: _State) -> bool:
    """Tell whether another nat chain of this hook has already decided: the kernel skips the rest."""
    if chain.base is None or chain.base.type is not ChainType.NAT:
        return False
    return state.snat if hook is Hook.POSTROUTING else state.dnat


def _run(content: Content, chain: Chain, state: _State, start: int = 0) -> Iterator[_Step]:
    for number in range(start, len(chain.rules)):
        branches = list(_statements(content, chain.rules[number].statements, state))
        if len(branches) == 1 and branches[0][1] is _Next.RULE:
            state = branches[0][0]
            continue
        for after, outcome in branches:
            if outcome is _Next.RULE:
                yield from _run(content, chain, after, number + 1)
            else:
                yield after, outcome
        return
    yield state, _Next.CALLER


def _statements(  # noqa: C901, PLR0912 (one branch for each statement)
    content: Content, statements: tuple[Statement, ...], state: _State
) -> Iterator[_Step]:
    """Do one rule; the outcome ``RULE`` means that it is over without a verdict."""
    if not statements:
        yield state, _Next.RULE
        return
    first, rest = statements[0], statements[1:]
    match first:
        case Match():
            if _matches(content, first, state):
                yield from _statements(content, rest, state)
            else:
                yield state, _Next.RULE
        case Assign(target, source):
            values = list(_values(content, source, state))
            for value in values:
                yield from _statements(content, rest, _written(state, target, value))
            if not values:
                yield state, _Next.RULE
        case Dispatch(key, name):
            verdict = content.elements[name].get(_key(state, key))
            if verdict is None or isinstance(verdict, tuple):
                yield from _statements(content, rest, state)
            else:
                yield from _verdict(content, verdict, state)
        case Dnat(to):
            yield _translated(content, to, state)
        case Remember() | Forget():
            yield from _statements(content, rest, state)  # for packets that come later
        case Masquerade():
            yield replace(state, snat=True), _Next.HOOK
        case Reject(tcp_reset):
            yield state, Rejected(tcp_reset)
        case _:
            yield from _verdict(content, first, state)


def _verdict(content: Content, verdict: Verdict, state: _State) -> Iterator[_Step]:
    match verdict:
        case Accept():
            yield state, _Next.HOOK
        case Drop():
            yield state, Dropped()
        case Return():
            yield state, _Next.CALLER
        case Jump(name):
            for after, outcome in _run(content, content.chain(name), state):
                yield after, _Next.RULE if outcome is _Next.CALLER else outcome
        case Goto(name):
            yield from _run(content, content.chain(name), state)


def _translated(content: Content, to: Lookup, state: _State) -> _Step:
    target = content.elements[to.map].get(_key(state, to.key))
    if not isinstance(target, tuple):
        return state, _Next.RULE
    address, port = target
    assert isinstance(address, IPv4Address | IPv6Address)
    assert isinstance(port, int)
    return replace(state, packet=replace(state.packet, daddr=address, dport=port), dnat=True), _Next.HOOK


def _values(content: Content, source: Lookup | Random | Hash | int, state: _State) -> Iterator[int]:
    match source:
        case Random(modulus):
            yield from range(modulus)
        case Lookup(key, name):
            data = content.elements[name].get(_key(state, key))
            if isinstance(data, tuple):
                assert isinstance(data[0], int)
                yield data[0]
        case Hash(parts):
            yield zlib.crc32(" ".join(str(_read(state, part)) for part in parts).encode())
        case int():
            yield source


def _written(state: _State, target: Field, value: int) -> _State:
    if target is Field.CT_MARK:
        return replace(state, ct_mark=value)
    assert target is Field.META_MARK, f"{target.value} cannot be written"
    return replace(state, meta_mark=value)


def _matches(content: Content, match: Match, state: _State) -> bool:
    key = _masked(state, match.left) if isinstance(match.left, Masked) else _key(state, match.left)
    match match.right:
        case InSet(name):
            found = key in content.elements[name] or _is_inside(content, name, key)
        case AnyOf(values):
            found = any(_is(key[0], value) for value in values)
        case _:
            found = _is(key[0], match.right)
    return found is not match.negated


def _is_inside(content: Content, name: str, key: tuple[Atom, ...]) -> bool:
    if not any(found.intervals for found in content.table.sets if found.name == name):
        return False
    return any(all(map(_is, key, element)) for element in content.elements[name])


def _is(actual: object, wanted: Atom) -> bool:
    if isinstance(wanted, IPv4Network | IPv6Network):
        return isinstance(actual, IPv4Address | IPv6Address) and actual in wanted
    if isinstance(wanted, Status):
        return isinstance(actual, frozenset) and wanted in actual
    return actual == wanted


def _key(state: _State, expression: Field | Concat) -> tuple[Atom, ...]:
    fields = expression.parts if isinstance(expression, Concat) else (expression,)
    return tuple(_read(state, field) for field in fields)


def _masked(state: _State, masked: Masked) -> tuple[Atom, ...]:
    value = _read(state, masked.field)
    assert isinstance(value, int)
    return (value & masked.mask,)


def _read(state: _State, field: Field) -> Atom:
    packet = state.packet
    values: dict[Field, object] = {
        Field.SADDR: packet.saddr,
        Field.SADDR_TYPE: AddressType.LOCAL if packet.local else AddressType.UNICAST,
        Field.DADDR: packet.daddr,
        Field.L4PROTO: packet.l4proto,
        Field.DPORT: packet.dport,
        Field.META_MARK: state.meta_mark,
        Field.CT_MARK: state.ct_mark,
        Field.CT_ORIGINAL_DADDR: state.original,
        Field.CT_DIRECTION: Direction.ORIGINAL,
        Field.CT_STATE: State.NEW,
        Field.CT_STATUS: frozenset({Status.DNAT} if state.dnat else ()),
    }
    return values[field]  # type: ignore[return-value]
