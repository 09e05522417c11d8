"""[IO] Commands that the stand-in server has run in the containers of what it plays."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from netemu.agent.work import parse_container_id
from netemu.api.client import Object
from netemu.apiserver.podaccess import ExecSession
from netemu.cluster.node import NodeParts
from netemu.errors import NetemuError
from netemu.logs import Log
from netemu.naming import NodeName
from netemu.standin.errands import Errand, Outcome

log = Log(__name__)

MOST_OUTPUT_BYTES = 8 * 1024 * 1024
_READ_BYTES = 64 * 1024
_BOTH_OUTPUTS = 'exec "$@" 2>&1'


Watch = Callable[[int, Callable[[], None]], None]


class Exec(Protocol):
    """Runs a command in a container of a pod."""

    async def exec(
        self, pod: Object, container: str, argv: Sequence[str], *, stdin: bool, tty: bool
    ) -> ExecSession:
        """Start it; the descriptors belong to the caller."""
        ...


class Sender(Protocol):
    """Whoever an outcome is told."""

    async def finish(self, outcome: Outcome) -> None:
        """Tell it."""
        ...


class ErrandRunner:
    """Runs errands, each as a task of its own."""

    def __init__(self, nodes: Mapping[NodeName, NodeParts], reach: Exec, group: asyncio.TaskGroup) -> None:
        self._nodes = nodes
        self._reach = reach
        self._group = group

    def take(self, sender: Sender, errand: Errand) -> None:
        """Begin an errand."""
        self._group.create_task(self._run(sender, errand), name=f"errand {errand.number}")

    async def _run(self, sender: Sender, errand: Errand) -> None:
        try:
            outcome = await self._outcome(errand)
        except (NetemuError, OSError) as err:
            outcome = Outcome(number=errand.number, error=str(err))
        try:
            await sender.finish(outcome)
        except NetemuError as err:
            log.debug("errand.nobody_waits", number=errand.number, error=err.message)

    async def _outcome(self, errand: Errand) -> Outcome:
        uid, container, _attempt, _is_holder = parse_container_id(errand.app)
        works = (parts.agent.work_of(uid) for parts in self._nodes.values())
        work = next((each for each in works if each is not None), None)
        if work is None:
            return Outcome(number=errand.number, error=f"container {container} is gone")
        argv = ("/bin/sh", "-c", _BOTH_OUTPUTS, "sh", *errand.argv)
        session = await self._reach.exec(work.obj, container, argv, stdin=True, tty=False)
        try:
            text = await converse(session, errand.stdin)
            return Outcome(number=errand.number, text=text, code=await session.wait())
        finally:
            await session.close()


async def converse(session: ExecSession, stdin: bytes) -> bytes:
    """Write a command's whole input, and read all its output (as far as it is remembered)."""
    assert session.stdin_fd is not None
    assert session.stdout_fd is not None
    if session.stderr_fd is not None:
        os.close(session.stderr_fd)  # it writes to the other one
    async with asyncio.TaskGroup() as group:
        group.create_task(_write(session.stdin_fd, stdin))
        reading = group.create_task(_read(session.stdout_fd))
    return reading.result()


async def _write(fd: int, data: bytes) -> None:
    loop = asyncio.get_running_loop()
    try:
        while data:
            try:
                data = data[os.write(fd, data) :]
            except BlockingIOError:
                await _ready(fd, loop.add_writer, loop.remove_writer)
    except OSError:
        return  # it reads no more
    finally:
        os.close(fd)


async def _read(fd: int) -> bytes:
    loop = asyncio.get_running_loop()
    found = bytearray()
    try:
        while True:
            try:
                data = os.read(fd, _READ_BYTES)
            except BlockingIOError:
                await _ready(fd, loop.add_reader, loop.remove_reader)
                continue
            if not data:
                return bytes(found)
            found += data[: MOST_OUTPUT_BYTES - len(found)]
    finally:
        os.close(fd)


async def _ready(fd: int, add: Watch, remove: Callable[[int], bool]) -> None:
    """Wait until a descriptor can be used."""
    ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    add(fd, lambda: None if ready.done() else ready.set_result(None))
    try:
        await ready
    finally:
        remove(fd)
