"""Be told when a file in a directory changes (inotify(7)), without polling."""

from __future__ import annotations

import asyncio
import ctypes
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

IN_MODIFY = 0x2  # linux/inotify.h
IN_CLOSE_WRITE = 0x8
IN_MOVED_TO = 0x80
IN_CREATE = 0x100

_HEADER = struct.Struct("iIII")
_READ_BYTES = 16 * 1024


class FileEvent(NamedTuple):
    """What happened (``IN_*`` bits) to which name."""

    mask: int
    name: str


class DirectoryWatch:
    """A watch on one directory, for one task; closed by ``close``.

    Raises:
        OSError: there is no such directory, or the user's inotify instances are used up.

    """

    def __init__(self, directory: Path) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        self._fd = _checked(libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC), directory)
        mask = ctypes.c_uint32(IN_MODIFY | IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE)
        try:
            _checked(libc.inotify_add_watch(self._fd, os.fsencode(directory), mask), directory)
        except OSError:
            os.close(self._fd)
            raise
        self._ready = asyncio.Event()
        asyncio.get_running_loop().add_reader(self._fd, self._ready.set)

    async def wait(self, within_s: float) -> list[FileEvent]:
        """Give what happened since the last call; empty when nothing did for so long."""
        self._ready.clear()
        try:
            async with asyncio.timeout(within_s):
                await self._ready.wait()
            return list(parse_events(os.read(self._fd, _READ_BYTES)))
        except (TimeoutError, BlockingIOError):
            return []

    def close(self) -> None:
        """Stop watching."""
        asyncio.get_running_loop().remove_reader(self._fd)
        os.close(self._fd)


def parse_events(data: bytes) -> Iterator[FileEvent]:
    """Read the kernel's ``struct inotify_event``, one after the other."""
    offset = 0
    while offset < len(data):
        _, mask, _, length = _HEADER.unpack_from(data, offset)
        offset += _HEADER.size
        yield FileEvent(mask, os.fsdecode(data[offset : offset + length].rstrip(b"\0")))
        offset += length


def _checked(result: int, directory: Path) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(directory))
    return result
