"""[IO] Carry bytes between a connection into a pod and whatever a client's connection is."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Coroutine
from typing import Any, Protocol

READ_BYTES = 32 * 1024


class Remote(Protocol):
    """The client's connection, as far away as it is."""

    async def read(self) -> bytes:
        """Wait for bytes; empty when the client has said everything."""
        ...

    async def write(self, data: bytes) -> None:
        """Send bytes."""
        ...


async def copy_both(sock: socket.socket, remote: Remote, *, half_close: bool) -> None:
    """Carry bytes both ways until the pod has said everything; the socket is closed then.

    The client's end closes the pod's input alone where the protocol can tell it from leaving
    (``half_close``), and ends everything where it cannot.
    """
    loop = asyncio.get_running_loop()

    async def up() -> None:
        while data := await remote.read():
            await loop.sock_sendall(sock, data)
        if half_close:
            sock.shutdown(socket.SHUT_WR)
        else:
            answers.cancel()

    async def down() -> None:
        while data := await loop.sock_recv(sock, READ_BYTES):
            await remote.write(data)

    try:
        async with asyncio.TaskGroup() as group:
            answers = group.create_task(_until_broken(down()))
            questions = group.create_task(_until_broken(up()))
            await asyncio.wait((answers,))
            questions.cancel()
    finally:
        sock.close()


async def _until_broken(direction: Coroutine[Any, Any, None]) -> None:
    """Carry one direction; a connection that breaks ends it like one that is closed."""
    with contextlib.suppress(OSError):
        await direction
