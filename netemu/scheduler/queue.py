"""Pods that wait to be looked at: the most important first, of equals the one that came first."""

from __future__ import annotations

import asyncio
import heapq

from netemu.informer.cache import Key

BASE_DELAY_S = 0.05
MAX_DELAY_S = 30.0


class PodQueue:
    """Each key at most once; one that failed comes again after a growing delay."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Key]] = []
        self._waiting: dict[Key, int] = {}
        self._failures: dict[Key, int] = {}
        self._timers: dict[Key, asyncio.TimerHandle] = {}
        self._arrivals = 0
        self._wake = asyncio.Event()

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, key: Key, priority: int) -> None:
        """Note that a pod must be looked at; one that waits already keeps its turn."""
        if key in self._waiting:
            return
        self._arrivals += 1
        self._waiting[key] = self._arrivals
        heapq.heappush(self._heap, (-priority, self._arrivals, key))
        self._wake.set()

    def retry_later(self, key: Key, priority: int) -> float:
        """Add a pod again after a delay that doubles with each failure; return it, in seconds."""
        failures = self._failures[key] = self._failures.get(key, 0) + 1
        delay_s = min(BASE_DELAY_S * float(2 ** min(failures - 1, 10)), MAX_DELAY_S)
        if key not in self._timers:
            self._timers[key] = asyncio.get_running_loop().call_later(delay_s, self._ring, key, priority)
        return delay_s

    def forget(self, key: Key) -> None:
        """Note that a pod needs no more looks: neither its turn nor its failures count."""
        self._waiting.pop(key, None)
        self.succeeded(key)

    def succeeded(self, key: Key) -> None:
        """Note that a look at a pod did not fail: its next failure starts with a short delay again."""
        self._failures.pop(key, None)
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.cancel()

    async def get(self) -> Key:
        """Take the next pod."""
        while True:
            while self._heap:
                _, arrival, key = heapq.heappop(self._heap)
                if self._waiting.get(key) == arrival:
                    del self._waiting[key]
                    return key
            self._wake.clear()
            await self._wake.wait()

    def close(self) -> None:
        """Cancel all appointments."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def _ring(self, key: Key, priority: int) -> None:
        self._timers.pop(key, None)
        self.add(key, priority)
