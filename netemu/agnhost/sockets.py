"""[IO] Listening sockets of both families, and datagrams answered from the address they came to."""

from __future__ import annotations

import os
import socket
import struct
from contextlib import suppress

from netemu.agnhost.golang import error_words
from netemu.agnhost.model import Address, DatagramAnswer, Listener

BACKLOG = 512

_IP_PKTINFO = 8  # linux/in.h
_IPV6_RECVPKTINFO, _IPV6_PKTINFO = 49, 50  # linux/in6.h
_PKTINFO = struct.Struct("I4s4s")  # interface, local address, destination in the header
_PKTINFO6 = struct.Struct("16sI")  # destination, interface
_MAX_DATAGRAM_BYTES = 65535
_AT_ONCE = 64
_MAPPED = "::ffff:"
_KINDS = {
    "TCP": (socket.SOCK_STREAM, 0),
    "UDP": (socket.SOCK_DGRAM, 0),
    "SCTP": (socket.SOCK_STREAM, socket.IPPROTO_SCTP),
}


def open_listener(listener: Listener) -> socket.socket:
    """Make the socket of a listener, in the namespace that we are in.

    Raises:
        OSError: its port is taken or not ours, or the kernel has no such protocol.

    """
    kind, protocol = _KINDS[listener.protocol]
    sock = _open(kind | socket.SOCK_NONBLOCK, protocol, listener.host)
    try:
        host = listener.host or ("::" if sock.family is socket.AF_INET6 else "0.0.0.0")
        if listener.protocol == "UDP":
            _ask_for_destinations(sock)
        else:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, listener.number))
        if listener.protocol != "UDP":
            sock.listen(BACKLOG)
    except OSError:
        sock.close()
        raise
    return sock


def complaint(listener: Listener, err: OSError) -> str:
    """Say why there is no socket for a listener, as the original does."""
    if listener.protocol == "SCTP":  # of a library that adds nothing to what the kernel says
        return f"{listener.complaint}{os.strerror(err.errno or 0).lower()}"
    why = error_words(err, "bind")
    return f"{listener.complaint}listen {listener.protocol.lower()} :{listener.number}: {why}"


def accept(sock: socket.socket) -> tuple[socket.socket, Address]:
    """Accept a connection; OSError if there is none (any more)."""
    accepted, name = sock.accept()
    accepted.setblocking(False)
    return accepted, address_of(name)


def address_of(name: tuple[str, int]) -> Address:
    """Give a socket's name as an address; an IPv4 one as such, also on a socket of both families."""
    return Address(name[0].removeprefix(_MAPPED) if "." in name[0] else name[0], name[1])


def answer_datagrams(sock: socket.socket, answer: DatagramAnswer) -> None:
    """Answer what has arrived; some at a time, so that no flood starves the others."""
    room = socket.CMSG_SPACE(_PKTINFO6.size) + socket.CMSG_SPACE(_PKTINFO.size)
    for _ in range(_AT_ONCE):
        try:
            data, info, _, client = sock.recvmsg(_MAX_DATAGRAM_BYTES, room)
        except OSError:  # nothing left, or an ICMP error for an earlier answer
            return
        reply = answer(data, address_of(client))
        if reply is not None:
            with suppress(OSError):  # a full queue or an unreachable client: UDP loses datagrams
                sock.sendmsg([reply], _from_where_it_was_asked(info), 0, client)


def _open(kind: int, protocol: int, host: str) -> socket.socket:
    if host and ":" not in host:
        return socket.socket(socket.AF_INET, kind, protocol)
    try:
        sock = socket.socket(socket.AF_INET6, kind, protocol)
    except OSError:
        if host:
            raise
        return socket.socket(socket.AF_INET, kind, protocol)  # a kernel without IPv6
    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1 if host else 0)
    return sock


def _ask_for_destinations(sock: socket.socket) -> None:
    sock.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
    if sock.family is socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVPKTINFO, 1)


def _from_where_it_was_asked(info: list[tuple[int, int, bytes]]) -> list[tuple[int, int, bytes]]:
    for level, kind, data in info:
        if (level, kind) == (socket.IPPROTO_IP, _IP_PKTINFO):
            _, local, _ = _PKTINFO.unpack(data[: _PKTINFO.size])
            return [(level, kind, _PKTINFO.pack(0, local, bytes(4)))]
        if (level, kind) == (socket.IPPROTO_IPV6, _IPV6_PKTINFO):
            local, _ = _PKTINFO6.unpack(data[: _PKTINFO6.size])
            if not local.startswith(bytes(10) + b"\xff\xff"):
                return [(level, kind, _PKTINFO6.pack(local, 0))]
    return []
