"""[IO] The server's listening sockets, made in the pod's network namespace."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from netemu.dns.http import HEALTH_PORT, READY_PORT
from netemu.errors import KernelError
from netemu.linux import netns

_BACKLOG = 128
_BUFFER_BYTES = 1 << 20


class Sockets(NamedTuple):
    """What one server listens on."""

    udp: socket.socket
    tcp: socket.socket
    health: socket.socket
    ready: socket.socket


@contextmanager
def listening(address: str, port: int, netns_path: Path | None) -> Iterator[Sockets]:
    """Listen in a namespace (or, with ``None``, where the process is) for the length of a block.

    Raises:
        KernelError: there is no such namespace, a port is taken, or the address is not there.

    """
    with ExitStack() as stack:
        if netns_path is None:
            made = _make(stack, address, port)
        else:
            with netns.opened(netns_path) as ns_fd, netns.entered(ns_fd):
                made = _make(stack, address, port)
        yield made


def _make(stack: ExitStack, address: str, port: int) -> Sockets:
    udp = stack.enter_context(_socket(address, socket.SOCK_DGRAM))
    udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
    udp.setblocking(False)
    _bind(udp, address, port)
    return Sockets(udp, *(_listen(stack, address, number) for number in (port, HEALTH_PORT, READY_PORT)))


def _listen(stack: ExitStack, address: str, port: int) -> socket.socket:
    sock = stack.enter_context(_socket(address, socket.SOCK_STREAM))
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setblocking(False)
    _bind(sock, address, port)
    sock.listen(_BACKLOG)
    return sock


def _socket(address: str, kind: socket.SocketKind) -> socket.socket:
    """Make a socket for an address; the one for ``::`` is for both families."""
    sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind)
    if ":" in address:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    return sock


def _bind(sock: socket.socket, address: str, port: int) -> None:
    try:
        sock.bind((address, port))
    except OSError as err:
        raise KernelError(f"cannot listen on {address}:{port}: {err.strerror}", errno=err.errno or 0) from err
