"""[IO] Bytes in both directions, over what is left of an HTTP connection after its upgrade."""

from __future__ import annotations

import asyncio
import contextlib
import select
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Protocol

from aiohttp import web
from aiohttp.http import WSMsgType

READ_BYTES = 64 * 1024
LINGER_S = 5.0
"""How long the peer may take to close its side, so that the last bytes are not cut off."""


class Link(Protocol):
    """A connection that carries bytes."""

    async def read(self) -> bytes:
        """Wait for bytes; empty at the end."""
        ...

    async def write(self, data: bytes) -> None:
        """Send bytes, in the order of the calls; wait while the peer is slow.

        Raises:
            ConnectionError: the peer is gone.

        """
        ...


class SocketLink:
    """What an HTTP/1.1 connection is once both sides agreed to speak something else."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def read(self) -> bytes:
        """Wait for bytes; empty at the end."""
        try:
            return await self.reader.read(READ_BYTES)
        except ConnectionError:
            return b""

    async def write(self, data: bytes) -> None:
        """Send bytes."""
        self.writer.write(data)
        await self.writer.drain()


class WebSocketLink:
    """The payloads of binary messages, one after the other (KEP-4006's tunnel)."""

    def __init__(self, ws: web.WebSocketResponse) -> None:
        self._ws = ws

    async def read(self) -> bytes:
        """Wait for bytes; empty at the end."""
        while True:
            message = await self._ws.receive()
            if message.type is WSMsgType.BINARY and message.data:
                return bytes(message.data)
            if message.type in (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR):
                return b""

    async def write(self, data: bytes) -> None:
        """Send bytes."""
        await self._ws.send_bytes(data)


@asynccontextmanager
async def switched(
    request: web.BaseRequest, response: web.StreamResponse, headers: Mapping[str, str]
) -> AsyncIterator[SocketLink]:
    """Answer with 101 and take the connection from the HTTP server, until the block ends.

    ``response`` is what the request's handler returns afterwards; nothing more is sent for it.
    """
    transport, protocol = request.transport, request.protocol
    if transport is None:
        raise ConnectionResetError("the client has gone")
    response.set_status(101)
    response.headers.update({"Connection": "Upgrade", **headers})
    await response.prepare(request)
    await response.write_eof()
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=READ_BYTES, loop=loop)
    spoken = asyncio.StreamReaderProtocol(reader, loop=loop)
    transport.set_protocol(spoken)
    spoken.connection_made(transport)
    transport.resume_reading()
    writer = asyncio.StreamWriter(transport, spoken, reader, loop)
    try:
        yield SocketLink(reader, writer)
        await _linger(reader, writer)
    finally:
        transport.abort()
        transport.set_protocol(protocol)  # the server learns from it that the connection is over


async def _linger(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Say that nothing more comes and wait for the peer to agree: a close with unread bytes is a
    reset, and takes what the peer has not read yet with it.
    """
    with contextlib.suppress(ConnectionError, TimeoutError):
        async with asyncio.timeout(LINGER_S):
            await writer.drain()
            if writer.can_write_eof():
                writer.write_eof()
            while await reader.read(READ_BYTES):
                pass


async def wait_hangup(request: web.BaseRequest) -> None:
    """Wait until the client closes its side.

    A reader finds that out too, but not while it waits for someone to take what it read.
    """
    sock: socket.socket | None = request.get_extra_info("socket")
    loop = asyncio.get_running_loop()
    if sock is None or sock.fileno() < 0:
        await loop.create_future()  # whoever reads learns it
        return
    gone = asyncio.Event()
    with select.epoll() as epoll:
        epoll.register(sock.fileno(), select.EPOLLRDHUP)
        loop.add_reader(epoll.fileno(), gone.set)
        try:
            await gone.wait()
        finally:
            loop.remove_reader(epoll.fileno())
