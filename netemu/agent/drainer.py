"""[IO] Wait until nobody turns to a pod that is to end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from netemu.agent.ports import Routes
from netemu.agent.tasks import Tasks
from netemu.agent.work import DRAIN_S, PodWork


class Drainer:
    """Waits for pods of one node; ``wake`` is called with a pod's UID when the wait is over."""

    def __init__(
        self, *, routes: Routes, tasks: Tasks, wake: Callable[[str], None], within_s: float = DRAIN_S
    ) -> None:
        self._routes = routes
        self._tasks = tasks
        self._wake = wake
        self._within_s = within_s

    def is_done(self, work: PodWork) -> bool:
        """Tell whether nobody turns to a pod; ask for it to be awaited if it is not known."""
        key = (work.uid, "drain")
        if not work.is_drained and not self._tasks.has(key):
            self._tasks.start(key, self._wait(work))
        return work.is_drained

    async def _wait(self, work: PodWork) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self._within_s):
                await self._routes.left(work.uid)
        work.is_drained = True
        self._wake(work.uid)
