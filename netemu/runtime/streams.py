"""The streams of a container, as the shim holds them: an input that stays open, outputs that are logged."""

from __future__ import annotations

import os
from functools import partial

from netemu.runtime.followers import Follower
from netemu.runtime.logfile import LogFile, StreamLog

TYPE_CHECKING = False  # typing.TYPE_CHECKING without importing typing (0.6 MB a shim)
if TYPE_CHECKING:
    from netemu.runtime.control import Loop

READ_BYTES = 16 * 1024  # a read's buffer is the shim's biggest allocation

Stdio = tuple[int, int, int]
"""What a program gets as 0, 1 and 2; closed by whoever made it, once the program runs."""


def open_pipes(*, stdin: bool) -> tuple[Stdio, list[int]]:
    """Make a program's streams and our ends of them; without ``stdin`` its input is empty (-1)."""
    out_read, out_write = os.pipe2(os.O_CLOEXEC)
    err_read, err_write = os.pipe2(os.O_CLOEXEC)
    if stdin:
        in_read, in_write = os.pipe2(os.O_CLOEXEC)
    else:
        in_read, in_write = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC), -1
    return (in_read, out_write, err_write), [in_write, out_read, err_read]


def close(*fds: int) -> None:
    """Close descriptors; -1 stands for none."""
    for fd in fds:
        if fd >= 0:
            os.close(fd)


class LoggedStreams:
    """Read a container's outputs and write them to its log, until ``close``."""

    def __init__(self, loop: Loop, log: LogFile, stdin_fd: int, outputs: dict[str, int]) -> None:
        self._loop = loop
        self._log = log
        self._stdin_fd = stdin_fd  # held open: a program that reads it waits, as under a kubelet
        self._outputs = {fd: StreamLog(log, name) for name, fd in outputs.items()}
        self._streams = list(self._outputs.values())
        self._followers: dict[int, list[Follower]] = {fd: [] for fd in self._outputs}
        for fd in self._outputs:
            os.set_blocking(fd, False)
            self._watch(fd)

    def follow(self) -> list[Follower]:
        """Let someone watch: one pipe for each output, the terminal's or stdout's first."""
        made = []
        for fd, followers in self._followers.items():
            follower = Follower(self._loop, partial(self._hold, fd), partial(self._resume, fd))
            if fd in self._outputs:
                followers.append(follower)
            else:
                follower.end()
            made.append(follower)
        return made

    def open_input(self, *, only_one: bool) -> int:
        """Give a descriptor that the command reads from, -1 if it has none.

        With ``only_one`` it is the only one: the input ends when it is closed.
        """
        if self._stdin_fd < 0:
            return -1
        given = os.dup(self._stdin_fd)
        if only_one:
            close(self._stdin_fd)
            self._stdin_fd = -1
        return given

    def close(self) -> str:
        """Log what was said before the end, close everything, and give the last line."""
        for fd in list(self._outputs):
            while fd in self._outputs and self._read(fd):
                pass
            if fd in self._outputs:  # someone outlived the program and holds its stream open
                self._end(fd)
        close(self._stdin_fd)
        self._stdin_fd = -1
        self._log.close()
        last_lines = [stream.last_line for stream in self._streams if stream.last_line]
        return last_lines[-1].decode(errors="replace") if last_lines else ""

    def _watch(self, fd: int) -> None:
        self._loop.watch(fd, lambda: self._take(fd))

    def _take(self, fd: int) -> None:
        self._read(fd)

    def _read(self, fd: int) -> bool:
        """Log what a stream says; false when there is nothing now, or never again."""
        try:
            data = os.read(fd, READ_BYTES)
        except BlockingIOError:
            return False
        except OSError:  # EIO: a terminal without anyone on its other side
            data = b""
        if not data:
            self._end(fd)
            return False
        self._outputs[fd].feed(data)
        for follower in self._followers[fd]:
            follower.write(data)
        self._followers[fd] = [each for each in self._followers[fd] if not each.is_gone]
        return True

    def _hold(self, fd: int) -> None:
        self._loop.forget(fd)

    def _resume(self, fd: int) -> None:
        if fd in self._outputs and not any(each.is_behind for each in self._followers[fd]):
            self._watch(fd)

    def _end(self, fd: int) -> None:
        self._loop.forget(fd)
        self._outputs.pop(fd).feed(b"")
        for follower in self._followers[fd]:
            follower.end()
        os.close(fd)
