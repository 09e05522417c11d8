"""Those who watch a running container: each gets its output live, through pipes of its own."""

from __future__ import annotations

import os
import selectors

TYPE_CHECKING = False  # typing.TYPE_CHECKING without importing typing (0.6 MB a shim)
if TYPE_CHECKING:
    from collections.abc import Callable

    from netemu.runtime.control import Loop


class Follower:
    """One pipe to one watcher. Who does not read holds up the container, as under a kubelet: output
    is neither lost nor piled up here.
    """

    def __init__(self, loop: Loop, hold: Callable[[], None], resume: Callable[[], None]) -> None:
        self.read_fd, self._fd = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(self._fd, False)
        self._loop = loop
        self._hold = hold
        self._resume = resume
        self._unsent = b""
        self._ended = False

    @property
    def is_gone(self) -> bool:
        """Whether nobody reads any more."""
        return self._fd < 0

    @property
    def is_behind(self) -> bool:
        """Whether there is output that the watcher has not taken."""
        return bool(self._unsent)

    def write(self, data: bytes) -> None:
        """Pass output on; ``hold`` is called when it does not fit, ``resume`` when it did."""
        if self._fd < 0:
            return
        was_behind = self.is_behind
        self._unsent += data
        if not was_behind:
            self._flush()
            if self.is_behind:
                self._loop.watch(self._fd, self._flush_and_resume, selectors.EVENT_WRITE)
                self._hold()

    def end(self) -> None:
        """Close the pipe, once what is on its way was taken."""
        self._ended = True
        if not self._unsent:
            self.leave()

    def leave(self) -> None:
        """Close the pipe now. Idempotent."""
        if self._fd >= 0:
            self._loop.forget(self._fd)
            os.close(self._fd)
            self._fd = -1
        self._unsent = b""

    def _flush_and_resume(self) -> None:
        self._flush()
        if self.is_behind:
            return
        if self._ended:
            self.leave()
        elif not self.is_gone:
            self._loop.forget(self._fd)
        self._resume()

    def _flush(self) -> None:
        try:
            while self._unsent:
                self._unsent = self._unsent[os.write(self._fd, self._unsent) :]
        except BlockingIOError:
            return
        except OSError:  # EPIPE: the watcher left
            self.leave()
