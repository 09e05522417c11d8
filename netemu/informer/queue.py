"""Keys to look at: each at most once at a time, failed ones again after a growing delay."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)

BASE_DELAY_S = 0.05
MAX_DELAY_S = 30.0
_SAME_S = 0.001
"""Who computes an appointment anew each time is off by some rounding."""


class WorkQueue(Generic[K]):
    """A set of keys in order of arrival.

    A key that is added while it is being worked on comes again afterwards; adding a key that
    waits already changes nothing. Consumers iterate and call ``done`` after each key.
    """

    def __init__(self) -> None:
        self._waiting: dict[K, None] = {}
        self._working: set[K] = set()
        self._again: dict[K, None] = {}
        self._failures: dict[K, int] = {}
        self._timers: dict[K, asyncio.TimerHandle] = {}
        self._rests: dict[K, asyncio.TimerHandle] = {}
        self._wake = asyncio.Event()

    def __len__(self) -> int:
        return len(self._waiting) + len(self._working)

    def add(self, key: K) -> None:
        """Note that ``key`` must be looked at."""
        if key in self._working:
            self._again[key] = None
        else:
            self._waiting[key] = None
            self._wake.set()

    def add_later(self, key: K, delay_s: float) -> None:
        """Add ``key`` after ``delay_s``; an earlier appointment of the same key stands."""
        loop = asyncio.get_running_loop()
        timer = self._timers.get(key)
        if timer is not None and timer.when() <= loop.time() + delay_s + _SAME_S:
            return
        if timer is not None:
            timer.cancel()
        self._timers[key] = loop.call_later(delay_s, self._ring, key)

    def retry_later(self, key: K) -> float:
        """Add ``key`` again after a delay that doubles with each failure; return it, in seconds."""
        failures = self._failures[key] = self._failures.get(key, 0) + 1
        delay_s = min(BASE_DELAY_S * float(2 ** min(failures - 1, 10)), MAX_DELAY_S)
        self.add_later(key, delay_s)
        return delay_s

    def forget(self, key: K) -> None:
        """Note that ``key`` was reconciled: its next failure starts with a short delay again."""
        self._failures.pop(key, None)

    def done(self, key: K) -> None:
        """Note that the work on ``key`` ended, one way or the other."""
        self._working.discard(key)
        if self._again.pop(key, self) is not self:
            self.add(key)

    def done_later(self, key: K, rest_s: float) -> None:
        """Note that the work on ``key`` ended, but let it rest: added meanwhile, it comes after that."""
        self._rests[key] = asyncio.get_running_loop().call_later(rest_s, self._wake_up, key)

    async def get(self) -> K:
        """Take the next key; it is being worked on until ``done``."""
        while not self._waiting:
            self._wake.clear()
            await self._wake.wait()
        key = next(iter(self._waiting))
        del self._waiting[key]
        self._working.add(key)
        return key

    async def __aiter__(self) -> AsyncIterator[K]:
        """Yield keys for ever, each ``done`` when the next one is asked for.

        Others run between two looks at a key, also if it comes again at once and nobody waits for anything.
        """
        while True:
            key = await self.get()
            is_back = False
            try:
                yield key
            finally:
                is_back = key in self._again
                self.done(key)
            if is_back:
                await asyncio.sleep(0)

    def close(self) -> None:
        """Cancel all appointments."""
        for timer in (*self._timers.values(), *self._rests.values()):
            timer.cancel()
        self._timers.clear()
        self._rests.clear()

    def _ring(self, key: K) -> None:
        self._timers.pop(key, None)
        self.add(key)

    def _wake_up(self, key: K) -> None:
        del self._rests[key]
        self.done(key)
