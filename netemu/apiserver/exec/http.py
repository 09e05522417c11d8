"""[IO] exec over HTTP: a WebSocket on one side, a command's pipes or terminal on the other."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable, Mapping

from aiohttp import WSMsgType, web

from netemu.api.client import Object
from netemu.api.errors import ApiError, BadRequestError
from netemu.apiserver import bodies
from netemu.apiserver.exec.channels import (
    PROTOCOLS,
    Channel,
    EndOfInput,
    Input,
    Resize,
    exit_status,
    failure_status,
    framed,
    parse_message,
)
from netemu.apiserver.exec.pipes import Descriptors, read_some, write_all
from netemu.apiserver.podaccess import ExecSession, PodAccess
from netemu.apiserver.podcontainers import check_can_exec, choose_container

DRAIN_S = 5.0
"""How long output may still come after the command's end: children can hold its pipes open."""


async def exec_answer(request: web.BaseRequest, pod: Object, pod_access: PodAccess) -> web.StreamResponse:
    """Run a command in a container and carry its input and output until it ends.

    Raises:
        BadRequestError: the pod, the container, the command or the protocol cannot be.

    """
    check_can_exec(pod)
    container = choose_container(pod, request.query.get("container", ""))
    argv = request.query.getall("command", [])
    if not argv:
        raise BadRequestError("you must specify at least one command for the container")
    check_protocol(request)
    tty = bodies.parse_bool(request.query, "tty")
    stdin = bodies.parse_bool(request.query, "stdin")
    ws = web.WebSocketResponse(protocols=PROTOCOLS, compress=False, max_msg_size=bodies.MAX_BODY_BYTES)
    await ws.prepare(request)
    try:
        session = await pod_access.exec(pod, container, argv, stdin=stdin, tty=tty)
    except ApiError as err:
        await ws.send_bytes(failure_status(err))
    else:
        await carry(ws, session)
    await ws.close()
    return ws


def check_protocol(request: web.BaseRequest) -> None:
    """Refuse clients that do not speak WebSocket, or none of our subprotocols.

    Raises:
        BadRequestError: naming what is spoken here.

    """
    if request.headers.get("Upgrade", "").lower() != "websocket":
        raise BadRequestError(
            "exec is a WebSocket request here",
            hint="Use kubectl 1.31 or newer, or netemu exec.",
        )
    offered = {part.strip() for part in request.headers.get("Sec-WebSocket-Protocol", "").split(",")}
    if not offered.intersection(PROTOCOLS):
        raise BadRequestError(f"exec speaks {' and '.join(PROTOCOLS)}, not {', '.join(sorted(offered))}")


async def carry(ws: web.WebSocketResponse, session: ExecSession) -> None:
    """Carry messages and bytes until the command ended and all its output was sent."""
    descriptors = Descriptors(session.stdin_fd, session.stdout_fd, session.stderr_fd)
    outputs = [
        Output(ws, fd, channel)
        for fd, channel in ((session.stdout_fd, Channel.STDOUT), (session.stderr_fd, Channel.STDERR))
        if fd is not None
    ]
    try:
        async with asyncio.TaskGroup() as group:
            feeding = group.create_task(_feed(ws, session, descriptors))
            running = {group.create_task(output.run()): output for output in outputs}
            code = await session.wait()
            await _drain(running)
            feeding.cancel()
        if not ws.closed:
            await ws.send_bytes(exit_status(code))
    finally:
        descriptors.close_all()
        await session.close()


class Output:
    """One of a command's outputs on its way to the client."""

    def __init__(self, ws: web.WebSocketResponse, fd: int, channel: Channel) -> None:
        self._ws = ws
        self._fd = fd
        self._channel = channel
        self.is_silent = False
        """True while it waits for the command, not for the client."""

    async def run(self) -> None:
        """Send everything; when the client is gone, only empty the pipe."""
        while data := await self._read():
            if not self._ws.closed:
                with contextlib.suppress(ConnectionError):  # the feeder sees it and ends the command
                    await self._ws.send_bytes(framed(self._channel, data))

    async def _read(self) -> bytes:
        self.is_silent = True
        try:
            return await read_some(self._fd)
        finally:
            self.is_silent = False


async def _drain(running: Mapping[asyncio.Task[None], Output]) -> None:
    """Wait for the outputs' ends: as long as the client needs, but not for silent children."""
    late: Iterable[asyncio.Task[None]] = running.keys()
    while late:
        _, late = await asyncio.wait(late, timeout=DRAIN_S)
        for task in late:
            if running[task].is_silent:
                task.cancel()


async def _feed(ws: web.WebSocketResponse, session: ExecSession, descriptors: Descriptors) -> None:
    """Hand the client's messages to the command, and end the command when the client goes."""
    stdin = session.stdin_fd
    is_terminal = stdin is not None and stdin == session.stdout_fd  # one descriptor for both ways
    async for message in ws:
        if message.type not in (WSMsgType.BINARY, WSMsgType.TEXT):
            continue
        data = message.data.encode() if isinstance(message.data, str) else message.data
        match parse_message(data):
            case Input(given) if stdin is not None:
                if not await write_all(stdin, given):
                    stdin = None
            case EndOfInput() if stdin is not None and not is_terminal:
                descriptors.close(stdin)
                stdin = None
            case Resize(columns, rows):
                await session.resize(columns, rows)
            case _:
                pass
    await session.close()
