"""[IO] A server's side of a SPDY connection: streams that the client opens."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from netemu.apiserver.streams.heartbeat import beat
from netemu.apiserver.streams.links import Link
from netemu.apiserver.streams.spdy import (
    REFUSED_STREAM,
    Data,
    Decoder,
    Encoder,
    Frame,
    GoAway,
    Ping,
    Reset,
    SpdyError,
    SynReply,
    SynStream,
)
from netemu.apiserver.streams.stream import Stream

MAX_STREAMS = 1024
_OUR_PING = 2  # a server's have even numbers


class Connection:
    """All streams of one link; made by ``connected``, which reads it."""

    def __init__(self, link: Link) -> None:
        self.ended = asyncio.Event()
        """Set when the client said its last, or is gone."""
        self._link = link
        self._encoder = Encoder()
        self._streams: dict[int, Stream] = {}
        self._opened: asyncio.Queue[Stream | None] = asyncio.Queue()

    async def accept(self) -> Stream | None:
        """Wait for the client to open a stream; ``None`` when it opens no more."""
        stream = await self._opened.get()
        if stream is None:
            self._opened.put_nowait(None)
        return stream

    async def finish(self) -> None:
        """Say that all is said: on every stream, and about new ones."""
        with contextlib.suppress(ConnectionError):
            for stream in list(self._streams.values()):
                await stream.finish()
            await self._send(GoAway(max(self._streams, default=0)))

    async def ping(self) -> None:
        """Send a sign of life, which nobody has to answer."""
        await self._send(Ping(_OUR_PING))

    async def read(self) -> None:
        """Take what the client sends, until it is gone."""
        decoder = Decoder()
        try:
            while data := await self._link.read():
                for frame in decoder.feed(data):
                    await self._take(frame)
        except (SpdyError, ConnectionError):
            return
        finally:
            self.ended.set()
            self._opened.put_nowait(None)
            for stream in self._streams.values():
                await stream.end()

    async def _take(self, frame: Frame) -> None:
        match frame:
            case SynStream():
                await self._open(frame)
            case Data(number, data, fin) if number in self._streams:
                await self._streams[number].take(data, fin=fin)
            case Reset(number) if number in self._streams:
                await self._streams.pop(number).end(was_reset=True)
            case Ping(id) if id != _OUR_PING:
                await self._send(frame)
            case _:
                pass

    async def _open(self, frame: SynStream) -> None:
        self._forget_over()
        if frame.stream in self._streams or len(self._streams) >= MAX_STREAMS:
            await self._send(Reset(frame.stream, REFUSED_STREAM))
            return
        stream = self._streams[frame.stream] = Stream(frame.stream, frame.headers, self._send)
        if frame.fin:
            await stream.end()
        await self._send(SynReply(frame.stream, {}))
        self._opened.put_nowait(stream)

    def _forget_over(self) -> None:
        for number in [number for number, stream in self._streams.items() if stream.is_over]:
            del self._streams[number]

    async def _send(self, frame: Frame) -> None:
        # Compression and order: nothing may come between encoding a frame and writing it, and a
        # link writes before it waits.
        await self._link.write(self._encoder.encode(frame))


@asynccontextmanager
async def connected(link: Link) -> AsyncIterator[Connection]:
    """Read a connection while the block runs; then finish all of its streams."""
    connection = Connection(link)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(connection.read()), group.create_task(beat(connection.ping))]
        try:
            yield connection
            await connection.finish()
        finally:
            for task in tasks:
                task.cancel()
