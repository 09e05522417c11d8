"""Answer ARP and neighbour discovery for addresses that a namespace does not own, and tell who answers now.

The kernel answers for such an IPv4 address for as long as it forwards and its route to the address
is by another link than the one that was asked on (net/ipv4/arp.c, ``arp_process``); for an IPv6
address while the link's sysctl ``proxy_ndp`` is set (net/ipv6/ndisc.c, ``ndisc_recv_ns``).
"""

from __future__ import annotations

import fcntl
import socket
import struct
from ipaddress import IPv4Address, IPv6Address
from typing import Literal

from netemu.linux import netns
from netemu.linux.messages import NLM_F_CREATE, NLM_F_REPLACE, RTM_DELNEIGH, RTM_NEWNEIGH, Address, Message

RTM_SETNEIGHTBL = 67  # linux/rtnetlink.h
_NDA_DST, _NTF_PROXY = 1, 0x08  # linux/neighbour.h
_NDTA_NAME, _NDTA_PARMS = 1, 6
_NDTPA_IFINDEX, _NDTPA_RETRANS_TIME, _NDTPA_MCAST_PROBES, _NDTPA_PROXY_DELAY = 1, 5, 11, 13

_ETH_P_ARP, _ETH_P_IP = 0x0806, 0x0800  # linux/if_ether.h
_ARPHRD_ETHER, _REQUEST, _REPLY = 1, 1, 2
_EVERYBODY = b"\xff" * 6
_MAC_BYTES = 6

_ADVERTISEMENT, _OVERRIDE, _TARGET_LINK_ADDRESS = 136, 0x20, 2  # RFC 4861, section 4.4
_ALL_NODES = "ff02::1"
_SIOCGIFHWADDR = 0x8927  # linux/sockios.h

Version = Literal[4, 6]
_FAMILY = {4: socket.AF_INET, 6: socket.AF_INET6}
_TABLE = {4: b"arp_cache\0", 6: b"ndisc_cache\0"}


def answer_for(index: int, ip: Address) -> Message:
    """Answer for an address on a link; idempotent."""
    return Message(
        f"answer for {ip} on link {index}", RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, _entry(index, ip)
    )


def answer_no_more(index: int, ip: Address) -> Message:
    """Answer for an address on a link no longer."""
    return Message(f"answer no more for {ip} on link {index}", RTM_DELNEIGH, 0, _entry(index, ip))


def answer_at_once(index: int, version: Version = 4) -> Message:
    """Answer without the random delay of up to 0.8 s that is meant for many who answer for one.

    A message, for the kernel does not show this sysctl in a user namespace.
    """
    delay = _attribute(_NDTPA_PROXY_DELAY, struct.pack("=Q", 0))
    return _table(f"answer at once on link {index}", index, version, delay)


def give_up_at_once(index: int, version: Version = 4) -> Message:
    """Say "host unreachable" for what nobody on a link answers for after 10 ms, not after 3 s."""
    patience = _attribute(_NDTPA_RETRANS_TIME, struct.pack("=Q", 10))
    probes = _attribute(_NDTPA_MCAST_PROBES, struct.pack("=I", 1))
    return _table(f"give up at once on link {index}", index, version, patience + probes)


def claim(ns_fd: int, link: str, ip: Address) -> None:
    """Tell all hosts on a link that an address is here now.

    Raises:
        OSError: there is no such link, or it is down.

    """
    if isinstance(ip, IPv4Address):
        _claim_by_arp(ns_fd, link, ip)
    else:
        _claim_by_advertisement(ns_fd, link, ip)


def _claim_by_arp(ns_fd: int, link: str, ip: IPv4Address) -> None:
    """Say it as request and as reply: some systems heed only the one (RFC 5944, section 4.6)."""
    with netns.open_socket(ns_fd, socket.AF_PACKET, socket.SOCK_RAW, 0) as sock:
        sock.bind((link, _ETH_P_ARP))
        mac = sock.getsockname()[4]
        for operation in (_REQUEST, _REPLY):
            sock.send(gratuitous(mac, ip, operation))


def _claim_by_advertisement(ns_fd: int, link: str, ip: IPv6Address) -> None:
    """Say it to all nodes, unasked; the kernel adds source and checksum (RFC 4861, section 7.2.6)."""
    with netns.open_socket(ns_fd, socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, link.encode())
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
        answer = fcntl.ioctl(sock, _SIOCGIFHWADDR, struct.pack("16s24x", link.encode()))
        sock.sendto(unsolicited(answer[18 : 18 + _MAC_BYTES], ip), (_ALL_NODES, 0))


def gratuitous(mac: bytes, ip: IPv4Address, operation: int = _REPLY) -> bytes:
    """Give the frame in which a host tells everybody its own address (RFC 826, RFC 5227 section 3)."""
    target_mac = mac if operation == _REPLY else b"\0" * _MAC_BYTES
    ethernet = _EVERYBODY + mac + struct.pack("!H", _ETH_P_ARP)
    head = struct.pack("!HHBBH", _ARPHRD_ETHER, _ETH_P_IP, _MAC_BYTES, 4, operation)
    return ethernet + head + mac + ip.packed + target_mac + ip.packed


def unsolicited(mac: bytes, ip: IPv6Address) -> bytes:
    """Give the neighbour advertisement that overrides what others know of an address."""
    head = struct.pack("!BBHI", _ADVERTISEMENT, 0, 0, _OVERRIDE << 24)
    return head + ip.packed + struct.pack("!BB", _TARGET_LINK_ADDRESS, 1) + mac


def _table(what: str, index: int, version: Version, parameters: bytes) -> Message:
    nested = _attribute(_NDTPA_IFINDEX, struct.pack("=I", index)) + parameters
    table = _attribute(_NDTA_NAME, _TABLE[version]) + _attribute(_NDTA_PARMS, nested)
    head = struct.pack("=BBH", _FAMILY[version], 0, 0)  # struct ndtmsg
    return Message(what, RTM_SETNEIGHTBL, NLM_F_REPLACE, head + table)


def _entry(index: int, ip: Address) -> bytes:
    # struct ndmsg: family, padding, ifindex, state, flags, type.
    head = struct.pack("=BxxxiHBB", _FAMILY[ip.version], index, 0, _NTF_PROXY, 0)
    return head + _attribute(_NDA_DST, ip.packed)


def _attribute(kind: int, data: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(data), kind) + data + b"\0" * (-len(data) % 4)
