"""Container logs in CRI's format: ``2016-10-06T00:17:09.669794202Z stdout F line``. Pure.

``F`` ends a line, ``P`` is a part of one (longer than a part may be, or without a newline at
the stream's end). Source: kubernetes, design-proposals "CRI: redirect container log", and
containerd's ``internal/cri/io/logger.go``. Imports nothing heavy: the shim writes with it.
"""

from __future__ import annotations

import time
from collections import namedtuple

MAX_PART_BYTES = 16 * 1024  # containerd's max_container_log_line_size

LogLine = namedtuple("LogLine", ("time", "stream", "partial", "content"))
"""One entry: its time as it is written, stdout or stderr, whether the line goes on, its bytes."""


def render_entry(moment_ns: int, stream: str, content: bytes, *, partial: bool = False) -> bytes:
    """Render one entry, with its newline; ``content`` has none."""
    tag = b"P " if partial else b"F "
    return b"%s %s %s%s\n" % (format_moment(moment_ns).encode(), stream.encode(), tag, content)


def format_moment(moment_ns: int) -> str:
    """Render nanoseconds since the epoch as RFC 3339 with nine digits."""
    seconds, rest_ns = divmod(moment_ns, 1_000_000_000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{rest_ns:09d}Z"


def parse_entry(line: bytes) -> LogLine:
    """Read one entry, with or without its newline.

    Raises:
        ValueError: it is none.

    """
    parts = line.rstrip(b"\n").split(b" ", 3)
    if len(parts) != 4 or parts[1] not in (b"stdout", b"stderr") or parts[2][:1] not in (b"F", b"P"):
        raise ValueError(f"not an entry of a container's log: {line[:80]!r}")
    moment, stream, tag, content = parts
    return LogLine(moment.decode(), stream.decode(), tag[:1] == b"P", content)


class LineCutter:
    """Cut what a stream says into entries' contents: (bytes without newline, partial)."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[tuple[bytes, bool]]:
        """Add what was read; give the lines that are complete, and parts of one that is too long."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        cut = [entry for line in lines for entry in _parts(line)]
        while len(self._rest) >= MAX_PART_BYTES:
            cut.append((self._rest[:MAX_PART_BYTES], True))
            self._rest = self._rest[MAX_PART_BYTES:]
        return cut

    def end(self) -> list[tuple[bytes, bool]]:
        """Give what is left when the stream has ended."""
        rest, self._rest = self._rest, b""
        return [(rest, True)] if rest else []


def _parts(line: bytes) -> list[tuple[bytes, bool]]:
    starts = range(0, max(len(line), 1), MAX_PART_BYTES)
    return [(line[start : start + MAX_PART_BYTES], start != starts[-1]) for start in starts]
