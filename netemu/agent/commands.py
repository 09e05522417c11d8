"""[IO] Commands of probes and hooks, run in a container to their end."""

from __future__ import annotations

import asyncio
import os

from netemu.agent.asking import Output
from netemu.agent.containers import Containers
from netemu.agent.ports import Session
from netemu.agent.work import PodWork
from netemu.api.views.core import Pod

OUTPUT_BYTES = 10 * 1024
"""How much of a command's output is kept, as by a kubelet."""


async def run_command(
    containers: Containers, work: PodWork, pod: Pod, container: str, argv: tuple[str, ...]
) -> Output:
    """Run a command; cancelling ends it.

    Raises:
        NetemuError: the container does not run, or the shim cannot be asked.

    """
    session = await containers.exec(work, pod, container, argv, stdin=False, tty=False)
    try:
        said = await _read(session)
        return Output(await session.wait(), said)
    finally:
        await session.close()


async def _read(session: Session) -> str:
    """Read what a command says until it closes its outputs; what is too much is dropped."""
    said = bytearray()
    async with asyncio.TaskGroup() as group:
        for fd in (session.stdout_fd, session.stderr_fd):
            if fd is not None:
                group.create_task(_read_one(fd, said))
    return said[:OUTPUT_BYTES].decode(errors="replace")


async def _read_one(fd: int, said: bytearray) -> None:
    loop = asyncio.get_running_loop()
    while True:
        try:
            piece = os.read(fd, 65536)
        except BlockingIOError:
            readable = asyncio.Event()
            loop.add_reader(fd, readable.set)
            try:
                await readable.wait()
            finally:
                loop.remove_reader(fd)
            continue
        if not piece:
            return
        if len(said) < OUTPUT_BYTES:
            said += piece
