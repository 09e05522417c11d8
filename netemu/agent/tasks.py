"""[IO] Tasks that belong to something, and end with it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Hashable
from typing import Any

from netemu.logs import Log

log = Log(__name__)


class Tasks:
    """At most one task a key. A fault in one is logged and ends nothing else."""

    def __init__(self) -> None:
        self._group: asyncio.TaskGroup | None = None
        self._tasks: dict[Hashable, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Own the tasks until cancelled."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            await asyncio.get_running_loop().create_future()

    def start(self, key: Hashable, work: Coroutine[Any, Any, None]) -> None:
        """Start a task; one that has the same key ends."""
        assert self._group is not None, "tasks are owned before there is one"
        self.cancel(key)
        self._tasks[key] = self._group.create_task(self._guarded(key, work))

    def cancel(self, key: Hashable) -> None:
        """End a task; idempotent."""
        task = self._tasks.pop(key, None)
        if task is not None:
            task.cancel()

    def has(self, key: Hashable) -> bool:
        """Tell whether a task is under way."""
        return key in self._tasks

    async def _guarded(self, key: Hashable, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Exception as err:
            # A fault of ours in one task must not end those of all other pods.
            log.error("agent.task_fault", exc=err, key=str(key))
        finally:
            if self._tasks.get(key) is asyncio.current_task():
                del self._tasks[key]
