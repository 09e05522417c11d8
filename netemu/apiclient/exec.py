"""[IO] Run a command in a container, over the API: the client's side of ``v5.channel.k8s.io``."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal, NamedTuple
from urllib.parse import urlencode

import h11
import msgspec

from netemu.api.client import Object
from netemu.api.errors import ApiError, UnavailableError
from netemu.api.kinds import POD
from netemu.api.status import error_of
from netemu.apiclient.connection import HINT, READ_BYTES, Connection
from netemu.apiclient.http import path_of
from netemu.apiclient.websocket import (
    FrameParser,
    Message,
    Opcode,
    ProtocolError,
    accept_of,
    new_key,
    render_frame,
)

PROTOCOL = "v5.channel.k8s.io"
STDIN, STDOUT, STDERR, ERROR, RESIZE, CLOSE = 0, 1, 2, 3, 4, 255


class Output(NamedTuple):
    """Bytes that the command wrote."""

    stream: Literal["stdout", "stderr"]
    data: bytes


class RemoteCommand:
    """A command that runs in a container. Read ``outputs`` to its end, then ``exit_code``."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._reader, self._writer, self._early = connection.detach()
        self._status: Object | None = None

    @property
    def exit_code(self) -> int:
        """The command's exit code.

        Raises:
            ApiError: it could not be started, or its end was never heard of.

        """
        status = self._status
        if status is None:
            raise UnavailableError("the connection ended before the command did", hint=HINT)
        if status.get("status") == "Success":
            return 0
        causes = (status.get("details") or {}).get("causes") or ()
        codes = [cause["message"] for cause in causes if cause.get("reason") == "ExitCode"]
        if not codes:
            raise error_of(status)
        return int(codes[0])

    async def write(self, data: bytes) -> None:
        """Send bytes to the command's standard input; wait while it is slow."""
        await self._send(STDIN, data)

    async def end_input(self) -> None:
        """Tell the command that its standard input is complete."""
        await self._send(CLOSE, bytes((STDIN,)))

    async def resize(self, columns: int, rows: int) -> None:
        """Tell the command's terminal its size."""
        await self._send(RESIZE, msgspec.json.encode({"Width": columns, "Height": rows}))

    async def outputs(self) -> AsyncIterator[Output]:
        """Yield what the command writes, until it ends.

        Raises:
            UnavailableError: the server does not speak WebSocket.

        """
        parser = FrameParser()
        data = self._early or await self._read()
        while data:
            try:
                messages = list(parser.feed(data))
            except ProtocolError as err:
                raise UnavailableError(f"the API server's answer cannot be read: {err}") from err
            for message in messages:
                if message.opcode is Opcode.CLOSE:
                    self._writer.write(render_frame(Opcode.CLOSE, message.data))
                    return
                output = self._understood(message)
                if output is not None:
                    yield output
            data = await self._read()

    def _understood(self, message: Message) -> Output | None:
        if message.opcode is Opcode.PING:
            self._writer.write(render_frame(Opcode.PONG, message.data))
        if message.opcode is not Opcode.BINARY or len(message.data) < 2:
            return None
        channel, data = message.data[0], message.data[1:]
        if channel == ERROR:
            self._status = msgspec.json.decode(data)
            return None
        return Output("stderr" if channel == STDERR else "stdout", data)

    async def _read(self) -> bytes:
        try:
            return await self._reader.read(READ_BYTES)
        except OSError:
            return b""  # ``exit_code`` says what this means

    async def _send(self, channel: int, data: bytes) -> None:
        self._writer.write(render_frame(Opcode.BINARY, bytes((channel,)) + data))
        try:
            await self._writer.drain()
        except OSError:
            return  # the command ended: the reader learns how


@asynccontextmanager
async def exec_in_pod(
    socket: Path,
    namespace: str,
    pod: str,
    argv: Sequence[str],
    *,
    container: str = "",
    stdin: bool = False,
    tty: bool = False,
) -> AsyncIterator[RemoteCommand]:
    """Start a command; leaving the block ends it.

    Raises:
        ApiError: the server refuses: no such pod or container, or a choice is needed.
        UnavailableError: the server cannot be reached.

    """
    query = [("command", word) for word in argv] + _streams(container, stdin=stdin, tty=tty)
    async with _remote(socket, path_of(POD, namespace, pod, "exec"), query) as command:
        yield command


@asynccontextmanager
async def attach_to_pod(
    socket: Path, namespace: str, pod: str, *, container: str = "", stdin: bool = False, tty: bool = False
) -> AsyncIterator[RemoteCommand]:
    """Join a container's own command; leaving the block leaves it running.

    Raises:
        ApiError, UnavailableError: as for ``exec_in_pod``.

    """
    query = _streams(container, stdin=stdin, tty=tty)
    async with _remote(socket, path_of(POD, namespace, pod, "attach"), query) as command:
        yield command


@asynccontextmanager
async def _remote(socket: Path, path: str, query: Sequence[tuple[str, str]]) -> AsyncIterator[RemoteCommand]:
    connection = await Connection.open(socket)
    try:
        await upgrade(connection, f"{path}?{urlencode(query)}", PROTOCOL)
        yield RemoteCommand(connection)
    finally:
        connection.close()


async def upgrade(connection: Connection, target: str, protocol: str) -> None:
    """Ask for WebSocket with a subprotocol.

    Raises:
        ApiError: the server refuses, and says why.
        UnavailableError: it is no server of WebSockets.

    """
    key = new_key()
    headers = [
        ("Host", "netemu"),
        ("Connection", "Upgrade"),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", key),
        ("Sec-WebSocket-Protocol", protocol),
    ]
    head = await connection.send("GET", target, headers, b"")
    if not isinstance(head, h11.InformationalResponse):
        content = b"".join([piece async for piece in connection.pieces()])
        raise _refusal(content, head.status_code)
    if dict(head.headers).get(b"sec-websocket-accept", b"").decode() != accept_of(key):
        raise UnavailableError("the API server's WebSocket handshake is wrong", hint=HINT)


def _streams(container: str, *, stdin: bool, tty: bool) -> list[tuple[str, str]]:
    query = [("stdout", "true"), ("stderr", "false" if tty else "true")]
    query += [(name, "true") for name, wanted in (("stdin", stdin), ("tty", tty)) if wanted]
    return [*query, ("container", container)] if container else query


def _refusal(content: bytes, http_status: int) -> ApiError:
    try:
        return error_of(msgspec.json.decode(content, type=dict), http_status)
    except msgspec.DecodeError:
        return ApiError(f"the API server answered with status {http_status}")
