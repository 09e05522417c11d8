"""How every router of a cluster is configured. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from netemu.balancer.announcement import NodeFacts
from netemu.balancer.frr import Config, node_config, outside_config
from netemu.balancer.peering import Peer
from netemu.balancer.plan import Announced
from netemu.balancer.pools import Address, Network
from netemu.balancer.routes import Route, joined

OUTSIDE = "outside"


class Site(NamedTuple):
    """Where a cluster's routers are: on each node, and outside; ``hosts`` are the ranges of both.

    ``can_sign`` tells whether the kernel has what passwords need.
    """

    nodes: Mapping[str, tuple[Address, ...]]
    outside: tuple[Address, ...]
    hosts: tuple[Network, ...]
    can_sign: bool = True


def configurations(
    site: Site, peers: Iterable[Peer], nodes: Iterable[NodeFacts], announced: Iterable[Announced]
) -> Mapping[str, Config]:
    """Configure the routers, by their places."""
    known = list(peers)
    routes: dict[str, list[Route]] = {}
    for each in announced:
        for name, said in each.routes.items():
            routes.setdefault(name, []).extend(said)
    found = {
        node.name: node_config(
            site.nodes[node.name],
            [peer for peer in known if peer.is_peer_of(node.labels)],
            joined(routes.get(node.name, ())),
        )
        for node in nodes
        if node.name in site.nodes
    }
    return {OUTSIDE: outside_config(site.outside, known, site.hosts), **found}
