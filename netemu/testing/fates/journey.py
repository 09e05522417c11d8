"""Walks a case through the rules of one node after another, without a kernel."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_address
from typing import Any

from netemu.nft.expressions import Address
from netemu.nft.walk import Delivered, Dropped, End, Packet, Rejected, walk
from netemu.testing.fates.case import LOST, REFUSED, Arrival, Case, Client, Fate
from netemu.testing.fates.manifest import PLACES, PROXIES, Manifest
from netemu.testing.fates.oracle import NODE_OF, PODS
from netemu.testing.service_world import PORT

Rules = Mapping[tuple[str, int], Any]
Walker = Callable[[Any, Packet, Collection[Address]], set[End]]
_Walked = Callable[[str, Packet, Collection[Address]], set[End]]
_LOOPBACKS = (ip_address("127.0.0.1"), ip_address("::1"))


@dataclass(frozen=True, slots=True)
class _Hop:
    """A packet on its way into the rules of a node."""

    node: str
    source: str
    address: Address
    port: int
    local: bool


def walk_case(rules: Rules, manifest: Manifest, case: Case, walker: Walker = walk) -> set[Fate]:
    """Give all ends of a case; ``rules`` are by node and IP version. One fate for each single arrival.

    ``walker`` is what reads such rules.
    """
    client = case.client.value
    address, port = manifest.destination(case)
    first = NODE_OF.get(client, "node-1")
    if case.client is Client.OUTSIDE:
        first = next((node for node in ("node-1", "node-2") if PLACES[case.version][node] == address), first)
    hop = _Hop(first, client, address, port, client == first)
    return set(_follow(partial(_walk, rules, walker), case, hop))


def _walk(rules: Rules, walker: Walker, node: str, packet: Packet, own: Collection[Address]) -> set[End]:
    return walker(rules[node, packet.saddr.version], packet, own)


def _follow(walked: _Walked, case: Case, hop: _Hop) -> Iterator[Fate]:
    # Who connects to loopback does so from it.
    source = hop.address if hop.address in _LOOPBACKS else PLACES[case.version][hop.source]
    packet = Packet(source, hop.address, case.protocol, hop.port, hop.local)
    own = (PLACES[case.version][hop.node], *_LOOPBACKS)
    for end in walked(hop.node, packet, own):
        match end:
            case Rejected():
                yield REFUSED
            case Dropped():
                yield LOST
            case Delivered():
                yield from _onward(walked, case, hop, end)


def _onward(walked: _Walked, case: Case, hop: _Hop, end: Delivered) -> Iterator[Fate]:
    places = {address: place for place, address in PLACES[case.version].items()}
    source = hop.node if end.masqueraded else hop.source
    if end.address in PROXIES[case.version]:
        place, listens = "outside", True
    else:
        place, listens = places.get(end.address, hop.node), end.port == PORT
    next_node = NODE_OF.get(place, "outside")
    if source in PODS and place not in PODS and next_node != hop.node:
        source = hop.node  # the CNI plugin's rule
    if next_node not in (hop.node, "outside"):
        yield from _follow(walked, case, _Hop(next_node, source, end.address, end.port, local=False))
    elif listens and end.address not in _LOOPBACKS:
        yield Fate(frozenset({Arrival(place, source)}))
    else:
        yield REFUSED
