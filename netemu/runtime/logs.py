"""Read a container's log: its end, what is younger, and what is still being written."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import BinaryIO

from netemu.runtime.cri import format_moment, parse_entry
from netemu.runtime.inotify import IN_CLOSE_WRITE, DirectoryWatch

_CHUNK_BYTES = 64 * 1024
_LOOK_AGAIN_S = 1.0


async def read_log(
    path: Path,
    *,
    follow: bool = False,
    tail_lines: int | None = None,
    since_s: float | None = None,
    since_time_s: float | None = None,
    timestamps: bool = False,
    limit_bytes: int | None = None,
    stream: str = "",
    ended: Callable[[], bool] = lambda: True,
) -> AsyncGenerator[bytes, None]:
    """Yield a container's output, oldest first; of one stream, if it is named.

    ``since_s`` is an age, ``since_time_s`` a moment (since the epoch); ``tail_lines`` and
    ``limit_bytes`` bound the answer. With ``follow`` it goes on until the log's writer has closed
    it, or ``ended`` says that nothing more comes. A log that was rotated is followed into its
    successor.
    """
    if since_s is not None:
        since_time_s = time.time() - since_s
    oldest = "" if since_time_s is None else format_moment(int(since_time_s * 1e9))
    left_bytes = limit_bytes
    view = _View(oldest, stream, timestamps=timestamps)
    async for lines in _lines(path, follow=follow, tail_lines=tail_lines, ended=ended):
        data = b"".join(view.render(line) for line in lines)
        if left_bytes is not None:
            data = data[:left_bytes]
            left_bytes -= len(data)
        if data:
            yield data
        if left_bytes == 0:
            return


class _View:
    """What a reader wants to see of each entry."""

    def __init__(self, oldest: str, stream: str, *, timestamps: bool) -> None:
        self._oldest = oldest
        self._stream = stream
        self._timestamps = timestamps
        self._in_line = False

    def render(self, line: bytes) -> bytes:
        try:
            entry = parse_entry(line)
        except ValueError:
            return b""  # cut off by a crash, or by a disk that was full
        if entry.time < self._oldest or self._stream not in ("", entry.stream):
            return b""
        prefix = f"{entry.time} ".encode() if self._timestamps and not self._in_line else b""
        self._in_line = entry.partial
        return bytes(prefix + entry.content + (b"" if entry.partial else b"\n"))


async def _lines(
    path: Path, *, follow: bool, tail_lines: int | None, ended: Callable[[], bool]
) -> AsyncIterator[list[bytes]]:
    reader = _Reader(path, tail_lines)
    if not follow:
        with closing(reader):
            for chunk in reader.read():
                yield chunk
        return
    try:
        watch = DirectoryWatch(path.parent)
    except FileNotFoundError:
        return
    with closing(watch), closing(reader):
        closed = False
        while True:
            last_look = closed or ended()
            for chunk in reader.read():
                yield chunk
            if last_look:
                return
            # The writer's end is an event. One that ended just before we watched is known by
            # ``ended`` alone, which is why we look again from time to time.
            events = await watch.wait(_LOOK_AGAIN_S)
            written = any(event.mask & IN_CLOSE_WRITE and event.name == path.name for event in events)
            closed = written and reader.is_current()


class _Reader:
    """Read the entries of a log as it grows and is rotated."""

    def __init__(self, path: Path, tail_lines: int | None) -> None:
        self._path = path
        self._tail_lines = tail_lines
        self._file: BinaryIO | None = None
        self._rest = b""

    def read(self) -> Iterator[list[bytes]]:
        """Yield the entries that are complete now, in chunks."""
        while self._open() and (lines := self._read_some()) is not None:
            yield lines

    def is_current(self) -> bool:
        """Tell whether the file that we read is still the one at its path."""
        try:
            return self._file is not None and os.path.samestat(
                os.stat(self._path), os.fstat(self._file.fileno())
            )
        except FileNotFoundError:
            return False

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _open(self) -> BinaryIO | None:
        if self._file is None:
            try:
                self._file = self._path.open("rb")
            except FileNotFoundError:
                return None
            if self._tail_lines is not None:
                self._file.seek(tail_offset(self._file, self._tail_lines))
                self._tail_lines = None
        return self._file

    def _read_some(self) -> list[bytes] | None:
        if self._file is None:
            return None
        data = self._file.read(_CHUNK_BYTES)
        if not data and not self.is_current():
            data = self._file.read(_CHUNK_BYTES)  # written between our last read and its rotation
            if not data:
                self.close()
                return []
        if not data:
            return None
        *lines, self._rest = (self._rest + data).split(b"\n")
        return lines


def tail_offset(file: BinaryIO, lines: int) -> int:
    """Find where the last ``lines`` lines of a file begin."""
    position = file.seek(0, os.SEEK_END)
    wanted = lines + 1  # the newline before the first of them
    while position > 0:
        start = max(0, position - _CHUNK_BYTES)
        file.seek(start)
        block = file.read(position - start)
        count = block.count(b"\n")
        if count >= wanted:
            return start + _nth_newline_from_end(block, wanted) + 1
        wanted -= count
        position = start
    return 0


def _nth_newline_from_end(block: bytes, number: int) -> int:
    index = len(block)
    for _ in range(number):
        index = block.rindex(b"\n", 0, index)
    return index
