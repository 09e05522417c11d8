"""BGP peers: who they are, and which of them cannot be. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from ipaddress import ip_address
from typing import NamedTuple

import msgspec
from msgspec import Struct

from netemu.api.client import Object
from netemu.api.selectors import matches
from netemu.api.views import view
from netemu.api.views.meta import LabelSelector, ObjectMeta
from netemu.balancer.definitions import CONNECT_TIME, HOLD_TIME, KEEPALIVE_TIME
from netemu.balancer.pools import Address, Labels

_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?", re.ASCII)
_LONGEST_S = 65535

UNSIGNED = "it has a password, and this kernel cannot sign segments (CONFIG_TCP_MD5SIG, RFC 2385)"


class _Spec(Struct, frozen=True, kw_only=True, rename="camel"):
    my_asn: int = msgspec.field(name="myASN")
    peer_asn: int = msgspec.field(name="peerASN")
    peer_address: str
    peer_port: int = 179
    hold_time: str = HOLD_TIME
    keepalive_time: str = KEEPALIVE_TIME
    connect_time: str = CONNECT_TIME
    ebgp_multi_hop: bool = False
    password: str = ""
    node_selectors: tuple[LabelSelector, ...] = ()


class _PeerView(Struct, frozen=True, kw_only=True):
    metadata: ObjectMeta
    spec: _Spec


class Peer(NamedTuple):
    """A router that nodes speak to; times are in seconds."""

    name: str
    address: Address
    asn: int
    my_asn: int
    port: int = 179
    hold_s: int = 3
    keepalive_s: int = 1
    connect_s: int = 1
    is_far: bool = False
    password: str = ""
    node_selectors: tuple[LabelSelector, ...] = ()

    def is_peer_of(self, labels: Labels) -> bool:
        """Tell whether a node with these labels speaks to it."""
        return not self.node_selectors or any(matches(s, labels) for s in self.node_selectors)


class Peers(NamedTuple):
    """The peers that can be, and what is wrong with the others, by name."""

    peers: tuple[Peer, ...]
    problems: Mapping[str, str]


def read_peers(
    objects: Iterable[Object], outside: Collection[Address] = (), *, can_sign: bool = True
) -> Peers:
    """Read all peers; of two that contradict each other the first by name holds.

    ``outside`` are the addresses of one router, which has one AS number. ``can_sign`` tells
    whether the kernel has what passwords need.
    """
    peers: list[Peer] = []
    problems: dict[str, str] = {}
    for obj in sorted(objects, key=lambda obj: str(obj["metadata"]["name"])):
        name = str(obj["metadata"]["name"])
        try:
            peer = read_peer(obj)
        except (ValueError, msgspec.ValidationError) as err:
            problems[name] = str(err)
            continue
        problem = next(filter(None, (_contradiction(peer, other, outside) for other in peers)), "")
        if peer.password and not can_sign:
            problems[name] = UNSIGNED
        elif problem:
            problems[name] = problem
        else:
            peers.append(peer)
    return Peers(tuple(peers), problems)


def read_peer(obj: Object) -> Peer:
    """Read a peer.

    Raises:
        ValueError, msgspec.ValidationError: it says something that makes no sense.

    """
    read = view(_PeerView, obj)
    spec = read.spec
    hold_s, keepalive_s = _seconds("holdTime", spec.hold_time), _seconds("keepaliveTime", spec.keepalive_time)
    if hold_s < 3:
        raise ValueError(f"holdTime is {spec.hold_time}: BGP knows none below 3s")
    if not 0 < keepalive_s < hold_s:
        raise ValueError(f"keepaliveTime is {spec.keepalive_time}: it must be shorter than holdTime")
    return Peer(
        name=read.metadata.name,
        address=ip_address(spec.peer_address),
        asn=spec.peer_asn,
        my_asn=spec.my_asn,
        port=spec.peer_port,
        hold_s=hold_s,
        keepalive_s=keepalive_s,
        connect_s=max(_seconds("connectTime", spec.connect_time), 1),
        is_far=spec.ebgp_multi_hop and spec.peer_asn != spec.my_asn,
        password=spec.password,
        node_selectors=spec.node_selectors,
    )


def _contradiction(peer: Peer, other: Peer, outside: Collection[Address]) -> str:
    if peer.my_asn != other.my_asn:
        return f'myASN is {peer.my_asn}, but {other.my_asn} in peer "{other.name}": a node has one AS number'
    if peer.address == other.address:
        return f'peer "{other.name}" has the address {other.address} too'
    if peer.asn != other.asn and peer.address in outside and other.address in outside:
        return f'peerASN is {peer.asn}, but {other.asn} in peer "{other.name}": `outside` has one AS number'
    return ""


def _seconds(name: str, text: str) -> int:
    match = _DURATION.fullmatch(text)
    if match is None or not text:
        raise ValueError(f"{name} is {text!r}: write it as 3s or 1m30s")
    seconds = sum(int(part or 0) * size for part, size in zip(match.groups(), (3600, 60, 1), strict=True))
    if seconds > _LONGEST_S:
        raise ValueError(f"{name} is {text}: BGP knows none above {_LONGEST_S}s")
    return seconds
