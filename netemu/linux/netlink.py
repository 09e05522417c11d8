"""One rtnetlink socket in one namespace: batches of changes out, typed lists in."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import struct
import threading
from collections.abc import Iterable, Iterator
from ipaddress import ip_address, ip_interface, ip_network
from typing import Any, NamedTuple

from netemu.errors import KernelError, PermissionDeniedError
from netemu.linux import encoding, messages, netns
from netemu.linux.messages import Address, Interface, Message, Network

_NLMSG_ERROR, _NLMSG_DONE = 2, 3  # linux/netlink.h
_NLM_F_DUMP_INTR = 0x10
_NLM_F_CAPPED, _NLM_F_ACK_TLVS = 0x100, 0x200
_NLMSGERR_ATTR_MSG = 1
_SOL_NETLINK, _NETLINK_CAP_ACK, _NETLINK_EXT_ACK, _NETLINK_GET_STRICT_CHK = 270, 10, 11, 12
_SIOCGIFINDEX = 0x8933  # linux/sockios.h
_HEADER = struct.Struct("=IHHII")
# Each message is answered by an ack of under 1 kB of socket memory; 64 fit well into the
# smallest receive buffer that a machine has, so no ack is ever dropped.
_CHUNK = 64
_RECEIVE_BYTES = 1 << 17
_DUMP_ATTEMPTS = 5


class Link(NamedTuple):
    """A network interface; ``peer_index`` is a veth's other end, in whatever namespace it is."""

    ifindex: int
    name: str
    kind: str
    mac: str
    mtu: int
    up: bool
    alias: str
    master_index: int
    peer_index: int


class LinkAddress(NamedTuple):
    """An address of a link."""

    ifindex: int
    interface: Interface


class Route(NamedTuple):
    """A route of the main table, or of ``table``."""

    dst: Network
    gateway: Address | None
    ifindex: int | None
    src: Address | None
    scope: int
    type: int
    table: int
    onlink: bool


class Neighbour(NamedTuple):
    """Who answers to an address on a link."""

    ifindex: int
    ip: Address
    mac: str
    permanent: bool


