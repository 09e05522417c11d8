"""How a node reaches the pods of the others: VXLAN as flannel lays it out, or plain routes.

Static routes, neighbours and forwarding entries from Node objects; nothing is flooded or
learnt. ``plan_peer`` decides, ``OverlaySyncer`` keeps one node's kernel to it.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network

from msgspec import Struct

from netemu.api.views.core import Node
from netemu.linux import messages
from netemu.linux.messages import Message
from netemu.linux.netlink import Netlink
from netemu.settings import Overlay

VTEP_MAC = "netemu.io/vtep-mac"


class Peer(Struct, frozen=True, kw_only=True):
    """Another node, as its Node object describes it; ``vtep`` is its end of the tunnel."""

    host: IPv4Address
    pod_cidr: IPv4Network
    vtep: IPv4Address
    vtep_mac: str


def peer_of(node: Node) -> Peer | None:
    """Read a peer from its Node object; ``None`` while the object is not complete."""
    mac = node.metadata.annotations.get(VTEP_MAC)
    if not (node.internal_ips and node.spec.pod_cidr and mac):
        return None
    pods = IPv4Network(node.spec.pod_cidr)
    return Peer(
        host=IPv4Address(node.internal_ips[0]), pod_cidr=pods, vtep=pods.network_address, vtep_mac=mac
    )


def plan_peer(overlay: Overlay, peer: Peer, *, eth0: int, vxlan: int) -> tuple[Message, ...]:
    """Give the messages that make a peer's pods reachable; repeating them changes nothing."""
    match overlay:
        case "host-gw":
            return (messages.route(peer.pod_cidr, gateway=peer.host, index=eth0),)
        case "vxlan":
            return (
                messages.neighbour(vxlan, peer.vtep, peer.vtep_mac),
                messages.fdb(vxlan, peer.vtep_mac, peer.host),
                messages.route(peer.pod_cidr, gateway=peer.vtep, index=vxlan, onlink=True),
            )


def plan_removal(overlay: Overlay, peer: Peer, *, vxlan: int) -> tuple[Message, ...]:
    """Give the messages that undo ``plan_peer``; what is gone already is fine."""
    gone = (errno.ESRCH, errno.ENOENT)
    removals = [messages.delete_route(peer.pod_cidr).tolerating(*gone)]
    if overlay == "vxlan":
        removals += [
            messages.delete_fdb(vxlan, peer.vtep_mac, peer.host).tolerating(*gone),
            messages.delete_neighbour(vxlan, peer.vtep).tolerating(*gone),
        ]
    return tuple(removals)


class OverlaySyncer:
    """[IO] Keeps one node's routes to the others' pods."""

    def __init__(self, overlay: Overlay, node: str, netlink: Netlink, *, eth0: int, vxlan: int) -> None:
        self._overlay: Overlay = overlay
        self._node = node
        self._netlink = netlink
        self._eth0 = eth0
        self._vxlan = vxlan
        self._peers: dict[str, Peer] = {}

    def sync(self, name: str, peer: Peer | None) -> None:
        """Bring one peer's entries to what they should be; ``None`` removes them."""
        old = self._peers.get(name)
        if name == self._node or old == peer:
            return
        if old is not None:
            self._apply(plan_removal(self._overlay, old, vxlan=self._vxlan))
            del self._peers[name]
        if peer is not None:
            self._apply(plan_peer(self._overlay, peer, eth0=self._eth0, vxlan=self._vxlan))
            self._peers[name] = peer

    def _apply(self, changes: Iterable[Message]) -> None:
        self._netlink.batch(changes)
