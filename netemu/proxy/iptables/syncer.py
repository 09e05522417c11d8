"""[IO] One node: bring its iptables to what the plans say, and keep them there."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import Protocol

from msgspec.structs import replace

from netemu.errors import KernelError, NetemuError
from netemu.linux import iptables
from netemu.logs import Log
from netemu.nft.expressions import Family, Network
from netemu.proxy import flows
from netemu.proxy.attempts import FIRST_RETRY_S, Attempts, Progress, end_stale
from netemu.proxy.figures import News
from netemu.proxy.index import PortKey
from netemu.proxy.iptables.pieces import Pieces
from netemu.proxy.iptables.render import render_change
from netemu.proxy.iptables.ruleset import Ruleset
from netemu.proxy.iptables.saved import (
    doomed_chains,
    find_deviation,
    missing_jumps,
    our_part,
    parse_saved,
)
from netemu.proxy.loop import NodeProxying
from netemu.proxy.plan import Elements
from netemu.proxy.stale import Expected, expected_after, expected_by_all

log = Log(__name__)

REST_S = 0.05
"""Between two changes: what comes meanwhile goes together. A change costs two programs of 10 ms."""


class Kernel(Protocol):
    """What a syncer needs of a node's kernel."""

    def save(self) -> str:
        """Give all tables as text, or raise ``NetemuError``."""
        ...

    def restore(self, text: str) -> None:
        """Do what a text says, or raise ``NetemuError``."""
        ...

    def end_stale(self, expected: Expected) -> int:
        """End the UDP flows that do not agree with ``expected``; return how many."""
        ...

    def close(self) -> None:
        """Let go of the namespace."""
        ...


class NodeKernel:
    """The tables of one family in one node's network namespace; ``ns_fd`` stays the caller's."""

    def __init__(self, ns_fd: int, family: Family) -> None:
        flows.set_timeouts(ns_fd)
        self._ns_fd = os.dup(ns_fd)
        self._family = family
        self._lock = threading.Lock()
        self._closed = False

    def save(self) -> str:
        """Give all tables as text."""
        with self._lock:
            return iptables.save(self._open_ns(), is_ipv6=self._family is Family.IP6)

    def restore(self, text: str) -> None:
        """Do what a text says."""
        with self._lock:
            iptables.restore(self._open_ns(), text, is_ipv6=self._family is Family.IP6)

    def end_stale(self, expected: Expected) -> int:
        """End UDP flows."""
        with self._lock:
            conntrack = flows.open_conntrack(self._open_ns(), self._family)
        return flows.end_stale(conntrack, expected)

    def close(self) -> None:
        """Close, after what is under way; again is a no-op."""
        with self._lock:
            if not self._closed:
                self._closed = True
                os.close(self._ns_fd)

    def _open_ns(self) -> int:
        if self._closed:
            raise KernelError("the node's namespace was let go")
        return self._ns_fd