class Netlink:
    """An rtnetlink socket. It stays in its namespace and may be used from any thread."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._sequence = 0
        self._lock = threading.Lock()
        sock.bind((0, 0))
        sock.setsockopt(_SOL_NETLINK, _NETLINK_CAP_ACK, 1)
        sock.setsockopt(_SOL_NETLINK, _NETLINK_EXT_ACK, 1)
        sock.setsockopt(_SOL_NETLINK, _NETLINK_GET_STRICT_CHK, 1)

    @classmethod
    def open(cls, ns_fd: int | None = None) -> Netlink:
        """Open a socket in a namespace, or in the one that the calling thread is in."""
        arguments = (socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE)
        if ns_fd is None:
            return cls(socket.socket(*arguments))
        return cls(netns.open_socket(ns_fd, *arguments))

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def __enter__(self) -> Netlink:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def batch(self, changes: Iterable[Message]) -> None:
        """Send changes in order and wait until the kernel has done them all.

        A refused change does not stop those behind it (the kernel's way).

        Raises:
            KernelError: the first change that was refused, unless it tolerates that errno.
            PermissionDeniedError: the same, when it was for lack of rights.

        """
        everything = list(changes)
        with self._lock:
            refusals = [
                refusal
                for start in range(0, len(everything), _CHUNK)
                for refusal in self._send(everything[start : start + _CHUNK])
            ]
        for change, number, detail in refusals:
            raise _refusal(change, number, detail)

    def dump_links(self) -> list[Link]:
        """List the links of the namespace."""
        return [_link(answer) for answer in self._dump(messages.RTM_GETLINK)]

    def dump_addresses(self) -> list[LinkAddress]:
        """List the addresses of the namespace."""
        return [_link_address(answer) for answer in self._dump(messages.RTM_GETADDR)]

    def dump_routes(self, family: int = socket.AF_INET) -> list[Route]:
        """List the routes of one family, of every table."""
        return [_route(answer) for answer in self._dump(messages.RTM_GETROUTE, family)]

    def dump_neighbours(self, family: int = socket.AF_UNSPEC) -> list[Neighbour]:
        """List the neighbours of the namespace that have an address and a MAC."""
        answers = self._dump(messages.RTM_GETNEIGH, family)
        return [_neighbour(a) for a in answers if a.get_attr("NDA_DST") and a.get_attr("NDA_LLADDR")]

    def find_link(self, link: messages.Link) -> Link | None:
        """Find one link by name or index."""
        request = messages.get_link(link)
        with self._lock:
            sequence = self._next_sequence()
            self._socket.send(_frame(request, 0, sequence))
            for kind, _, _, data in self._receive(sequence):
                if kind != _NLMSG_ERROR:
                    return _link(encoding.decode(kind, data))
                number, detail = _error(data)
                if number != errno.ENODEV:
                    raise _refusal(request, number, detail)
                break
        return None

    def find_index(self, name: str) -> int | None:
        """Find the index of a link by its name; an ioctl, 100 times cheaper than a message."""
        try:
            answer = fcntl.ioctl(self._socket, _SIOCGIFINDEX, struct.pack("16si20x", name.encode(), 0))
        except OSError as err:
            if err.errno != errno.ENODEV:
                raise
            return None
        return int(struct.unpack_from("16si", answer)[1])

    def link_index(self, name: str) -> int:
        """Give the index of a link.

        Raises:
            KernelError: there is none of that name (``errno`` ENODEV).

        """
        index = self.find_index(name)
        if index is None:
            raise KernelError(f"there is no link named {name}", errno=errno.ENODEV)
        return index

    def _next_sequence(self) -> int:
        self._sequence = self._sequence % 0xFFFFFFF0 + 1
        return self._sequence

    def _send(self, changes: list[Message]) -> Iterator[tuple[Message, int, str]]:
        """Send one chunk, read an ack for each; yield what was refused."""
        waiting = {self._next_sequence(): change for change in changes}
        frames = [_frame(change, messages.NLM_F_ACK, seq) for seq, change in waiting.items()]
        self._socket.send(b"".join(frames))
        while waiting:
            for kind, _, sequence, data in _parse(self._socket.recv(_RECEIVE_BYTES)):
                if kind == _NLMSG_ERROR and sequence in waiting:
                    change = waiting.pop(sequence)
                    number, detail = _error(data)
                    if number and number not in change.tolerate:
                        yield change, number, detail

    def _dump(self, kind: int, family: int = socket.AF_UNSPEC) -> list[Any]:
        request = messages.dump(kind, family)
        with self._lock:
            for _ in range(_DUMP_ATTEMPTS):
                whole, answers = self._dump_once(request)
                if whole:
                    return [encoding.decode(answer_kind, data) for answer_kind, data in answers]
        raise KernelError(f"{request.what}: the kernel's list changed faster than it could be read")

    def _dump_once(self, request: Message) -> tuple[bool, list[tuple[int, bytes]]]:
        """Read one list; it is not whole if the kernel says that it changed meanwhile."""
        sequence = self._next_sequence()
        self._socket.send(_frame(request, 0, sequence))
        answers: list[tuple[int, bytes]] = []
        whole = True
        for kind, flags, _, data in self._receive(sequence):
            whole = whole and not flags & _NLM_F_DUMP_INTR
            if kind == _NLMSG_DONE:
                break
            if kind == _NLMSG_ERROR:
                raise _refusal(request, *_error(data))
            answers.append((kind, data))
        return whole, answers

    def _receive(self, wanted: int) -> Iterator[tuple[int, int, int, bytes]]:
        while True:
            for answer in _parse(self._socket.recv(_RECEIVE_BYTES)):
                if answer[2] == wanted:
                    yield answer


def _frame(message: Message, extra_flags: int, sequence: int) -> bytes:
    flags = messages.NLM_F_REQUEST | message.flags | extra_flags
    length = _HEADER.size + len(message.body)
    padding = b"\0" * (-length % 4)
    return _HEADER.pack(length, message.kind, flags, sequence, 0) + message.body + padding


def _parse(data: bytes) -> Iterator[tuple[int, int, int, bytes]]:
    """Split what one recv gave into (type, flags, sequence, message with its header)."""
    offset = 0
    while offset + _HEADER.size <= len(data):
        length, kind, flags, sequence, _ = _HEADER.unpack_from(data, offset)
        yield kind, flags, sequence, data[offset : offset + length]
        offset += (length + 3) & ~3


def _error(data: bytes) -> tuple[int, str]:
    """Read an NLMSG_ERROR: the errno (0 is an ack) and the kernel's own words, if it has any."""
    flags = _HEADER.unpack_from(data)[2]
    (number,) = struct.unpack_from("=i", data, _HEADER.size)
    if not flags & _NLM_F_ACK_TLVS:
        return -number, ""
    # struct nlmsgerr holds the request's header, and its body too unless it was capped.
    inner_length = _HEADER.unpack_from(data, _HEADER.size + 4)[0]
    echoed = _HEADER.size if flags & _NLM_F_CAPPED or not number else inner_length
    offset = _HEADER.size + 4 + ((echoed + 3) & ~3)
    while offset + 4 <= len(data):
        length, kind = struct.unpack_from("=HH", data, offset)
        if kind == _NLMSGERR_ATTR_MSG:
            return -number, data[offset + 4 : offset + length].rstrip(b"\0").decode()
        offset += (max(length, 4) + 3) & ~3
    return -number, ""


def _refusal(message: Message, number: int, detail: str) -> KernelError | PermissionDeniedError:
    text = f"cannot {message.what}: {os.strerror(number)}" + (f" ({detail})" if detail else "")
    if number == errno.EPERM:
        return PermissionDeniedError(text, hint="Run as root, or in a user namespace of its own.")
    return KernelError(text, errno=number)


def _link(answer: Any) -> Link:
    info = answer.get_attr("IFLA_LINKINFO")
    return Link(
        ifindex=answer["index"],
        name=answer.get_attr("IFLA_IFNAME"),
        kind=(info.get_attr("IFLA_INFO_KIND") if info else None) or "",
        mac=answer.get_attr("IFLA_ADDRESS") or "",
        mtu=answer.get_attr("IFLA_MTU") or 0,
        up=bool(answer["flags"] & 1),
        alias=answer.get_attr("IFLA_IFALIAS") or "",
        master_index=answer.get_attr("IFLA_MASTER") or 0,
        peer_index=answer.get_attr("IFLA_LINK") or 0,
    )


def _link_address(answer: Any) -> LinkAddress:
    # IFA_LOCAL is the link's own address; IPv6 has only IFA_ADDRESS (linux/if_addr.h).
    ip = answer.get_attr("IFA_LOCAL") or answer.get_attr("IFA_ADDRESS")
    return LinkAddress(answer["index"], ip_interface(f"{ip}/{answer['prefixlen']}"))


def _route(answer: Any) -> Route:
    anywhere = "0.0.0.0" if answer["family"] == socket.AF_INET else "::"
    gateway, src = answer.get_attr("RTA_GATEWAY"), answer.get_attr("RTA_PREFSRC")
    return Route(
        dst=ip_network(f"{answer.get_attr('RTA_DST') or anywhere}/{answer['dst_len']}"),
        gateway=None if gateway is None else ip_address(gateway),
        ifindex=answer.get_attr("RTA_OIF"),
        src=None if src is None else ip_address(src),
        scope=answer["scope"],
        type=answer["type"],
        table=answer.get_attr("RTA_TABLE") or answer["table"],
        onlink=bool(answer["flags"] & 4),
    )


def _neighbour(answer: Any) -> Neighbour:
    return Neighbour(
        ifindex=answer["ifindex"],
        ip=ip_address(answer.get_attr("NDA_DST")),
        mac=answer.get_attr("NDA_LLADDR"),
        permanent=bool(answer["state"] & 0x80),
    )
