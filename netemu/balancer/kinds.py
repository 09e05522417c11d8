"""The kinds of objects that set the balancer up. ``definitions`` has what they may say. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from netemu.api.client import Object
from netemu.api.kinds import Kind

GROUP = "loadbalancer.netemu.io"
VERSION = "v1"

Protocol = Literal["layer2", "bgp"]
"""How an address is made known; with the group before it, the ``loadBalancerClass`` that wants just that."""

LAYER2: tuple[Protocol, ...] = ("layer2",)
LAYER2_AND_BGP: tuple[Protocol, ...] = ("layer2", "bgp")


def _kind(kind: str, *subresources: str) -> Kind:
    return Kind(
        group=GROUP,
        version=VERSION,
        kind=kind,
        resource=f"{kind.lower()}s",
        singular=kind.lower(),
        namespaced=False,
        subresources=subresources,
    )


ADDRESS_POOL = _kind("AddressPool", "status")
L2_ADVERTISEMENT = _kind("L2Advertisement")
BGP_ADVERTISEMENT = _kind("BGPAdvertisement")
BGP_PEER = _kind("BGPPeer", "status")
SETTINGS = (ADDRESS_POOL, L2_ADVERTISEMENT, BGP_ADVERTISEMENT, BGP_PEER)


def address_pool(name: str, addresses: Sequence[str], **spec: Any) -> Object:
    """Make a pool."""
    return _object(ADDRESS_POOL, name, addresses=list(addresses), **spec)


def bgp_peer(name: str, *, my_asn: int, peer_asn: int, address: str) -> Object:
    """Make a peer of all nodes."""
    return _object(BGP_PEER, name, myASN=my_asn, peerASN=peer_asn, peerAddress=address)


def _object(kind: Kind, name: str, **spec: Any) -> Object:
    return {
        "apiVersion": kind.api_version,
        "kind": kind.kind,
        "metadata": {"name": name},
        "spec": spec,
    }
