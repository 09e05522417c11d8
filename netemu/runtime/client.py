"""The agent's side of a shim: containers, programs in them, programs in the node."""

from __future__ import annotations

import asyncio
import fcntl
import os
import struct
import termios
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from netemu.runtime.connection import Connection, Reply
from netemu.runtime.container import ContainerSpec, ContainerState, Limits
from netemu.runtime.errors import DisconnectedError


class ShimInfo(NamedTuple):
    """Who answered: ``pid`` is what ``nsenter --target`` takes to enter the node."""

    pid: int
    node: str
    containers: tuple[ContainerState, ...]


class ContainerStats(NamedTuple):
    """Processor time since a container's start, its working set (what a memory limit counts), and whether
    it has written all that its limit lets it.
    """

    cpu_s: float
    memory_bytes: int
    is_disk_full: bool = False


class Completed(NamedTuple):
    """What a program did that was run to its end."""

    exit_code: int
    stdout: bytes
    stderr: bytes


class ExecSession:
    """A program that runs in a container or in a node, and the ends of its streams.

    With a terminal, ``stdin_fd`` and ``stdout_fd`` are the same terminal's master side and
    ``stderr_fd`` is None. The descriptors are non-blocking and belong to the session: whoever
    closes one early (end of input) calls ``close_stdin``.
    """

    def __init__(
        self, connection: Connection, exec_id: str, *, tty: bool, streams: tuple[int | None, ...]
    ) -> None:
        self._connection = connection
        self._id = exec_id
        self.tty = tty
        self.stdin_fd, self.stdout_fd, self.stderr_fd = streams
        for fd in streams:
            if fd is not None:
                os.set_blocking(fd, False)
        self._ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        connection.listen(exec_id, self._take_end)

    async def wait(self) -> int:
        """Wait for the program's end and give its exit code (128 + signal if one ended it).

        Raises:
            DisconnectedError: the shim went away first, and with it the program.

        """
        return await asyncio.shield(self._ended)

    async def resize(self, columns: int, rows: int) -> None:
        """Tell the terminal its size; nothing happens without one."""
        if self.tty and self.stdout_fd is not None:
            fcntl.ioctl(self.stdout_fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def close_stdin(self) -> None:
        """End the program's input."""
        if self.stdin_fd is not None:
            os.close(self.stdin_fd)
            self.stdin_fd = None

    async def close(self) -> None:
        """Close the streams and kill what still runs. Idempotent."""
        self.close_stdin()
        for name in ("stdout_fd", "stderr_fd"):
            if (fd := getattr(self, name)) is not None:
                os.close(fd)
                setattr(self, name, None)
        if not self._ended.done():
            with suppress(DisconnectedError):
                await self._connection.call("exec_kill", exec=self._id)

    def _take_end(self, message: dict[str, Any]) -> None:
        if self._ended.done():
            return
        if message:
            self._ended.set_result(message["exit_code"])
        else:
            self._ended.set_exception(DisconnectedError("the node's shim went away"))
            self._ended.exception()  # whoever waits gets it; nobody has to


class ShimClient:
    """A connection to one node's shim; made by ``connect``."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @classmethod
    async def connect(cls, path: Path) -> ShimClient:
        """Connect to a shim's control socket.

        Raises:
            DisconnectedError: nobody listens there.

        """
        return cls(await Connection.open(path))

    @property
    def is_closed(self) -> bool:
        """Whether the shim went away, or ``close`` was called."""
        return self._connection.is_closed

    async def hello(self) -> ShimInfo:
        """Ask who is there and what runs."""
        result = (await self._connection.call("hello")).result
        return ShimInfo(result["pid"], result["node"], _states(result["containers"]))

    async def create(self, spec: ContainerSpec) -> ContainerState:
        """Start a container.

        One whose command cannot be started is not an error here: its state says "StartError".

        Raises:
            ContainerExistsError: its id is taken, also by one that ended and was not removed.

        """
        reply = await self._connection.call("create", spec=msgspec.to_builtins(spec))
        return msgspec.convert(reply.result, ContainerState)

    async def list(self) -> tuple[ContainerState, ...]:
        """List every container that was not removed."""
        return _states((await self._connection.call("list")).result)

    async def stats(self) -> dict[str, ContainerStats]:
        """Tell what each running container has used, by its identifier."""
        reply = await self._connection.call("stats")
        full = set(reply.result["full"])
        return {
            id: ContainerStats(cpu_s, int(memory), id in full)
            for id, (cpu_s, memory) in reply.result["used"].items()
        }

    async def signal(self, container_id: str, signum: int) -> None:
        """Send a signal to a container's pid 1; nothing happens if it ended.

        Raises:
            ContainerNotFoundError: there is none.

        """
        await self._connection.call("signal", container=container_id, signum=signum)

    async def limit(self, container_id: str, limits: Limits) -> None:
        """Change what a running container may use, where the machine can tell.

        Raises:
            ContainerNotFoundError: there is none.

        """
        await self._connection.call("limit", container=container_id, limits=msgspec.to_builtins(limits))

    async def remove(self, container_id: str) -> None:
        """Kill what is left of a container and forget it. Idempotent."""
        await self._connection.call("remove", container=container_id)

    async def exec(
        self,
        container_id: str,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: str = "",
        tty: bool = False,
        stdin: bool = False,
    ) -> ExecSession:
        """Start a program inside a running container; ``env`` adds to the container's own.

        Raises:
            ContainerNotFoundError: there is none.
            ControlError: it does not run.

        """
        reply = await self._connection.call(
            "exec",
            container=container_id,
            argv=list(argv),
            env=dict(env or {}),
            cwd=cwd,
            tty=tty,
            stdin=stdin,
        )
        return self._session(reply, tty=tty)

    async def attach(self, container_id: str, *, stdin: bool = False) -> ExecSession:
        """Watch a running container; ``wait`` gives 0 at its end, ``close`` leaves it running.

        With a terminal, ``stdin_fd`` is its master side, and ``stdout_fd`` a pipe.

        Raises:
            ContainerNotFoundError: there is none.
            ControlError: it does not run.

        """
        reply = await self._connection.call("attach", container=container_id, stdin=stdin)
        fds = list(reply.fds)
        stdin_fd = fds.pop() if reply.result["stdin"] else None
        stdout_fd, stderr_fd = (fds[0], None) if reply.result["tty"] else fds
        streams = (stdin_fd, stdout_fd, stderr_fd)
        return ExecSession(self._connection, reply.result["exec"], tty=reply.result["tty"], streams=streams)

    async def start(
        self, argv: Sequence[str], *, env: Mapping[str, str] | None = None, tty: bool = False
    ) -> ExecSession:
        """Start a program in the node's namespaces, with this environment and nothing else."""
        reply = await self._connection.call("run", argv=list(argv), env=dict(env or {}), tty=tty)
        return self._session(reply, tty=tty)

    async def run(
        self, argv: Sequence[str], *, env: Mapping[str, str] | None = None, stdin: bytes = b""
    ) -> Completed:
        """Run a program in the node's namespaces to its end; cancelling kills it."""
        session = await self.start(argv, env=env)
        try:
            return await _communicate(session, stdin)
        finally:
            await session.close()

    async def bind_netns(self, name: str) -> None:
        """Show a network namespace of the machine as /run/netns/NAME inside the node. Idempotent."""
        await self._connection.call("bind_netns", name=name)

    async def unbind_netns(self, name: str) -> None:
        """Take that name away again. Idempotent."""
        await self._connection.call("unbind_netns", name=name)

    async def set_sysctls(self, netns: str, sysctls: Mapping[str, str]) -> None:
        """Set sysctls of a network namespace of the machine.

        Raises:
            ControlError: the kernel has no such sysctl, or not this value for it.

        """
        await self._connection.call("set_sysctls", netns=netns, sysctls=dict(sysctls))

    def events(self) -> AsyncIterator[ContainerState]:
        """Yield the state of every container that ends, until the shim goes away."""
        return self._connection.exited()

    async def close(self) -> None:
        """Close the connection; containers are not touched, programs that we started end."""
        self._connection.close()

    def _session(self, reply: Reply, *, tty: bool) -> ExecSession:
        streams = (os.dup(reply.fds[0]), reply.fds[0], None) if tty else reply.fds
        return ExecSession(self._connection, reply.result["exec"], tty=tty, streams=streams)


def _states(raw: list[dict[str, Any]]) -> tuple[ContainerState, ...]:
    return msgspec.convert(raw, tuple[ContainerState, ...])


async def _communicate(session: ExecSession, stdin: bytes) -> Completed:
    """Feed a program and read what it says, all at once, so that no full pipe stops it."""
    if session.stdout_fd is None or session.stderr_fd is None:
        raise ValueError("a session with a terminal has no separate streams")
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_feed(session, stdin))
        stdout = tasks.create_task(_read_all(session.stdout_fd))
        stderr = tasks.create_task(_read_all(session.stderr_fd))
    return Completed(await session.wait(), stdout.result(), stderr.result())


async def _feed(session: ExecSession, data: bytes) -> None:
    if session.stdin_fd is not None:
        with suppress(BrokenPipeError):
            await _write_all(session.stdin_fd, data)
        session.close_stdin()


async def _write_all(fd: int, data: bytes) -> None:
    loop, left = asyncio.get_running_loop(), memoryview(data)
    while left:
        try:
            left = left[os.write(fd, left) :]
        except BlockingIOError:
            await _ready(fd, loop.add_writer, loop.remove_writer)


async def _read_all(fd: int) -> bytes:
    loop, chunks = asyncio.get_running_loop(), bytearray()
    while True:
        try:
            chunk = os.read(fd, 65536)
        except BlockingIOError:
            await _ready(fd, loop.add_reader, loop.remove_reader)
            continue
        if not chunk:
            return bytes(chunks)
        chunks += chunk


async def _ready(fd: int, add: Callable[..., Any], remove: Callable[[int], Any]) -> None:
    ready = asyncio.Event()
    add(fd, ready.set)
    try:
        await ready.wait()
    finally:
        remove(fd)
