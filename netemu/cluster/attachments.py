"""[IO] Containers that someone watches: one with streams, and one that only has a log."""

from __future__ import annotations

import asyncio
import os
import termios
from collections.abc import AsyncGenerator
from contextlib import aclosing

from netemu.agent.ports import Session
from netemu.apiserver.exec.pipes import write_all


class AttachedDescriptors:
    """The streams of a container's own command; the caller owns the descriptors.

    Without ``stdinOnce``, and for terminals, who has no more input has left (as containerd has it).
    """

    def __init__(self, session: Session, *, stdin_once: bool) -> None:
        self.ends_with_input = not stdin_once or session.stderr_fd is None
        self._session = session
        self.stdin_fd = session.stdin_fd
        self.stdout_fd = session.stdout_fd
        self.stderr_fd = session.stderr_fd
        is_terminal = session.stderr_fd is None and session.stdin_fd is not None
        # One of our own: the caller may close its when the input ends, and sizes still come.
        self._terminal_fd = os.dup(session.stdin_fd) if is_terminal and session.stdin_fd is not None else -1
        session.stdin_fd = session.stdout_fd = session.stderr_fd = None

    async def wait(self) -> int:
        """Return 0 when the container has ended, or when nobody watches any more."""
        return await self._session.wait()

    async def resize(self, columns: int, rows: int) -> None:
        """Tell the terminal its size; no effect without one."""
        if self._terminal_fd >= 0:
            termios.tcsetwinsize(self._terminal_fd, (rows, columns))

    async def close(self) -> None:
        """Stop watching; the container goes on."""
        if self._terminal_fd >= 0:
            os.close(self._terminal_fd)
            self._terminal_fd = -1
        await self._session.close()


class AttachedLog:
    """What a stand-in logs from now on, as if it were its standard output."""

    def __init__(self, pieces: AsyncGenerator[bytes, None]) -> None:
        self.stdin_fd: int | None = None
        self.stderr_fd: int | None = None
        self.ends_with_input = False
        self.stdout_fd: int | None
        self.stdout_fd, self._write_fd = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._pieces = pieces
        self._closed = asyncio.Event()
        self._is_waiting = False

    async def wait(self) -> int:
        """Pass the log on; return 0 when the container has ended, or after ``close``."""
        self._is_waiting = True
        try:
            async with asyncio.TaskGroup() as group:
                tasks = {group.create_task(self._pass_on()), group.create_task(self._wait_closed())}
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in tasks:
                    task.cancel()
        finally:
            os.close(self._write_fd)
        return 0

    async def resize(self, columns: int, rows: int) -> None:
        """Do nothing: there is no terminal."""

    async def close(self) -> None:
        """Stop watching."""
        self._closed.set()
        if not self._is_waiting:
            self._is_waiting = True
            os.close(self._write_fd)

    async def _pass_on(self) -> None:
        async with aclosing(self._pieces) as pieces:
            async for piece in pieces:
                if not await write_all(self._write_fd, piece):
                    return

    async def _wait_closed(self) -> None:
        await self._closed.wait()
