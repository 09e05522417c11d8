"""A registry over a store in memory, with a clock that stands still until told."""

from __future__ import annotations

import asyncio
import os
import pty
import random
import socket
import tty as tty_module
from collections.abc import Awaitable, Callable

import pytest

from netemu.api.errors import ApiError
from netemu.api.kinds import NAMESPACE
from netemu.apiclient.http import HttpClient
from netemu.apiserver.http import serve
from netemu.apiserver.registry import Registry
from netemu.settings import Settings
from netemu.testing.memory_store import MemoryStore

START_S = 1_700_000_000.0  # 2023-11-14T22:13:20Z


class Clock:
    """A moment that tests move."""

    def __init__(self) -> None:
        self.now_s = START_S

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def registry(store: MemoryStore, clock: Clock) -> Registry:
    made = Registry(store, Settings(), clock, rng=random.Random(1))
    asyncio.run(made.create(NAMESPACE, {"metadata": {"name": "default"}}))
    return made


class PipedSession:
    """A command that a test plays: it holds the other ends of the pipes."""

    def __init__(self, *, stdin: bool, tty: bool) -> None:
        self.sizes: list[tuple[int, int]] = []
        self.closed = False
        self.ends_with_input = False
        self._ended = asyncio.Event()
        self._code = 0
        self.command_in = self.command_out = self.command_err = -1
        if tty:
            master, self.command_out = pty.openpty()
            tty_module.setraw(self.command_out)
            self.command_in = self.command_out
            self.stdin_fd, self.stdout_fd, self.stderr_fd = master, master, None
            return
        self.stdin_fd = None
        if stdin:
            self.command_in, self.stdin_fd = os.pipe()
        self.stdout_fd, self.command_out = os.pipe()
        self.stderr_fd, self.command_err = os.pipe()

    def end(self, code: int) -> None:
        """Play the command's end."""
        for fd in {self.command_in, self.command_out, self.command_err} - {-1}:
            os.close(fd)
        self._code = code
        self._ended.set()

    async def wait(self) -> int:
        await self._ended.wait()
        return self._code

    async def resize(self, columns: int, rows: int) -> None:
        self.sizes.append((columns, rows))

    async def close(self) -> None:
        if not self.closed and not self._ended.is_set():
            self.end(137)
        self.closed = True


class PlayedPods:
    """Pods whose commands and logs a test plays."""

    def __init__(self) -> None:
        self.log = [b"one\n", b"two\n"]
        self.log_closed = asyncio.Event()
        self.play: Callable[[PipedSession], Awaitable[None]] | None = None
        self.refusal: ApiError | None = None
        self.calls: list[tuple[object, ...]] = []
        self.sessions: list[PipedSession] = []
        self.group: asyncio.TaskGroup | None = None
        self.backend_port = 0

    async def exec(self, pod, container, argv, *, stdin, tty):
        self.calls.append((pod["metadata"]["name"], container, tuple(argv), stdin, tty))
        if self.refusal is not None:
            raise self.refusal
        session = PipedSession(stdin=stdin, tty=tty)
        self.sessions.append(session)
        self.group.create_task(self.play(session))
        return session

    async def attach(self, pod, container, *, stdin):
        return await self.exec(pod, container, ["attached"], stdin=stdin, tty=False)

    async def dial(self, pod, port):
        self.calls.append((pod["metadata"]["name"], port))
        if self.refusal is not None:
            raise self.refusal
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        theirs.setblocking(False)
        self.group.create_task(self.play(theirs))
        return ours

    async def dial_from_node(self, node, address, port):
        self.calls.append((node, address, port))
        if self.refusal is not None:
            raise self.refusal
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", self.backend_port))
        return sock

    async def logs(self, pod, container, options):
        self.calls.append((pod["metadata"]["name"], container, options))
        if self.refusal is not None:
            raise self.refusal
        return self._pieces(is_endless=options.follow)

    async def _pieces(self, *, is_endless):
        try:
            for piece in self.log:
                yield piece
            if is_endless:
                await asyncio.Event().wait()
        finally:
            self.log_closed.set()


@pytest.fixture
def pods() -> PlayedPods:
    return PlayedPods()


@pytest.fixture
async def served(registry, pods, socket_path, clock):
    async with asyncio.TaskGroup() as group, serve(registry, pods, socket_path, clock=clock):
        pods.group = group
        yield socket_path


@pytest.fixture
async def http(served):
    client = HttpClient(served)
    yield client
    await client.close()
