"""[IO] TCP connections from a node to its containers, in Go's words when they fail."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from netemu.errors import NetemuError
from netemu.linux import netns

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class DialError(NetemuError):
    """Nobody answers there."""

    code = "AGENT_DIAL"


def where(host: str, port: int) -> str:
    """Give an address as Go writes it."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


async def dial(node_netns: str, host: str, port: int) -> socket.socket:
    """Connect from a node's network namespace; the caller closes the socket.

    Raises:
        DialError: nobody answers there.

    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    ns_fd = netns.open_ns(node_netns)
    try:
        sock = netns.open_socket(ns_fd, family, socket.SOCK_STREAM)
    finally:
        os.close(ns_fd)
    sock.setblocking(False)
    try:
        await asyncio.get_running_loop().sock_connect(sock, (host, port))
    except socket.gaierror as err:
        sock.close()
        raise DialError(f"dial tcp: lookup {host}: no such host") from err
    except OSError as err:
        sock.close()
        raise DialError(f"dial tcp {where(host, port)}: connect: {words(err)}") from err
    except BaseException:
        sock.close()
        raise
    return sock


@asynccontextmanager
async def connected(
    node_netns: str, host: str, port: int, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Streams]:
    """Give a connection's streams, and close them afterwards.

    Raises:
        DialError: nobody answers there.

    """
    sock = await dial(node_netns, host, port)
    try:
        streams = await asyncio.open_connection(sock=sock, ssl=tls, server_hostname=host if tls else None)
    except BaseException:
        sock.close()
        raise
    try:
        yield streams
    finally:
        streams[1].transport.abort()


def any_certificate() -> ssl.SSLContext:
    """Give what a client needs that believes every server, as probes do."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def words(err: OSError) -> str:
    """Give the kernel's word for an error, in small letters."""
    return os.strerror(err.errno).lower() if err.errno else str(err)
