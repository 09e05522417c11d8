"""UDP sockets that answer from the address they were asked at, also where a host has several."""

from __future__ import annotations

import socket
import struct
from contextlib import suppress

from netemu.standin.apps.model import Address, DatagramAnswer

_IP_PKTINFO = 8  # linux/in.h
_PKTINFO = struct.Struct("I4s4s")  # interface, local address, destination in the header
_MAX_DATAGRAM_BYTES = 65535
_AT_ONCE = 64


def open_datagram_socket(number: int) -> socket.socket:
    """Make a UDP socket on every address of the namespace that we are in."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    try:
        sock.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
        sock.bind(("0.0.0.0", number))
    except OSError:
        sock.close()
        raise
    return sock


def answer_datagrams(sock: socket.socket, answer: DatagramAnswer) -> None:
    """Answer what has arrived; some at a time, so that no flood starves the others."""
    for _ in range(_AT_ONCE):
        try:
            data, info, _, client = sock.recvmsg(_MAX_DATAGRAM_BYTES, socket.CMSG_SPACE(_PKTINFO.size))
        except OSError:  # nothing left, or an ICMP error for an earlier answer
            return
        reply = answer(data, Address(*client))
        if reply is not None:
            with suppress(OSError):  # a full queue or an unreachable client: UDP loses datagrams
                sock.sendmsg([reply], [_from_where_it_was_asked(info)], 0, client)


def _from_where_it_was_asked(info: list[tuple[int, int, bytes]]) -> tuple[int, int, bytes]:
    _, local, _ = _PKTINFO.unpack(info[0][2][: _PKTINFO.size])
    return (socket.IPPROTO_IP, _IP_PKTINFO, _PKTINFO.pack(0, local, bytes(4)))
