"""Connections that the kernel tracks, in one namespace: list those of UDP, end single ones.

UDP needs it: a flow whose rules have changed keeps its old translation for as long as packets
come. Encoded by hand from linux/netfilter/nfnetlink_conntrack.h: three messages, ten attributes.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
import threading
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import NamedTuple

from netemu.errors import KernelError
from netemu.linux.netns import open_socket

_NETLINK_NETFILTER = 12  # linux/netlink.h; Python has no name for it
_CT_GET = (1 << 8) | 1  # NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_GET
_CT_DELETE = (1 << 8) | 2
_REQUEST, _ACK, _DUMP = 0x1, 0x4, 0x300
_ERROR, _DONE = 2, 3

_TUPLE_ORIG, _TUPLE_REPLY, _ID, _ZONE, _FILTER = 1, 2, 12, 18, 25  # CTA_*
_TUPLE_IP, _TUPLE_PROTO = 1, 2
# CTA_IP_*, by the family of the flow.
_IP_SRC = {socket.AF_INET: 1, socket.AF_INET6: 3}
_IP_DST = {socket.AF_INET: 2, socket.AF_INET6: 4}
_PROTO_NUM, _PROTO_SRC_PORT, _PROTO_DST_PORT = 1, 2, 3
_FILTER_ORIG_FLAGS, _FILTER_REPLY_FLAGS = 1, 2
_FILTER_IP_DST, _FILTER_PROTO_NUM, _FILTER_DST_PORT = 1 << 1, 1 << 3, 1 << 5  # net/netfilter/nf_internals.h
_NESTED = 0x8000
_TYPE = 0x3FFF

_HEADER = struct.Struct("=IHHII")
_ATTRIBUTE = struct.Struct("=HH")
_NFGEN = struct.Struct("=BBH")
_RECEIVE_BYTES = 1 << 17


class Endpoint(NamedTuple):
    """An address and a port."""

    address: IPv4Address | IPv6Address
    port: int


class Flow(NamedTuple):
    """A tracked UDP flow: what its client sends to, and who really answers."""

    destination: Endpoint
    answered_by: Endpoint
    identity: bytes


class Conntrack:
    """A ctnetlink socket for one family. It stays in its namespace and may be used from any thread."""

    def __init__(self, sock: socket.socket, family: int = socket.AF_INET) -> None:
        self._socket = sock
        self._family = socket.AddressFamily(family)
        self._nfgen = _NFGEN.pack(family, 0, 0)
        self._sequence = 0
        self._lock = threading.Lock()
        sock.bind((0, 0))

    @classmethod
    def open(cls, ns_fd: int, family: int = socket.AF_INET) -> Conntrack:
        """Open a socket in the namespace behind ``ns_fd``."""
        kind = socket.SOCK_RAW | socket.SOCK_CLOEXEC
        return cls(open_socket(ns_fd, socket.AF_NETLINK, kind, _NETLINK_NETFILTER), family)

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def udp_flows(self, destination: Endpoint | None = None) -> list[Flow]:
        """List the UDP flows of this namespace and family, all or those to one destination.

        The kernel leaves out all others: to read one takes 20 times as long as to pass it over.

        Raises:
            KernelError: the kernel refuses.

        """
        address, port, flags = b"", b"", _FILTER_PROTO_NUM
        if destination is not None:
            port = _attribute(_PROTO_DST_PORT, destination.port.to_bytes(2, "big"))
            flags |= _FILTER_DST_PORT
        # Of IPv6 the kernel gives the flows to all other addresses (ctnetlink_filter_match_tuple).
        if destination is not None and self._family is socket.AF_INET:
            address = _nested(_TUPLE_IP, _attribute(_IP_DST[self._family], destination.address.packed))
            flags |= _FILTER_IP_DST
        protocol = _attribute(_PROTO_NUM, bytes([socket.IPPROTO_UDP]))
        wanted = _attribute(_FILTER_ORIG_FLAGS, struct.pack("=I", flags))
        request = (
            self._nfgen
            + _nested(_TUPLE_ORIG, address + _nested(_TUPLE_PROTO, protocol + port))
            + _nested(_FILTER, wanted + _attribute(_FILTER_REPLY_FLAGS, bytes(4)))
        )
        with self._lock:
            found = [_flow(body, self._family) for body in self._exchange(_CT_GET, _REQUEST | _DUMP, request)]
        return [flow for flow in found if destination in (None, flow.destination)]

    def end(self, flow: Flow) -> bool:
        """Forget one flow, so that its next packet meets the rules again; ``False`` if it is gone.

        Raises:
            KernelError: the kernel refuses.

        """
        with self._lock:
            try:
                list(self._exchange(_CT_DELETE, _REQUEST | _ACK, self._nfgen + flow.identity))
            except KernelError as err:
                if err.errno == errno.ENOENT:
                    return False
                raise
        return True

    def _exchange(self, type: int, flags: int, request: bytes) -> Iterator[bytes]:
        self._sequence += 1
        header = _HEADER.pack(_HEADER.size + len(request), type, flags, self._sequence, 0)
        self._socket.send(header + request)
        while True:
            received = self._socket.recv(_RECEIVE_BYTES)
            at = 0
            while at < len(received):
                size, kind, _, sequence, _ = _HEADER.unpack_from(received, at)
                body = received[at + _HEADER.size : at + size]
                at += size + (-size % 4)
                if sequence != self._sequence:
                    continue
                if kind == _DONE:
                    return
                if kind == _ERROR:
                    _raise_unless_zero(body)
                    return
                yield body


def _raise_unless_zero(body: bytes) -> None:
    (negative,) = struct.unpack_from("=i", body)
    if negative:
        raise KernelError(f"conntrack: {os.strerror(-negative)}", errno=-negative)


def _flow(body: bytes, family: socket.AddressFamily) -> Flow:
    attributes = _attributes(body[_NFGEN.size :])
    destination = _endpoint(attributes[_TUPLE_ORIG], _IP_DST[family], _PROTO_DST_PORT)
    answered_by = _endpoint(attributes[_TUPLE_REPLY], _IP_SRC[family], _PROTO_SRC_PORT)
    identity = _nested(_TUPLE_ORIG, attributes[_TUPLE_ORIG]) + _attribute(_ID, attributes[_ID])
    if _ZONE in attributes:
        identity += _attribute(_ZONE, attributes[_ZONE])
    return Flow(destination, answered_by, identity)


def _endpoint(tuple_: bytes, address: int, port: int) -> Endpoint:
    parts = _attributes(tuple_)
    return Endpoint(
        ip_address(_attributes(parts[_TUPLE_IP])[address]),
        int.from_bytes(_attributes(parts[_TUPLE_PROTO])[port], "big"),
    )


def _attributes(data: bytes) -> dict[int, bytes]:
    found = {}
    at = 0
    while at + _ATTRIBUTE.size <= len(data):
        size, kind = _ATTRIBUTE.unpack_from(data, at)
        found[kind & _TYPE] = data[at + _ATTRIBUTE.size : at + size]
        at += size + (-size % 4)
    return found


def _attribute(kind: int, value: bytes) -> bytes:
    size = _ATTRIBUTE.size + len(value)
    return _ATTRIBUTE.pack(size, kind) + value + bytes(-size % 4)


def _nested(kind: int, value: bytes) -> bytes:
    return _attribute(kind | _NESTED, value)
