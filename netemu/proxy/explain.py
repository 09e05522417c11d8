"""What one node's kernel holds for one Service, read back from it, each piece with a sentence. Pure.

The elements are asked for one by one (`get element`): a table of 10,000 Services takes seconds to list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from netemu.nft.expressions import L4, Atom, Family
from netemu.nft.render import render_rule
from netemu.proxy import layout
from netemu.proxy.groups import Balancer, NodeView
from netemu.proxy.layout import (
    BALANCERS,
    FRONTENDS,
    NODE_PORTS,
    PICKS,
    REMEMBERED,
    SHORT_CUTS,
    SLOTS,
    balancer_chain,
)
from netemu.proxy.plan import Frontend

# (map, key) → its data as nft writes it, or ``None`` when the map has no such key.
Read = Callable[[str, tuple[Atom, ...]], str | None]

_MOST_SLOTS = 10_000  # a guard against a chain's name that was made by another hand


class Line(NamedTuple):
    """One rule or element: where it is, what it is, and what it does."""

    where: str
    what: str
    sentence: str


class Shown(NamedTuple):
    """What a client connects to, and everything that decides where it ends."""

    title: str
    lines: tuple[Line, ...]


def explain(
    read: Read, node: NodeView, frontends: list[Frontend], node_ports: list[tuple[L4, int]]
) -> list[Shown]:
    """Read what leads from each frontend and node port to endpoints; then each chain that does it, once."""
    used: dict[Balancer, None] = {}
    shown = [_frontend(read, used, frontend) for frontend in frontends]
    shown += [_node_port(read, used, node, *port) for port in node_ports]
    return shown + [_chain(node.family, balancer) for balancer in used]


def _frontend(read: Read, used: dict[Balancer, None], frontend: Frontend) -> Shown:
    title = f"{_socket(frontend.address, frontend.port)}/{frontend.protocol.name}"
    id = read(FRONTENDS, frontend)
    if id is None:
        return Shown(title, (_missing(FRONTENDS, frontend),))
    first = Line(
        f"map {FRONTENDS}",
        f"{_key(frontend)} : {int(id, 16)}",
        f"Connections to {title} are for id {int(id, 16)}.",
    )
    return Shown(title, (first, *_behind(read, used, int(id, 16))))


def _node_port(read: Read, used: dict[Balancer, None], node: NodeView, protocol: L4, port: int) -> Shown:
    title = f"{node.name}:{port}/{protocol.name}"
    key: tuple[Atom, ...] = (protocol, port)
    id = read(NODE_PORTS, key)
    if id is None:
        return Shown(title, (_missing(NODE_PORTS, key),))
    addresses = ", ".join(map(str, node.addresses))
    first = Line(
        f"map {NODE_PORTS}",
        f"{_key(key)} : {int(id, 16)}",
        f"Connections to port {port} of this node ({addresses}) are for id {int(id, 16)}.",
    )
    return Shown(title, (first, *_behind(read, used, int(id, 16))))


def _behind(read: Read, used: dict[Balancer, None], id: int) -> Iterator[Line]:
    yield from _group(read, used, id)
    inside = read(SHORT_CUTS, (id,))
    if inside is not None:
        number = int(inside, 16)
        yield Line(
            f"map {SHORT_CUTS}",
            f"{id} : {number}",
            f"externalTrafficPolicy is Local: pods and this node itself use id {number} instead.",
        )
        yield from _group(read, used, number)


def _group(read: Read, used: dict[Balancer, None], id: int) -> Iterator[Line]:
    verdict = read(BALANCERS, (id,))
    if verdict is None:
        yield _missing(BALANCERS, (id,))
        return
    balancer = parse_balancer(verdict)
    yield Line(f"map {BALANCERS}", f"{id} : {verdict}", _about(id, balancer))
    yield from _endpoints(read, id, balancer)
    if balancer.size:
        used[balancer] = None


def _about(id: int, balancer: Balancer) -> str:
    if not balancer.size:
        what = "no endpoint on this node: packets are lost" if balancer.drops else "no endpoint: refused"
        return f"Id {id} has {what}."
    sticky = f"; a client stays with its own for {balancer.affinity_s} s" if balancer.affinity_s else ""
    return f"Id {id} has {balancer.size} endpoint{'s'[: balancer.size > 1]}, chosen by chance{sticky}."


def _endpoints(read: Read, id: int, balancer: Balancer) -> Iterator[Line]:
    for slot in range(balancer.size):
        if not balancer.affinity_s:
            endpoint = read(SLOTS, (id, slot)) or "nothing"
            yield Line(f"map {SLOTS}", f"{id} . {slot} : {endpoint}", f"Slot {slot} is {_plain(endpoint)}.")
            continue
        number = int(read(PICKS, (id, slot)) or "0", 16)
        endpoint = read(REMEMBERED, (id, number)) or "nothing"
        yield Line(f"map {PICKS}", f"{id} . {slot} : {number}", f"Slot {slot} is endpoint {number}.")
        yield Line(
            f"map {REMEMBERED}",
            f"{id} . {number} : {endpoint}",
            f"Endpoint {number} is {_plain(endpoint)}.",
        )


def _chain(family: Family, balancer: Balancer) -> Shown:
    chain = balancer_chain(balancer, family)
    sentences = layout.STICKY_SENTENCES if balancer.affinity_s else layout.RANDOM_SENTENCES
    lines = (
        Line("rule", render_rule(family, rule), sentence)
        for rule, sentence in zip(chain.rules, sentences, strict=True)
    )
    same = f"and {balancer.affinity_s} s of affinity" if balancer.affinity_s else "and no affinity"
    count = f"{balancer.size} endpoint{'s'[: balancer.size > 1]}"
    return Shown(f"chain {chain.name}, of all Services with {count} {same}", tuple(lines))


def parse_balancer(verdict: str) -> Balancer:
    """Read a verdict of ``lb`` back.

    Raises:
        ValueError: it is none of this proxy's.

    """
    words = verdict.split()
    if words == ["drop"]:
        return Balancer(0, drops=True)
    if len(words) == 2 and words[0] == "goto":
        name = words[1]
        if name == layout.REFUSE:
            return Balancer(0)
        kind, numbers = name.rstrip("0123456789-"), name.lstrip("abfl").split("-")
        if kind in ("lb", "aff") and all(number.isdigit() for number in numbers):
            size, *seconds = map(int, numbers)
            if size <= _MOST_SLOTS:
                return Balancer(size, seconds[0] if seconds else 0)
    raise ValueError(f"not a verdict of this proxy: {verdict!r}")


def _missing(name: str, key: tuple[Atom, ...]) -> Line:
    return Line(f"map {name}", _key(key), "Not there: this node does not serve it.")


def _key(parts: tuple[Atom, ...]) -> str:
    return " . ".join(map(str, parts))


def _plain(endpoint: str) -> str:
    address, separator, port = endpoint.partition(" . ")
    return f"{address} port {port}" if separator else endpoint


def _socket(address: object, port: int) -> str:
    return f"[{address}]:{port}" if ":" in str(address) else f"{address}:{port}"
