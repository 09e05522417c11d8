"""[IO] Carry a command's input and output between its descriptors and a client."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping

from netemu.apiserver.exec.channels import Channel, EndOfInput, Input, Resize, exit_status
from netemu.apiserver.exec.pipes import Descriptors, read_some, write_all
from netemu.apiserver.exec.wires import Options, Wire
from netemu.apiserver.podaccess import ExecSession

DRAIN_S = 5.0
"""How long output may still come after the command's end: children can hold its pipes open."""


async def carry(
    wire: Wire, session: ExecSession, options: Options, hangup: Callable[[], Awaitable[None]]
) -> None:
    """Carry messages and bytes until the command ended and all its output was sent.

    ``hangup`` returns when the client is gone, whatever else waits for it: the command ends then.
    """
    descriptors = Descriptors(session.stdin_fd, session.stdout_fd, session.stderr_fd)
    wanted = {
        Channel.STDOUT: (session.stdout_fd, options.stdout),
        Channel.STDERR: (session.stderr_fd, options.stderr),
    }
    outputs = [
        Output(wire if is_wanted else None, fd, channel)
        for channel, (fd, is_wanted) in wanted.items()
        if fd is not None
    ]
    try:
        async with asyncio.TaskGroup() as group:
            watching = [
                group.create_task(_then_close(session, wire.feed(Feeder(session, descriptors)))),
                group.create_task(_then_close(session, hangup())),
            ]
            running = {group.create_task(output.run()): output for output in outputs}
            code = await session.wait()
            await _drain(running)
            for task in watching:
                task.cancel()
        await wire.finish(exit_status(code))
    finally:
        descriptors.close_all()
        await session.close()


class Output:
    """One of a command's outputs on its way to the client, or to nobody."""

    def __init__(self, wire: Wire | None, fd: int, channel: Channel) -> None:
        self._wire = wire
        self._fd = fd
        self._channel = channel
        self.is_silent = False
        """True while it waits for the command, not for the client."""

    async def run(self) -> None:
        """Send everything; when the client is gone, only empty the pipe."""
        while data := await self._read():
            if self._wire is not None:
                await self._wire.send(self._channel, data)

    async def _read(self) -> bytes:
        self.is_silent = True
        try:
            return await read_some(self._fd)
        finally:
            self.is_silent = False


class Feeder:
    """Hands the client's messages to the command."""

    def __init__(self, session: ExecSession, descriptors: Descriptors) -> None:
        self._session = session
        self._descriptors = descriptors
        self._stdin = session.stdin_fd
        self._is_terminal = session.stdin_fd is not None and session.stdin_fd == session.stdout_fd

    async def take(self, message: Input | EndOfInput | Resize) -> None:
        """Take one message; wait while the command does not read."""
        match message:
            case Input(data) if self._stdin is not None:
                if not await write_all(self._stdin, data):
                    self._stdin = None
            case EndOfInput() if self._stdin is not None and not self._is_terminal:
                self._descriptors.close(self._stdin)
                self._stdin = None
                if self._session.ends_with_input:
                    await self._session.close()
            case Resize(columns, rows):
                await self._session.resize(columns, rows)
            case _:
                pass


async def _then_close(session: ExecSession, gone: Awaitable[None]) -> None:
    await gone
    await session.close()


async def _drain(running: Mapping[asyncio.Task[None], Output]) -> None:
    """Wait for the outputs' ends: as long as the client needs, but not for silent children."""
    late: Iterable[asyncio.Task[None]] = running.keys()
    while late:
        _, late = await asyncio.wait(late, timeout=DRAIN_S)
        for task in late:
            if running[task].is_silent:
                task.cancel()
