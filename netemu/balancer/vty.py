"""[IO] FRR's command line on its daemons' own sockets, as vtysh speaks it.

A command ends with a zero byte; the answer is text, three zero bytes and a status, 0 for success
(FRR, ``lib/vty.c``, ``vtysh_read``).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from netemu.errors import NetemuError

WITHIN_S = 10.0
_END = b"\0\0\0"
_LONGEST_BYTES = 1 << 24


class RouterError(NetemuError):
    """A router does not answer, or does not do what it is told."""

    code = "BALANCER_ROUTER_FAILED"


class RouterAbsentError(RouterError):
    """No router listens: it is being started, or cannot be."""


class Vty:
    """A conversation with one daemon."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def ask(self, command: str) -> tuple[int, str]:
        """Type a line; give the status, and what is printed.

        Raises:
            RouterError: the daemon went, or is silent.

        """
        try:
            async with asyncio.timeout(WITHIN_S):
                self._writer.write(command.encode() + b"\0")
                text = await self._reader.readuntil(_END)
                status = await self._reader.readexactly(1)
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError) as err:
            raise RouterError(f"no answer to {command!r}: {type(err).__name__}") from err
        return status[0], text.removesuffix(_END).decode(errors="replace")


@asynccontextmanager
async def opened(socket: Path) -> AsyncIterator[Vty]:
    """Speak to the daemon that listens on a socket.

    Raises:
        RouterAbsentError: nobody does.

    """
    try:
        reader, writer = await asyncio.open_unix_connection(socket, limit=_LONGEST_BYTES)
    except OSError as err:
        raise RouterAbsentError(f"nobody listens on {socket}: {err.strerror}") from err
    try:
        vty = Vty(reader, writer)
        await vty.ask("enable")
        yield vty
    finally:
        writer.close()
