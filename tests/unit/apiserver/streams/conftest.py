"""A client that speaks SPDY after an upgrade, as kubectl did before WebSockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import pytest

from netemu.api.kinds import POD
from netemu.apiserver.streams.spdy import Data, Decoder, Encoder, Reset, SynStream


class SpdyClient:
    """Streams by number; what came on each, and which ended."""

    def __init__(self, read, write) -> None:
        self._read = read
        self._write = write
        self._encoder = Encoder()
        self._decoder = Decoder()
        self._next = 1
        self.data: dict[int, bytes] = {}
        self.ended: set[int] = set()
        self.reset: set[int] = set()

    async def open(self, *, fin=False, **headers) -> int:
        number, self._next = self._next, self._next + 2
        await self._write(self._encoder.encode(SynStream(number, headers, fin)))
        self.data[number] = b""
        return number

    async def send(self, number, data, *, fin=False) -> None:
        await self._write(self._encoder.encode(Data(number, data, fin)))

    async def give_up(self, number) -> None:
        await self._write(self._encoder.encode(Reset(number)))

    async def until(self, condition) -> None:
        """Read until something holds of what came."""
        async with asyncio.timeout(60):
            while not condition():
                data = await self._read()
                assert data, "the server ended the connection"
                for frame in self._decoder.feed(data):
                    self._take(frame)

    async def end_of(self, number) -> bytes:
        await self.until(lambda: number in self.ended)
        return self.data[number]

    def _take(self, frame) -> None:
        match frame:
            case Data(number, data, fin):
                self.data[number] += data
                self.ended |= {number} if fin else set()
            case Reset(number):
                self.reset.add(number)


@asynccontextmanager
async def upgraded(path, target, *versions) -> AsyncIterator[tuple[str, asyncio.StreamReader, object]]:
    """Ask for SPDY and give the answer's head and the connection."""
    reader, writer = await asyncio.open_unix_connection(path)
    head = f"POST {target} HTTP/1.1\r\nHost: api\r\nContent-Length: 0\r\n"
    head += "Connection: Upgrade\r\nUpgrade: SPDY/3.1\r\n"
    head += "".join(f"X-Stream-Protocol-Version: {version}\r\n" for version in versions)
    writer.write(f"{head}\r\n".encode())
    answer = await reader.readuntil(b"\r\n\r\n")
    try:
        yield answer.decode(), reader, writer
    finally:
        writer.close()


@pytest.fixture
def ask(served):
    """Give a function that asks for SPDY."""
    return partial(upgraded, served)


@pytest.fixture
def spdy(served):
    """Give a function that upgrades a request and gives a client."""

    @asynccontextmanager
    async def connect(target, *versions):
        async with upgraded(served, target, *versions) as (head, reader, writer):
            assert head.startswith("HTTP/1.1 101"), head

            async def write(data):
                writer.write(data)
                await writer.drain()

            client = SpdyClient(lambda: reader.read(65536), write)
            client.head, client.writer = head, writer
            yield client

    return connect


@pytest.fixture
async def running_pod(registry):
    spec = {"containers": [{"name": "c", "image": "nginx"}], "nodeName": "node-1"}
    await registry.create(POD, {"metadata": {"name": "p", "namespace": "default"}, "spec": spec})
    await registry.patch(POD, "default", "p", {"status": {"phase": "Running"}}, subresource="status")
