"""The file that a container's log is written to, rotated before it grows too long."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from itertools import pairwise

from netemu.runtime.cri import LineCutter, render_entry

ROTATE_AT_BYTES = 10 * 1024 * 1024  # kubelet's containerLogMaxSize
KEPT = 5  # containerLogMaxFiles, the one that is written included


class LogFile:
    """Append entries to a file; its predecessors are kept as ``PATH.1`` (the youngest) to ``PATH.4``."""

    def __init__(self, path: str, rotate_at_bytes: int = ROTATE_AT_BYTES) -> None:
        self._path = path
        self._rotate_at_bytes = rotate_at_bytes
        os.makedirs(os.path.dirname(path), exist_ok=True)
        self._fd = self._open()

    def write(self, stream: str, entries: list[tuple[bytes, bool]]) -> None:
        """Append entries (content, partial) with the time of now.

        What a full disk does not take is lost: whoever prints must not stop those who run it.
        """
        if not entries or self._fd < 0:
            return
        now_ns = time.time_ns()
        data = b"".join(render_entry(now_ns, stream, line, partial=partial) for line, partial in entries)
        with suppress(OSError):
            if self._size_bytes + len(data) > self._rotate_at_bytes and self._size_bytes:
                self._rotate()
            self._size_bytes += os.write(self._fd, data)

    def close(self) -> None:
        """Close the file. Idempotent; what is written after it is lost."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _open(self) -> int:
        fd = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
        self._size_bytes = os.fstat(fd).st_size
        return fd

    def _rotate(self) -> None:
        """Begin a new file. The old one is closed last: readers take its close for the end."""
        full_fd = self._fd
        names = [self._path, *(f"{self._path}.{age}" for age in range(1, KEPT))]
        for younger, older in reversed(list(pairwise(names))):
            if os.path.exists(younger):
                os.replace(younger, older)
        self._fd = self._open()
        os.close(full_fd)


class StreamLog:
    """One stream of a container, cut into entries of its log; remembers the last line."""

    def __init__(self, log: LogFile, stream: str) -> None:
        self._log = log
        self._stream = stream
        self._cutter = LineCutter()
        self.last_line = b""

    def feed(self, data: bytes) -> None:
        """Log what the stream said; empty data is its end."""
        entries = self._cutter.feed(data) if data else self._cutter.end()
        if entries:
            self.last_line = entries[-1][0]
            self._log.write(self._stream, entries)
