"""[IO] Pipes and terminals through the event loop: non-blocking reads and writes."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
from collections.abc import Callable

CHUNK_BYTES = 32 * 1024


class Descriptors:
    """Descriptors that are closed exactly once, whoever is first."""

    def __init__(self, *fds: int | None) -> None:
        self._open = {fd for fd in fds if fd is not None}
        for fd in self._open:
            os.set_blocking(fd, False)

    def close(self, fd: int) -> None:
        """Close one; twice is once."""
        if fd in self._open:
            self._open.discard(fd)
            os.close(fd)

    def close_all(self) -> None:
        """Close what is still open."""
        for fd in tuple(self._open):
            self.close(fd)


async def read_some(fd: int) -> bytes:
    """Wait for output and read it; empty at its end."""
    while True:
        try:
            return os.read(fd, CHUNK_BYTES)
        except BlockingIOError:
            await _ready(fd, asyncio.get_running_loop().add_reader, asyncio.get_running_loop().remove_reader)
        except OSError as err:
            if err.errno == errno.EIO:  # a terminal's master when nobody has the other side open
                return b""
            raise


async def write_all(fd: int, data: bytes) -> bool:
    """Write everything, waiting while the reader is slow; false when nobody reads any more."""
    left = memoryview(data)
    while left:
        try:
            left = left[os.write(fd, left) :]
        except BlockingIOError:
            await _ready(fd, asyncio.get_running_loop().add_writer, asyncio.get_running_loop().remove_writer)
        except OSError as err:
            if err.errno in (errno.EPIPE, errno.EIO):
                return False
            raise
    return True


async def _ready(fd: int, add: Callable[..., None], remove: Callable[[int], object]) -> None:
    ready = asyncio.get_running_loop().create_future()
    add(fd, _wake, ready)
    try:
        await ready
    finally:
        with contextlib.suppress(ValueError):
            remove(fd)


def _wake(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)
