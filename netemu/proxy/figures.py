"""What is known of a proxy's own work: counted where it happens, so cheap that nobody notices."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import reduce
from typing import NamedTuple

from netemu.clock import Clock, system_clock
from netemu.metrics import Histogram

# kube-proxy's bounds (pkg/proxy/metrics).
_SYNC_BOUNDS_S = tuple(0.001 * 2**power for power in range(15))
_PROGRAMMING_BOUNDS_S = (0, 0.25, 0.5, *range(1, 60), *range(60, 120, 5), *range(120, 301, 30))
_MOST_NOTES = 1000


class News(NamedTuple):
    """What a change of plans comes from: how many Services changed, and how many's endpoints.

    ``triggers_s`` are the moments at which pods changed so that slices had to (KEP-752's annotation
    ``last-change-trigger-time``).
    """

    services: int = 0
    endpoints: int = 0
    triggers_s: tuple[float, ...] = ()

    def joined(self, later: News) -> News:
        """Count both; only the first ones' moments are kept."""
        return News(self.services + later.services, self.endpoints + later.endpoints, self.triggers_s)


class Figures:
    """The work of one node's proxy for one family; moments are seconds of the epoch, 0 for never."""

    def __init__(self, clock: Clock = system_clock) -> None:
        self._clock = clock
        self._waiting: deque[tuple[int, News]] = deque()
        self.syncs = Histogram(_SYNC_BOUNDS_S)
        self.full_syncs = Histogram(_SYNC_BOUNDS_S)
        self.partial_syncs = Histogram(_SYNC_BOUNDS_S)
        self.flow_searches = Histogram(_SYNC_BOUNDS_S)
        self.programming = Histogram(_PROGRAMMING_BOUNDS_S)
        self.failures = self.partial_failures = 0
        self.ended_flows = 0
        self.queued_s = self.synced_s = 0.0
        self.behind_since_s = 0.0
        self.rules: Callable[[], Mapping[str, int]] = dict
        """Counts rules by table, where they are so many that somebody wants to know."""

    @property
    def waiting(self) -> News:
        """All news that the kernel does not hold."""
        return reduce(News.joined, (news for _, news in self._waiting), News())

    def queue(self, number: int, news: News) -> None:
        """Note that there is something for the kernel; numbers grow."""
        self._fall_behind()
        if len(self._waiting) == _MOST_NOTES:
            news = self._waiting.pop()[1].joined(news)
        self._waiting.append((number, news))

    def hold(self, number: int) -> None:
        """Note that the kernel holds everything up to a number."""
        now_s = self._clock()
        while self._waiting and self._waiting[0][0] <= number:
            for trigger_s in self._waiting.popleft()[1].triggers_s:
                self.programming.observe(max(now_s - trigger_s, 0.0))
        self.synced_s = now_s
        self.behind_since_s = now_s if self._waiting else 0.0

    def tried(self, duration_s: float, *, is_full: bool, worked: bool) -> None:
        """Count an attempt to bring something into the kernel, of all rules or of some."""
        self.syncs.observe(duration_s)
        (self.full_syncs if is_full else self.partial_syncs).observe(duration_s)
        if not worked:
            self.failures += 1
            self.partial_failures += not is_full
            self._fall_behind()

    def searched(self, duration_s: float, ended: int) -> None:
        """Count a search for stale flows."""
        self.flow_searches.observe(duration_s)
        self.ended_flows += ended

    def _fall_behind(self) -> None:
        self.queued_s = self._clock()
        self.behind_since_s = self.behind_since_s or self.queued_s


@dataclass(frozen=True, slots=True)
class NodeFigures:
    """One node's proxy: its families by name, and what all nodes have in common.

    ``seen`` counts changes of Services and slices; ``without_local`` counts, for a family, the Service
    ports whose policy wants endpoints here where none are; ``is_eligible`` tells whether balancers may
    use the node. The counters are answers by code.
    """

    mode: str
    families: Mapping[str, Figures]
    seen: Mapping[str, int]
    without_local: Callable[[str], Mapping[str, int]]
    is_eligible: Callable[[], bool]
    healthz: Counter[int] = field(default_factory=Counter)
    livez: Counter[int] = field(default_factory=Counter)
