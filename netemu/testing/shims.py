"""A shim's containers, driven to their end: what tests of containers share."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from netemu.runtime.client import ExecSession, ShimClient
from netemu.runtime.container import ContainerSpec, ContainerState
from netemu.runtime.errors import DisconnectedError
from netemu.runtime.logs import read_log


async def connect(places: Path) -> ShimClient:
    """Connect to the shim of these places, once it listens."""
    async with asyncio.timeout(60):
        while True:
            try:
                return await ShimClient.connect(places / "run/nodes/node-1/shim.sock")
            except DisconnectedError:
                await asyncio.sleep(0.01)


def processes() -> set[int]:
    """List what runs; zombies do not."""
    return {int(name) for name in os.listdir("/proc") if name.isdecimal() and not is_zombie(name)}


def is_zombie(pid: str) -> bool:
    """Tell whether a process ended, or is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def eventually_equal(look: Callable[[], object], wanted: object) -> bool:
    """Look for up to 30 s until something is as wanted."""
    deadline = 3000
    while look() != wanted and deadline:
        deadline -= 1
        os.sched_yield()
        signal.sigtimedwait([], 0.01)
    return look() == wanted


async def run_to_end(client: ShimClient, wanted: ContainerSpec) -> tuple[ContainerState, str]:
    """Run a container to its end; give its last state and what it said."""
    ended = client.events()
    await client.create(wanted)
    async with asyncio.timeout(60):
        state = await anext(ended)
    said = b"".join([chunk async for chunk in read_log(Path(wanted.log_path))])
    return state, said.decode()


async def end_of(session: ExecSession) -> tuple[int, bytes, bytes]:
    """Wait for a program and read what it said (little, so that no pipe fills)."""
    async with asyncio.timeout(60):
        code = await session.wait()
    said = [read_all(fd) for fd in (session.stdout_fd, session.stderr_fd)]
    await session.close()
    return code, said[0], said[1]


def read_all(fd: int | None) -> bytes:
    """Read what an ended program left; a terminal without anyone on its other side ends in EIO."""
    said = b""
    with suppress(OSError):
        while fd is not None and (chunk := os.read(fd, 65536)):
            said += chunk
    return said


async def eventually_says(log_path: str, word: str) -> None:
    """Wait until a word is in a log."""
    async with asyncio.timeout(60):
        async for chunk in read_log(Path(log_path), follow=True, ended=lambda: False):
            if word.encode() in chunk:
                return


def only_where(holds: bool) -> Callable[[Callable[..., object]], Callable[..., object]]:
    """Leave a test out where the machine has not what it is about; `netemu doctor` says so there."""

    def mark(test: Callable[..., object]) -> Callable[..., object]:
        vars(test)["__test__"] = holds
        return test

    return mark


def has_users() -> bool:
    """Tell whether there are users beside root: in a user namespace of an ordinary user there is none."""
    return int(Path("/proc/self/uid_map").read_text().split()[2]) > 1
