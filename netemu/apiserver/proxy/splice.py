"""[IO] Join two connections: what one says, the other hears."""

from __future__ import annotations

import asyncio
import contextlib

from netemu.apiserver.proxy.exchange import READ_BYTES, Exchange
from netemu.apiserver.streams.links import SocketLink


async def splice(client: SocketLink, backend: Exchange) -> None:
    """Carry bytes both ways until one side is done in its direction and then gone in the other."""

    async def up() -> None:
        with contextlib.suppress(OSError):
            while data := await client.read():
                backend.writer.write(data)
                await backend.writer.drain()
            if backend.writer.can_write_eof():
                backend.writer.write_eof()

    async def down() -> None:
        with contextlib.suppress(OSError):
            while data := await backend.reader.read(READ_BYTES):
                await client.write(data)

    async with asyncio.TaskGroup() as group:
        asking = group.create_task(up())
        answering = group.create_task(down())
        await asyncio.wait((answering,))
        asking.cancel()
