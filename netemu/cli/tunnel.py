"""[IO] One connection to a port inside a pod: SPDY in a WebSocket, as kubectl has it (KEP-4006)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import IntEnum
from pathlib import Path

from netemu.api.errors import UnavailableError
from netemu.api.kinds import POD
from netemu.apiclient.connection import HINT, READ_BYTES, Connection
from netemu.apiclient.exec import upgrade
from netemu.apiclient.http import path_of
from netemu.apiclient.websocket import FrameParser, Opcode, ProtocolError, render_frame
from netemu.apiserver.streams.spdy import Data, Decoder, Encoder, Frame, Reset, SpdyError, SynStream

PROTOCOL = "SPDY/3.1+portforward.k8s.io"


class Stream(IntEnum):
    """The two streams of a connection; a client's have odd numbers."""

    ERROR = 1
    DATA = 3


class Tunnel:
    """Bytes to and from a pod's port. Reading ends when the pod has no more to say."""

    def __init__(self, connection: Connection) -> None:
        self._reader, self._writer, self._early = connection.detach()
        self._encoder = Encoder()
        self._error = b""

    async def open(self, port: int) -> None:
        """Ask for a connection."""
        for stream, kind in ((Stream.ERROR, "error"), (Stream.DATA, "data")):
            headers = {"streamtype": kind, "port": str(port), "requestid": "0"}
            await self._send(SynStream(stream, headers, fin=stream is Stream.ERROR))

    async def write(self, data: bytes) -> None:
        """Send bytes; wait while the pod is slow.

        Raises:
            OSError: the connection is gone.

        """
        await self._send(Data(Stream.DATA, data))

    async def end_input(self) -> None:
        """Say that nothing more comes."""
        await self._send(Data(Stream.DATA, b"", fin=True))

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield what the pod sends.

        Raises:
            UnavailableError: the pod's port cannot be reached, or the server went away.

        """
        async for frame in self._frames():
            match frame:
                case Data(stream=Stream.DATA, data=data) if data:
                    yield data
                case Data(stream=Stream.ERROR, data=data, fin=fin):
                    self._error += data
                    if fin:
                        break
                case Reset():
                    break
                case _:
                    pass
        if self._error:
            raise UnavailableError(self._error.decode(errors="replace"))

    async def _frames(self) -> AsyncIterator[Frame]:
        messages, decoder = FrameParser(), Decoder()
        data = self._early or await self._reader.read(READ_BYTES)
        while data:
            try:
                for message in messages.feed(data):
                    if message.opcode is Opcode.CLOSE:
                        return
                    if message.opcode is Opcode.PING:
                        self._writer.write(render_frame(Opcode.PONG, message.data))
                    elif message.opcode is Opcode.BINARY:
                        for frame in decoder.feed(message.data):
                            yield frame
            except (ProtocolError, SpdyError) as err:
                raise UnavailableError(f"the API server's answer cannot be read: {err}", hint=HINT) from err
            data = await self._reader.read(READ_BYTES)

    async def _send(self, frame: Frame) -> None:
        self._writer.write(render_frame(Opcode.BINARY, self._encoder.encode(frame)))
        await self._writer.drain()


@asynccontextmanager
async def tunnel_to_pod(socket: Path, namespace: str, pod: str, port: int) -> AsyncIterator[Tunnel]:
    """Open one connection to a pod's port, as from inside the pod.

    Raises:
        ApiError: the server refuses: no such pod, or it has no node yet.
        UnavailableError: the server cannot be reached.

    """
    connection = await Connection.open(socket)
    try:
        await upgrade(connection, path_of(POD, namespace, pod, "portforward"), PROTOCOL)
        tunnel = Tunnel(connection)
        await tunnel.open(port)
        yield tunnel
    finally:
        connection.close()
