"""How sessions with BGP peers are: read of routers, and told in the peers' statuses. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import ip_address

import msgspec

from netemu.api.client import Object
from netemu.balancer.announcement import NodeFacts
from netemu.balancer.peering import Peer
from netemu.balancer.pools import Address

ESTABLISHED, IDLE = "Established", "Idle"
"""Of the states that BGP knows (RFC 4271, 8.2.2) the last, and the one of who does nothing."""

Sessions = Mapping[str, Mapping[Address, str]]
"""The states of nodes' sessions, by the peers' addresses."""


class _Neighbour(msgspec.Struct, frozen=True):
    state: str = IDLE


class _Family(msgspec.Struct, frozen=True):
    peers: dict[str, _Neighbour] = {}


def read_sessions(text: str) -> Mapping[Address, str]:
    """Read what ``show bgp summary json`` prints (FRR 8.4, ``bgp_show_summary``)."""
    try:
        families = msgspec.json.decode(text, type=dict[str, _Family])
        told = [each for family in families.values() for each in family.peers.items()]
        return {ip_address(peer): neighbour.state for peer, neighbour in told}
    except ValueError:  # no JSON, not of this form, or neighbours that have names
        return {}


def status_of(peer: Peer, nodes: Iterable[NodeFacts], sessions: Sessions) -> Object:
    """Say how the sessions of those nodes are that have a peer."""
    states = {
        node.name: sessions.get(node.name, {}).get(peer.address, IDLE)
        for node in nodes
        if peer.is_peer_of(node.labels)
    }
    up = sum(state == ESTABLISHED for state in states.values())
    return {
        "established": f"{up}/{len(states)}",
        "sessions": [{"node": name, "state": states[name]} for name in sorted(states)],
    }
