"""[IO] One family's table in one node's kernel."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial

from netemu.errors import KernelError
from netemu.linux.nft import NftContext, run_in_child
from netemu.linux.nftmonitor import Commit, MissedError, Monitors
from netemu.nft.expressions import Family
from netemu.nft.render import render_transaction
from netemu.nft.transaction import Transaction
from netemu.proxy import flows
from netemu.proxy.groups import TABLE_NAME
from netemu.proxy.stale import Expected

# Above it, a transaction goes to a child: it would cost this process memory for good, and may
# not fit the socket buffer of a context (see NftContext).
IN_PROCESS_ELEMENTS = 1000
_CHILDREN = 2
_CHAIN = re.compile(r"^\tchain (\S+) {", re.MULTILINE)


class NodeKernel:
    """One family's table in one node's network namespace; ``ns_fd`` stays the caller's."""

    def __init__(self, ns_fd: int, family: Family = Family.IP, *, monitors: Monitors | None = None) -> None:
        flows.set_timeouts(ns_fd)
        self._ns_fd = os.dup(ns_fd)
        self._nft: NftContext | None = None
        self._family = family
        self._monitors = monitors or Monitors()
        self._monitor = self._monitors.open(
            ns_fd, TABLE_NAME, socket.AF_INET if family is Family.IP else socket.AF_INET6
        )
        self._intruder = ""
        self._closed = False
        self._lock = threading.Lock()

    def apply(self, transaction: Transaction) -> None:
        """Do a transaction."""
        text = render_transaction(transaction)
        with self._lock:
            self._refuse_when_closed()
            if transaction.elements > IN_PROCESS_ELEMENTS:
                with self._monitors.hushed():
                    run_in_child(self._ns_fd, text)
                    self._monitors.count_own(self._ns_fd)
                return
            self._context().run(text)
            self._monitors.count_own(self._ns_fd)
            self._note_others()

    def apply_together(self, transactions: Iterable[Transaction]) -> None:
        """Do transactions in children, two at a time: one is read while the kernel takes the other.

        They are taken as they are made, so that the making costs no time of its own.
        """
        with self._lock, self._monitors.hushed(), ThreadPoolExecutor(_CHILDREN) as children:
            self._refuse_when_closed()
            texts = map(render_transaction, transactions)
            for _ in children.map(partial(run_in_child, self._ns_fd), texts):
                self._monitors.count_own(self._ns_fd)

    def chains(self) -> frozenset[str] | None:
        """Name the chains of the table; ``None`` if it is not there."""
        with self._lock:
            self._refuse_when_closed()
            tables = self._context().run(f"list chains {self._family.value}")
        _, found, rest = tables.partition(f"table {self._family.value} {TABLE_NAME} {{\n")
        return frozenset(_CHAIN.findall(rest.partition("\n}")[0])) if found else None

    def intruder(self) -> str:
        """Name the last other process that changed the table."""
        with self._lock:
            self._refuse_when_closed()
            found, self._intruder = self._intruder, ""
            try:
                commits = self._monitor.commits()
            except MissedError:
                return "somebody"
        return _words(commits[-1]) if commits else found

    @contextmanager
    def noticing(self, call: Callable[[], None]) -> Iterator[None]:
        """Have the event loop call when somebody changed a table of the namespace, this one or another."""
        loop = asyncio.get_running_loop()
        loop.add_reader(self._monitor, call)
        try:
            yield
        finally:
            loop.remove_reader(self._monitor)

    def has_gap(self) -> bool:
        """Tell whether another transaction fell into a hush."""
        return self._monitor.take_gap()

    def end_stale(self, expected: Expected) -> int:
        """End UDP flows."""
        with self._lock:
            self._refuse_when_closed()
            conntrack = flows.open_conntrack(self._ns_fd, self._family)
        return flows.end_stale(conntrack, expected)

    def close(self) -> None:
        """Close, after the transaction that is under way; again is a no-op."""
        with self._lock:
            if not self._closed:
                self._closed = True
                if self._nft is not None:
                    self._nft.close()
                self._monitors.close(self._monitor)
                os.close(self._ns_fd)

    def _context(self) -> NftContext:
        if self._nft is None:
            self._nft = NftContext.open(self._ns_fd)
        return self._nft

    def _note_others(self) -> None:
        """Keep in mind who else changed the table since somebody looked: all but our own commit."""
        with suppress(MissedError):
            commits = self._monitor.commits()
            if len(commits) > 1:
                others = [commit for commit in commits if commit.pid != threading.get_native_id()]
                self._intruder = _words((others or commits)[0])

    def _refuse_when_closed(self) -> None:
        if self._closed:
            raise KernelError("the node's namespace was let go")


def _words(commit: Commit) -> str:
    return f"{commit.process} (pid {commit.pid})"
