"""[IO] One stream of several on a connection: what the client said on it, until someone reads it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from netemu.apiserver.streams.spdy import CANCEL, Data, Frame, Headers, Reset

CHUNK_BYTES = 32 * 1024
WAITING_PIECES = 4
"""How much of a stream waits for its reader before the whole connection is read no further."""

Send = Callable[[Frame], Awaitable[None]]


class Stream:
    """A stream that the client opened; what is written to it goes to the client."""

    def __init__(self, number: int, headers: Headers, send: Send) -> None:
        self.headers = headers
        self.number = number
        self.was_reset = False
        """Whether the client gave the stream up."""
        self._send = send
        self._pieces: deque[bytes] = deque()
        self._changed = asyncio.Condition()
        self._is_complete = False
        self._is_finished = False

    @property
    def is_over(self) -> bool:
        """Whether nothing more comes or goes."""
        return self._is_complete and self._is_finished

    async def read(self) -> bytes:
        """Wait for bytes; empty at the end, also when the stream or the connection broke."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._pieces or self._is_complete)
            piece = self._pieces.popleft() if self._pieces else b""
            self._changed.notify_all()
            return piece

    async def write(self, data: bytes) -> None:
        """Send bytes; they are lost when the client gave the stream up.

        Raises:
            ConnectionError: the client is gone.

        """
        for at in range(0, len(data), CHUNK_BYTES):
            if self._is_finished:
                return
            await self._send(Data(self.number, data[at : at + CHUNK_BYTES]))

    async def finish(self) -> None:
        """Say that nothing more comes; twice is once."""
        if not self._is_finished:
            self._is_finished = True
            await self._send(Data(self.number, b"", fin=True))

    async def reset(self, status: int = CANCEL) -> None:
        """Give the stream up, if it is not over."""
        if not self.is_over:
            self._is_finished = True
            await self.end()
            await self._send(Reset(self.number, status))

    async def take(self, data: bytes, *, fin: bool) -> None:
        """Keep what came, once there is room for it."""
        async with self._changed:
            await self._changed.wait_for(lambda: len(self._pieces) < WAITING_PIECES or self._is_complete)
            if data and not self._is_complete:
                self._pieces.append(data)
            self._is_complete = self._is_complete or fin
            self._changed.notify_all()

    async def end(self, *, was_reset: bool = False) -> None:
        """Note that nothing more comes; what was kept can still be read."""
        async with self._changed:
            self.was_reset = self.was_reset or was_reset
            self._is_finished = self._is_finished or was_reset
            self._is_complete = True
            self._changed.notify_all()
