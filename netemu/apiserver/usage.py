"""What containers use, as rates between two looks at their counters.

Nobody looks while nobody asks. Who asks gets the rate since the look before, if that is recent; else
two looks a second apart. What was found holds for as long as metrics-server's does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple, Protocol

from netemu.clock import Clock

HOLDS_S = 15.0
RECENT_S = 60.0
SHORT_S = 1.0


class ContainerUsage(NamedTuple):
    """What one run of a container has used: processor seconds since its start, and memory now.

    ``id`` is another for each run; ``pod_uid`` and ``container`` say whose it is.
    """

    id: str
    pod_uid: str
    container: str
    cpu_s: float
    memory_bytes: int


class Rate(NamedTuple):
    """Processors that something kept busy, and memory that it has."""

    cpus: float
    memory_bytes: int


NodeUsage = Mapping[str, list[ContainerUsage]]


class UsageSource(Protocol):
    """Looks at the counters of what runs."""

    async def usage(self) -> NodeUsage:
        """Give the running containers of every node that can be asked, by the node's name."""
        ...


class NothingMeasured:
    """A cluster of which nobody knows what it uses."""

    async def usage(self) -> NodeUsage:
        """Give no node."""
        return {}


class Look(NamedTuple):
    """The counters as they were at one moment."""

    at_s: float
    nodes: NodeUsage


class Rates(NamedTuple):
    """The use of every node, and of every pod by its UID, container by container."""

    at_s: float
    window_s: float
    nodes: Mapping[str, Rate]
    pods: Mapping[str, Mapping[str, Rate]]


def rates_between(before: Look, after: Look) -> Rates:
    """Turn counters into rates; what started in between began with nothing."""
    window_s = max(after.at_s - before.at_s, 1e-3)
    known = {one.id: one.cpu_s for containers in before.nodes.values() for one in containers}
    nodes: dict[str, Rate] = {}
    pods: dict[str, dict[str, Rate]] = {}
    for node, containers in after.nodes.items():
        found = [(one, _rate(one, known.get(one.id, 0.0), window_s)) for one in containers]
        nodes[node] = Rate(sum(rate.cpus for _, rate in found), sum(rate.memory_bytes for _, rate in found))
        for one, rate in found:
            pods.setdefault(one.pod_uid, {})[one.container] = rate
    return Rates(after.at_s, window_s, nodes, pods)


class UsageMeter:
    """Measures when asked; who asks at the same time waits for the same answer."""

    def __init__(
        self,
        source: UsageSource,
        clock: Clock,
        pause: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._source = source
        self._clock = clock
        self._pause = pause
        self._lock = asyncio.Lock()
        self._last: Look | None = None
        self._rates: Rates | None = None

    async def rates(self) -> Rates:
        """Give what is used now, or was a moment ago."""
        async with self._lock:
            if self._rates is None or self._clock() - self._rates.at_s >= HOLDS_S:
                self._rates = await self._measure()
            return self._rates

    async def _measure(self) -> Rates:
        before = self._last
        if before is None or self._clock() - before.at_s > RECENT_S:
            before = await self._look()
            await self._pause(SHORT_S)
        self._last = await self._look()
        return rates_between(before, self._last)

    async def _look(self) -> Look:
        nodes = await self._source.usage()
        return Look(self._clock(), nodes)


def _rate(one: ContainerUsage, before_s: float, window_s: float) -> Rate:
    return Rate(max(0.0, one.cpu_s - before_s) / window_s, one.memory_bytes)
