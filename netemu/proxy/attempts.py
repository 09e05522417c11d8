"""[IO] How a syncer of one node tries, whatever it asks its kernel for, and how far it is."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from netemu.errors import KernelError, NetemuError
from netemu.logs import Log
from netemu.naming import NodeName
from netemu.proxy.figures import Figures, News
from netemu.proxy.stale import Expected

log = Log(__name__)

FIRST_RETRY_S = 0.05
LAST_RETRY_S = 30.0


class Attempts:
    """Works in threads, one piece after the other; ``tell`` is told why one failed."""

    def __init__(
        self, node: NodeName, tell: Callable[[str], None], first_retry_s: float, figures: Figures
    ) -> None:
        self._node = node
        self._tell = tell
        self._figures = figures
        self._first_retry_s = first_retry_s
        self._failures = 0

    async def make(self, work: Callable[[], None], *, is_full: bool = False) -> bool:
        """Do some work, about all rules if it ``is_full``; on failure, say why, and wait longer each time."""
        began_s = time.monotonic()
        try:
            await asyncio.to_thread(work)
        except NetemuError as err:
            self._figures.tried(time.monotonic() - began_s, is_full=is_full, worked=False)
            delay_s = retry_delay_s(self._first_retry_s, self._failures)
            self._failures += 1
            log.warning("proxy.failed", node=self._node, code=err.code, error=err.message, delay_s=delay_s)
            self._tell(err.message)
            await asyncio.sleep(delay_s)
            return False
        self._failures = 0
        self._figures.tried(time.monotonic() - began_s, is_full=is_full, worked=True)
        return True


def retry_delay_s(first_s: float, failures: int) -> float:
    """Give the wait after a failure that followed so many others; bounded by ``LAST_RETRY_S``."""
    return min(first_s * 2.0 ** min(failures, 20), LAST_RETRY_S)


class Progress:
    """How much of what was noted the kernel holds."""

    def __init__(self, figures: Figures) -> None:
        self._figures = figures
        self._noted = self._held = 0
        self._moved = asyncio.Event()
        self._begun = asyncio.Event()

    @property
    def noted(self) -> int:
        """How often something was noted so far."""
        return self._noted

    @property
    def has_begun(self) -> bool:
        """Whether the kernel has held everything once."""
        return self._begun.is_set()

    def note(self, news: News) -> None:
        """Count one more change that the kernel is to hold."""
        self._noted += 1
        self._figures.queue(self._noted, news)

    def hold(self, noted: int) -> None:
        """Say that the kernel holds everything up to the change of that number."""
        self._held = noted
        self._figures.hold(noted)
        self._begun.set()
        self._moved.set()
        self._moved = asyncio.Event()

    async def wait_begun(self) -> None:
        """Return when the kernel has held everything once."""
        await self._begun.wait()

    async def wait(self) -> None:
        """Return when the kernel holds all that was noted so far."""
        wanted = self._noted
        while self._held < wanted:
            await self._moved.wait()


def end_stale(end: Callable[[Expected], int], expected: Expected, node: NodeName, figures: Figures) -> None:
    """End stale flows; a failure is in the log alone: the rules are right, and new flows do not suffer."""
    if not expected:
        return
    began_s = time.monotonic()
    try:
        ended = end(expected)
    except KernelError as err:
        log.warning("proxy.flows_kept", node=node, code=err.code, error=err.message)
        return
    figures.searched(time.monotonic() - began_s, ended)
    if ended:
        log.info("proxy.flows_ended", node=node, flows=ended)