class IptablesSyncer:
    """Applies changes of plans to one node, all that wait at one time at once.

    It begins, and goes on after a failure or another's hand, by looking at what is there.
    """

    def __init__(
        self,
        given: NodeProxying,
        kernel: Kernel,
        *,
        first_retry_s: float = FIRST_RETRY_S,
        rest_s: float = REST_S,
    ) -> None:
        self._given = given
        self._node = given.node
        self._kernel = kernel
        self._figures = given.figures
        self._figures.rules = self._count_rules
        self._attempts = Attempts(given.node.name, self._tell_failure, first_retry_s, given.figures)
        self._rest_s = rest_s
        self._pieces = Pieces(given.node, given.index)
        self._held_plans: dict[PortKey, Elements] = {}
        self._held: Ruleset = {}
        self._afresh = True  # nobody knows what is there
        self._seen: object = None  # our chains as the kernel words them, since the last change
        self._pending: set[PortKey] = set()
        self._progress = Progress(self._figures)
        self._wake = asyncio.Event()

    def place(self, zone: str) -> None:
        """Remember the zone that the node is in now; all is planned again if it is another."""
        if zone != self._node.zone:
            self._node = replace(self._node, zone=zone)
            self._pieces = Pieces(self._node, self._given.index)
            self._afresh = True
            self._wake.set()

    def serve(self, ranges: tuple[Network, ...]) -> None:
        """Do nothing: these chains know ClusterIPs, and no ranges of them."""

    def note(self, changed: Mapping[PortKey, Elements | None], news: News) -> None:
        """Remember what changed, to be applied with whatever else waits by then."""
        self._pending.update(changed)
        self._progress.note(news)
        self._wake.set()

    async def wait_synced(self) -> None:
        """Return when the kernel has held all Services once."""
        await self._progress.wait_begun()

    async def applied(self) -> None:
        """Return when the kernel holds all that was noted so far."""
        await self._progress.wait()

    async def run(self) -> None:
        """Follow changes until cancelled."""
        clock = asyncio.get_running_loop().time
        try:
            look_at = clock() + self._given.period_s
            while True:
                await self._sync_until_it_works()
                await asyncio.sleep(self._rest_s)
                with suppress(TimeoutError):
                    # Not wait_for: before Python 3.12 it can lose a cancellation.
                    async with asyncio.timeout_at(look_at):
                        await self._wake.wait()
                if clock() >= look_at:
                    await self._look()
                    look_at = clock() + self._given.period_s
        finally:
            self._kernel.close()

    async def _sync_until_it_works(self) -> None:
        worked = False
        while not worked:
            self._wake.clear()
            noted, changed, self._pending = self._progress.noted, self._pending, set()
            afresh, self._afresh = self._afresh, False
            if afresh:
                changed = {*self._held_plans, *self._given.plans, *changed}
            worked = not (afresh or changed) or await self._sync(changed, afresh=afresh)
        is_first = not self._progress.has_begun
        self._progress.hold(noted)
        if is_first:
            log.info("proxy.synced", node=self._node.name, ports=len(self._held_plans))

    async def _sync(self, changed: set[PortKey], *, afresh: bool) -> bool:
        plans = {key: self._given.plans.get(key) for key in changed}
        expected = self._expected(plans, afresh=afresh)
        pieces = self._pieces  # others take their place if the node gets another zone meanwhile
        await pieces.refresh(plans)
        wanted = pieces.ruleset()
        work = partial(self._apply, None if afresh else self._held, wanted, expected)
        worked = await self._attempts.make(work, is_full=afresh)
        self._seen = None
        if worked:
            self._hold(plans)
            self._held = wanted
        else:
            self._afresh = True
        return worked

    def _hold(self, plans: Mapping[PortKey, Elements | None]) -> None:
        for key, plan in plans.items():
            if plan is None:
                self._held_plans.pop(key, None)
            else:
                self._held_plans[key] = plan

    def _expected(self, plans: Mapping[PortKey, Elements | None], *, afresh: bool) -> Expected:
        if afresh:
            gone = {key: None for key, plan in plans.items() if plan is None}
            kept = [plan for plan in plans.values() if plan is not None]
            return expected_after(self._held_plans, gone, self._node) | expected_by_all(kept, self._node)
        return expected_after(self._held_plans, plans, self._node)

    def _apply(self, held: Ruleset | None, wanted: Ruleset, expected: Expected) -> None:
        if held is None:
            saved = parse_saved(self._kernel.save())
            doomed = doomed_chains(saved, wanted)
            text = render_change({}, wanted, jumps=missing_jumps(saved), doomed=doomed)
        else:
            text = render_change(held, wanted)
        if text:
            self._kernel.restore(text)
        end_stale(self._kernel.end_stale, expected, self._node.name, self._figures)

    async def _look(self) -> None:
        """Look whether our chains are still as they were left; they are written again if not."""
        try:
            saved = await asyncio.to_thread(lambda: parse_saved(self._kernel.save()))
        except NetemuError as err:  # the next look may succeed, and says nothing new if not
            log.warning("proxy.not_seen", node=self._node.name, code=err.code, error=err.message)
            return
        deviation, seen = find_deviation(saved, self._held), our_part(saved, self._held)
        if not deviation and self._seen not in (None, seen):
            deviation = "a rule is another"
        self._seen = seen
        if deviation:
            self._afresh = True
            log.warning("proxy.chains_changed", node=self._node.name, found=deviation)
            self._given.tell(f"iptables were changed by somebody: {deviation}; writing them again")

    def _count_rules(self) -> Mapping[str, int]:
        return {table: sum(map(len, chains.values())) for table, chains in self._held.items()}

    def _tell_failure(self, reason: str) -> None:
        self._given.tell_failure(f"iptables could not be changed: {reason}; trying again")


def open_syncer(given: NodeProxying) -> IptablesSyncer:
    """Make the syncer of one node, in its namespace."""
    return IptablesSyncer(given, NodeKernel(given.ns_fd, given.node.family))
