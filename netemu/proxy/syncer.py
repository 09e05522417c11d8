"""[IO] One node: bring its kernel to what the plans say, and keep it there."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, ExitStack, suppress
from functools import partial
from typing import Protocol

from msgspec.structs import replace

from netemu.logs import Log
from netemu.naming import NodeName
from netemu.nft.expressions import Network
from netemu.nft.transaction import Transaction
from netemu.proxy.attempts import FIRST_RETRY_S, Attempts, Progress, end_stale
from netemu.proxy.figures import Figures, News
from netemu.proxy.groups import NodeView
from netemu.proxy.index import PortKey
from netemu.proxy.plan import Elements
from netemu.proxy.rules import NodeRules, is_much
from netemu.proxy.stale import Expected, expected_after, expected_by_all

log = Log(__name__)

REST_S = 1.0
"""How long after a load nobody listens for other hands: no more than this often they cause another."""
PERIOD_S = 30.0
"""How long a change by another hand may stand that nobody noticed (kube-proxy's ``--sync-period``)."""


class Kernel(Protocol):
    """What a syncer needs of a node's kernel."""

    def apply(self, transaction: Transaction) -> None:
        """Do a transaction, or raise ``NetemuError`` and do nothing of it."""
        ...

    def apply_together(self, transactions: Iterable[Transaction]) -> None:
        """Do transactions in any order, or raise ``NetemuError``, having done any of them."""
        ...

    def chains(self) -> frozenset[str] | None:
        """Name the chains of the table, whoever made them; ``None`` if it is not there."""
        ...

    def intruder(self) -> str:
        """Name the process that changed the table since the last ``apply``; empty if nobody did."""
        ...

    def noticing(self, call: Callable[[], None]) -> AbstractContextManager[None]:
        """Have ``call`` called, in the event loop, when somebody may have changed the table."""
        ...

    def has_gap(self) -> bool:
        """Tell, once, whether somebody may have changed the table while nobody could look."""
        ...

    def end_stale(self, expected: Expected) -> int:
        """End the UDP flows that do not agree with ``expected``; return how many."""
        ...

    def close(self) -> None:
        """Let go of the namespace; nothing is applied after it."""
        ...


class ProxySyncer:
    """Applies changes of plans to one node, all that wait at one time in one transaction.

    Its first transaction, and the next one after a failure, gives the table all its content; if
    even that fails, the next attempt deletes the table first.
    """

    def __init__(
        self,
        node: NodeView,
        kernel: Kernel,
        plans: Mapping[PortKey, Elements],
        *,
        on_repair: Callable[[str], None],
        on_failure: Callable[[str], None],
        first_retry_s: float = FIRST_RETRY_S,
        rest_s: float = REST_S,
        period_s: float = PERIOD_S,
        figures: Figures | None = None,
    ) -> None:
        self._node = node
        self._kernel = kernel
        self._plans = plans
        self._rules = NodeRules(node)
        self._on_repair = on_repair
        self._figures = figures or Figures()
        self._attempts = Attempts(node.name, on_failure, first_retry_s, self._figures)
        self._rest_s = min(rest_s, period_s)
        self._period_s = period_s
        self._pending: dict[PortKey, Elements | None] = {}
        self._must_load = self._has_gap = False
        self._loaded_s = 0.0
        self._progress = Progress(self._figures)
        self._wake = asyncio.Event()

    @property
    def name(self) -> NodeName:
        """The node's name."""
        return self._node.name

    def place(self, zone: str) -> None:
        """Remember the zone that the node is in now; its rules are loaded again if it is another."""
        if zone != self._node.zone:
            self._node = replace(self._node, zone=zone)
            self._rules = NodeRules(self._node)
            self._must_load = True
            self._wake.set()

    def serve(self, ranges: tuple[Network, ...]) -> None:
        """Remember the ranges of ClusterIPs beside the first; rules are loaded again if there are others."""
        if ranges != self._node.more_services:
            self._node = replace(self._node, more_services=ranges)
            self._rules = NodeRules(self._node)
            self._must_load = True
            self._wake.set()

    def note(self, changed: Mapping[PortKey, Elements | None], news: News) -> None:
        """Remember what changed, to be applied with whatever else waits by then."""
        self._pending.update(changed)
        self._progress.note(news)
        self._wake.set()

    async def wait_synced(self) -> None:
        """Return when the kernel has held a full load once."""
        await self._progress.wait_begun()

    async def applied(self) -> None:
        """Return when the kernel holds all that was noted so far."""
        await self._progress.wait()

    async def run(self) -> None:
        """Load everything, then apply changes, until cancelled."""
        try:
            await self._load_until_it_works()
            while True:
                self._wake.clear()
                if not self._pending and not self._must_load:
                    await self._wait()
                self._look()
                await self._sync()
        finally:
            self._kernel.close()

    async def _wait(self) -> None:
        """Wait for a change of the plans, for another hand, or for the end of the period.

        Another hand may come again and again: for a moment after each load, nobody listens to it.
        """
        rest_s = self._rest_s - (time.monotonic() - self._loaded_s)
        with ExitStack() as stack:
            if rest_s <= 0:
                stack.enter_context(self._kernel.noticing(self._wake.set))
            # Not wait_for: before Python 3.12 it can lose a cancellation.
            with suppress(TimeoutError):
                async with asyncio.timeout(rest_s if rest_s > 0 else self._period_s):
                    await self._wake.wait()

    def _look(self) -> None:
        """Look whether the table is still as it was left; it is loaded again if not."""
        intruder = self._kernel.intruder()
        if intruder:
            self._must_load = True
            log.warning("proxy.table_changed", node=self._node.name, by=intruder)
            self._on_repair(intruder)
        # Most likely it was another table: no cause to load again and again.
        self._has_gap |= self._kernel.has_gap()
        if self._has_gap and time.monotonic() - self._loaded_s >= self._period_s:
            self._must_load = True

    async def _sync(self) -> None:
        if self._must_load:
            await self._load_until_it_works()
            return
        if not self._pending:
            return
        changed, self._pending = self._pending, {}
        noted = self._progress.noted
        if await self._attempts.make(partial(self._change, changed)):
            self._progress.hold(noted)
        else:
            await self._load_until_it_works()

    async def _load_until_it_works(self) -> None:
        worked = afresh = False
        while not worked:
            # What waits is in the plans already.
            plans, self._pending, self._must_load = dict(self._plans), {}, False
            self._has_gap = False
            noted = self._progress.noted
            started = time.monotonic()
            worked = await self._attempts.make(partial(self._load, plans, afresh=afresh), is_full=True)
            afresh = True
        self._progress.hold(noted)
        self._loaded_s = time.monotonic()
        duration_s = round(time.monotonic() - started, 3)
        log.info("proxy.synced", node=self._node.name, ports=len(plans), duration_s=duration_s)

    def _load(self, plans: Mapping[PortKey, Elements], *, afresh: bool) -> None:
        rules = self._rules  # others take their place if the node gets another zone meanwhile
        chains = self._kernel.chains()
        if is_much(plans) and not afresh and chains is None:
            self._kernel.apply(rules.begin())
            self._kernel.apply_together(rules.fill(plans))
            self._kernel.apply(rules.end())
        else:
            for transaction in rules.load(plans, chains=chains or (), afresh=afresh):
                self._kernel.apply(transaction)
        self._end_stale(expected_by_all(plans.values(), self._node))

    def _change(self, changed: Mapping[PortKey, Elements | None]) -> None:
        expected = expected_after(self._rules.held, changed, self._node)
        for transaction in self._rules.change(changed):
            self._kernel.apply(transaction)
        self._end_stale(expected)

    def _end_stale(self, expected: Expected) -> None:
        end_stale(self._kernel.end_stale, expected, self._node.name, self._figures)
