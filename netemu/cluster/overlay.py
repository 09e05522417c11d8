"""How a node reaches the pods of the others: VXLAN as flannel lays it out, or plain routes.

Static routes, neighbours and forwarding entries from Node objects; nothing is flooded or
learnt. ``plan_peer`` decides, ``OverlaySyncer`` keeps one node's kernel to it.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable
from ipaddress import ip_address, ip_network

from msgspec import Struct

from netemu.api.views.core import Node
from netemu.cluster.world import Address, vtep_of
from netemu.linux import messages
from netemu.linux.messages import Message
from netemu.linux.netlink import Netlink
from netemu.settings import Network, Overlay

VTEP_MAC = "netemu.io/vtep-mac"


class Peer(Struct, frozen=True, kw_only=True):
    """Another node, as its Node object describes it: its addresses and its pods' ranges, a family each."""

    hosts: tuple[Address, ...]
    pod_cidrs: tuple[Network, ...]
    vtep_mac: str

    def host_for(self, pods: Network) -> Address:
        """Give the node's address of the family of a range; of the first family if it has none."""
        return next((host for host in self.hosts if host.version == pods.version), self.hosts[0])


def peer_of(node: Node) -> Peer | None:
    """Read a peer from its Node object; ``None`` while the object is not complete."""
    mac = node.metadata.annotations.get(VTEP_MAC)
    ranges = node.spec.pod_cidrs or tuple(filter(None, [node.spec.pod_cidr]))
    if not (node.internal_ips and ranges and mac):
        return None
    return Peer(
        hosts=tuple(map(ip_address, node.internal_ips)),
        pod_cidrs=tuple(map(ip_network, ranges)),
        vtep_mac=mac,
    )


def plan_peer(overlay: Overlay, peer: Peer, *, eth0: int, vxlan: int) -> tuple[Message, ...]:
    """Give the messages that make a peer's pods reachable; repeating them changes nothing."""
    match overlay:
        case "host-gw":
            return tuple(
                messages.route(pods, gateway=peer.host_for(pods), index=eth0) for pods in peer.pod_cidrs
            )
        case "vxlan":
            return (
                *(messages.neighbour(vxlan, vtep_of(pods), peer.vtep_mac) for pods in peer.pod_cidrs),
                messages.fdb(vxlan, peer.vtep_mac, peer.hosts[0]),
                *(
                    messages.route(pods, gateway=vtep_of(pods), index=vxlan, onlink=True)
                    for pods in peer.pod_cidrs
                ),
            )


def plan_removal(overlay: Overlay, peer: Peer, *, vxlan: int) -> tuple[Message, ...]:
    """Give the messages that undo ``plan_peer``; what is gone already is fine."""
    gone = (errno.ESRCH, errno.ENOENT)
    removals = [messages.delete_route(pods).tolerating(*gone) for pods in peer.pod_cidrs]
    if overlay == "vxlan":
        removals += [
            messages.delete_fdb(vxlan, peer.vtep_mac, peer.hosts[0]).tolerating(*gone),
            *(messages.delete_neighbour(vxlan, vtep_of(pods)).tolerating(*gone) for pods in peer.pod_cidrs),
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
