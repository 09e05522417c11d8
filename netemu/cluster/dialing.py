"""[IO] TCP connections that begin inside a network namespace, and Go's words when they fail."""

from __future__ import annotations

import asyncio
import os
import socket
from ipaddress import ip_address

from netemu.api.errors import UnavailableError
from netemu.linux import netns

DIAL_S = 30.0
LOOPBACK = ("127.0.0.1", "::1")


async def dial_loopback(ns_fd: int, port: int) -> socket.socket:
    """Connect to a port of a namespace's loopback addresses, IPv4 first, as containerd does.

    Raises:
        UnavailableError: nobody listens there.

    """
    failures = []
    for address in LOOPBACK:
        try:
            return await dial(ns_fd, address, port)
        except UnavailableError as err:
            failures.append(err.message)
    raise UnavailableError(f"failed to connect to localhost:{port} inside the pod: {', '.join(failures)}")


async def dial(ns_fd: int, address: str, port: int) -> socket.socket:
    """Connect to a port; the namespace's descriptor is not needed any more once this waits.

    Raises:
        UnavailableError: nobody answers there.

    """
    is_ipv6 = ip_address(address).version == 6
    where = f"[{address}]:{port}" if is_ipv6 else f"{address}:{port}"
    family = socket.AF_INET6 if is_ipv6 else socket.AF_INET
    kind = socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
    try:
        sock = netns.open_socket(ns_fd, family, kind)
    except OSError as err:
        raise UnavailableError(f"dial tcp {where}: socket: {err.strerror}") from err
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        async with asyncio.timeout(DIAL_S):
            await asyncio.get_running_loop().sock_connect(sock, (address, port))
    except TimeoutError:
        sock.close()
        raise UnavailableError(f"dial tcp {where}: i/o timeout") from None
    except OSError as err:
        sock.close()
        why = os.strerror(err.errno or 0).lower()
        raise UnavailableError(f"dial tcp {where}: connect: {why}") from err
    except BaseException:
        sock.close()
        raise
    return sock
