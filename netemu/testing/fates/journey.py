"""Walks a case through the rules of one node after another, without a kernel."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address

from netemu.nft.expressions import Address
from netemu.nft.ruleset import Ruleset
from netemu.nft.walk import Delivered, Dropped, Packet, Rejected, walk
from netemu.testing.fates.case import LOST, REFUSED, Arrival, Case, Client, Fate
from netemu.testing.fates.manifest import PLACES, PROXIES, Manifest
from netemu.testing.fates.oracle import NODE_OF, PODS
from netemu.testing.service_world import PORT

_LOOPBACKS = (ip_address("127.0.0.1"), ip_address("::1"))


@dataclass(frozen=True, slots=True)
class _Hop:
    """A packet on its way into the rules of a node."""

    node: str
    source: str
    address: Address
    port: int
    local: bool


def walk_case(rules: Mapping[tuple[str, int], Ruleset], manifest: Manifest, case: Case) -> set[Fate]:
    """Give all ends of a case; ``rules`` are by node and IP version. One fate for each single arrival."""
    client = case.client.value
    address, port = manifest.destination(case)
    first = NODE_OF.get(client, "node-1")
    if case.client is Client.OUTSIDE:
        first = next((node for node in ("node-1", "node-2") if PLACES[case.version][node] == address), first)
    hop = _Hop(first, client, address, port, client == first)
    return set(_follow(rules, case, hop))


def _follow(rules: Mapping[tuple[str, int], Ruleset], case: Case, hop: _Hop) -> Iterator[Fate]:
    packet = Packet(PLACES[case.version][hop.source], hop.address, case.protocol, hop.port, hop.local)
    own = (PLACES[case.version][hop.node], *_LOOPBACKS)
    for end in walk(rules[hop.node, case.version], packet, own):
        match end:
            case Rejected():
                yield REFUSED
            case Dropped():
                yield LOST
            case Delivered():
                yield from _onward(rules, case, hop, end)


def _onward(
    rules: Mapping[tuple[str, int], Ruleset], case: Case, hop: _Hop, end: Delivered
) -> Iterator[Fate]:
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
        yield from _follow(rules, case, _Hop(next_node, source, end.address, end.port, local=False))
    elif listens and end.address not in _LOOPBACKS:
        yield Fate(frozenset({Arrival(place, source)}))
    else:
        yield REFUSED
