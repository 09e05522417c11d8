"""[IO] The client's end of a command: over WebSocket messages, or over SPDY streams."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Protocol

from aiohttp import web
from aiohttp.http import WSMsgType
from msgspec import Struct

from netemu.api.client import Object
from netemu.api.errors import BadRequestError
from netemu.apiserver import bodies
from netemu.apiserver.exec.channels import (
    PROTOCOLS,
    Channel,
    EndOfInput,
    Input,
    Resize,
    framed,
    from_text,
    parse_message,
    parse_resize,
    render_status,
    to_text,
)
from netemu.apiserver.streams.connection import Connection
from netemu.apiserver.streams.heartbeat import beat
from netemu.apiserver.streams.stream import Stream

STREAMS_S = 30.0
"""How long a SPDY client may take to open its streams."""
MAX_MESSAGE_BYTES = 32 << 20
"""What Kubernetes' own server takes: clients that hand over a file in one message rely on it."""
_MAX_SIZE_BYTES = 256


class Sink(Protocol):
    """Who takes what the client sends."""

    async def take(self, message: Input | EndOfInput | Resize) -> None:
        """Take one message; wait while the command is slow."""
        ...


class Wire(Protocol):
    """Carries a command's streams to and from a client."""

    async def feed(self, sink: Sink) -> None:
        """Hand over what the client sends, until it is gone."""
        ...

    async def send(self, channel: Channel, data: bytes) -> None:
        """Send output; it is lost when the client is gone."""
        ...

    async def finish(self, status: Object) -> None:
        """Say how it ended."""
        ...


class Options(Struct, frozen=True):
    """Which streams a client asks for."""

    stdin: bool
    stdout: bool
    stderr: bool
    tty: bool


def parse_options(query: Mapping[str, str]) -> Options:
    """Read which streams are wanted; a terminal has no stderr of its own.

    Raises:
        BadRequestError: none, or the query cannot be understood.

    """
    stdin, stdout, stderr, tty = (
        bodies.parse_bool(query, name) for name in ("stdin", "stdout", "stderr", "tty")
    )
    if not (stdin or stdout or stderr):
        raise BadRequestError("you must specify at least 1 of stdin, stdout, stderr")
    return Options(stdin, stdout, stderr and not tty, tty)


class WebSocketWire:
    """One message after the other, each with its channel."""

    def __init__(self, ws: web.WebSocketResponse) -> None:
        self._ws = ws
        self._protocol = ws.ws_protocol or PROTOCOLS[-2]
        self._is_text = "base64" in self._protocol

    async def feed(self, sink: Sink) -> None:
        """Hand over what the client sends, until it is gone."""
        async for message in self._ws:
            if message.type not in (WSMsgType.BINARY, WSMsgType.TEXT):
                continue
            data = message.data
            if isinstance(data, str):
                data = from_text(data) if self._is_text else data.encode()
            parsed = parse_message(data)
            if parsed is not None:
                await sink.take(parsed)

    async def send(self, channel: Channel, data: bytes) -> None:
        """Send output; it is lost when the client is gone."""
        if self._ws.closed:
            return
        with contextlib.suppress(ConnectionError):
            message = framed(channel, data)
            if self._is_text:
                await self._ws.send_str(to_text(message))
            else:
                await self._ws.send_bytes(message)

    async def finish(self, status: Object) -> None:
        """Say how it ended."""
        words = render_status(status, self._protocol)
        if words:
            await self.send(Channel.ERROR, words)


class SpdyWire:
    """A stream for each channel."""

    def __init__(self, connection: Connection, streams: Mapping[str, Stream], protocol: str) -> None:
        self._connection = connection
        self._streams = streams
        self._protocol = protocol

    async def feed(self, sink: Sink) -> None:
        """Hand over what the client sends, until it is gone."""
        async with asyncio.TaskGroup() as group:
            tasks = []
            if "stdin" in self._streams:
                tasks.append(group.create_task(self._feed_input(sink)))
            if "resize" in self._streams:
                tasks.append(group.create_task(self._feed_sizes(sink)))
            await self._connection.ended.wait()
            for task in tasks:
                task.cancel()

    async def send(self, channel: Channel, data: bytes) -> None:
        """Send output; it is lost when the client is gone."""
        stream = self._streams.get(channel.name.lower())
        if stream is None or self._connection.ended.is_set():
            return
        try:
            await stream.write(data)
        except ConnectionError:
            self._connection.ended.set()

    async def finish(self, status: Object) -> None:
        """Say how it ended."""
        with contextlib.suppress(ConnectionError):
            for name, stream in self._streams.items():
                if name != "error":
                    await stream.finish()
        await self.send(Channel.ERROR, render_status(status, self._protocol))

    async def _feed_input(self, sink: Sink) -> None:
        stream = self._streams["stdin"]
        while data := await stream.read():
            await sink.take(Input(data))
        if not self._connection.ended.is_set():
            await sink.take(EndOfInput())

    async def _feed_sizes(self, sink: Sink) -> None:
        """Read one JSON object after the other; kubectl puts a line break after each."""
        rest = b""
        while data := await self._streams["resize"].read():
            *sizes, rest = (rest + data).replace(b"}", b"}\0").split(b"\0")
            for size in sizes:
                parsed = parse_resize(size)
                if parsed is not None:
                    await sink.take(parsed)
            rest = rest[-_MAX_SIZE_BYTES:]


def expected_streams(options: Options, protocol: str) -> frozenset[str]:
    """List the streams that a client opens."""
    wanted = {
        "error": True,
        "stdin": options.stdin,
        "stdout": options.stdout,
        "stderr": options.stderr,
        "resize": options.tty and protocol.startswith(("v3.", "v4.")),
    }
    return frozenset(name for name, is_wanted in wanted.items() if is_wanted)


async def accept_streams(connection: Connection, wanted: frozenset[str]) -> dict[str, Stream] | None:
    """Wait until the client has opened its streams; ``None`` when it goes or dawdles instead."""
    streams: dict[str, Stream] = {}
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(STREAMS_S):
            while not wanted <= streams.keys():
                stream = await connection.accept()
                if stream is None:
                    return None
                streams[stream.headers.get("streamtype", "")] = stream
            return streams
    return None


@asynccontextmanager
async def websocket(
    request: web.BaseRequest, protocols: tuple[str, ...]
) -> AsyncIterator[web.WebSocketResponse]:
    """Speak WebSocket while the block runs, and close it properly after."""
    ws = web.WebSocketResponse(protocols=protocols, compress=False, max_msg_size=MAX_MESSAGE_BYTES)
    await ws.prepare(request)
    async with asyncio.TaskGroup() as group:
        beating = group.create_task(beat(ws.ping))
        try:
            yield ws
            await ws.close()
        finally:
            beating.cancel()
