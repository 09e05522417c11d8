"""[IO] How a syncer of one node tries, whatever it asks its kernel for, and how far it is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from netemu.errors import KernelError, NetemuError
from netemu.logs import Log
from netemu.naming import NodeName
from netemu.proxy.stale import Expected

log = Log(__name__)

FIRST_RETRY_S = 0.05
LAST_RETRY_S = 30.0


class Attempts:
    """Works in threads, one piece after the other; ``tell`` is told why one failed."""

    def __init__(self, node: NodeName, tell: Callable[[str], None], first_retry_s: float) -> None:
        self._node = node
        self._tell = tell
        self._first_retry_s = first_retry_s
        self._failures = 0

    @property
    def is_failing(self) -> bool:
        """Whether the last one failed."""
        return self._failures > 0

    async def make(self, work: Callable[[], None]) -> bool:
        """Do some work; on failure, say why, and wait longer each time."""
        try:
            await asyncio.to_thread(work)
        except NetemuError as err:
            delay_s = retry_delay_s(self._first_retry_s, self._failures)
            self._failures += 1
            log.warning("proxy.failed", node=self._node, code=err.code, error=err.message, delay_s=delay_s)
            self._tell(err.message)
            await asyncio.sleep(delay_s)
            return False
        self._failures = 0
        return True


def retry_delay_s(first_s: float, failures: int) -> float:
    """Give the wait after a failure that followed so many others; bounded by ``LAST_RETRY_S``."""
    return min(first_s * 2.0 ** min(failures, 20), LAST_RETRY_S)


class Progress:
    """How much of what was noted the kernel holds."""

    def __init__(self) -> None:
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

    def note(self) -> None:
        """Count one more change that the kernel is to hold."""
        self._noted += 1

    def hold(self, noted: int) -> None:
        """Say that the kernel holds everything up to the change of that number."""
        self._held = noted
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


def end_stale(end: Callable[[Expected], int], expected: Expected, node: NodeName) -> None:
    """End stale flows; a failure is in the log alone: the rules are right, and new flows do not suffer."""
    if not expected:
        return
    try:
        ended = end(expected)
    except KernelError as err:
        log.warning("proxy.flows_kept", node=node, code=err.code, error=err.message)
        return
    if ended:
        log.info("proxy.flows_ended", node=node, flows=ended)
