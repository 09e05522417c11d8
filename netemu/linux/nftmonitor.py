"""[IO] Who changes an nftables table: the kernel's own notices of it.

Each transaction is told by a notice for each of its changes, then one of the ruleset's new
generation, with the process that made it (net/netfilter/nf_tables_api.c; linux/netfilter/nf_tables.h).

A notice takes 4 kB of the kernel's memory, all of a transaction's are kept until its end, and they
are made as soon as anybody listens, in whatever namespace of the machine (net/netlink/af_netlink.c,
``netlink_has_listeners``). With 60,000 elements that is 250 MB and most of the time it takes, so
nobody listens meanwhile.
"""

from __future__ import annotations

import errno
import socket
import struct
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

from netemu.linux.netns import identity, open_socket

_NETLINK_NETFILTER = 12
_SOL_NETLINK, _NETLINK_ADD_MEMBERSHIP, _NETLINK_DROP_MEMBERSHIP = 270, 1, 2
_NFNLGRP_NFTABLES = 7
_SUBSYSTEM = 10
_NEW_GENERATION, _GET_GENERATION = 15, 16
_REQUEST = 1
_GENERATION_ID = 1
_TABLE_NAME = 1  # the first attribute of tables, chains, rules, sets and elements alike
_PROCESS_ID, _PROCESS_NAME = 2, 3
_HEADER = struct.Struct("=IHHII")
_NFGENMSG_BYTES = 4
_RECEIVE_BYTES = 1 << 17


class Commit(NamedTuple):
    """A transaction that changed the table; ``pid`` as the machine's own PID namespace counts."""

    pid: int
    process: str


class MissedError(Exception):
    """There were more notices than the socket could hold."""


class Monitors:
    """The monitors of one process, which must not listen while any of them loads a table.

    May be used from any thread.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: set[TableMonitor] = set()
        self._hushes = 0
        self._own: Counter[tuple[int, int]] = Counter()  # commits of this process, by namespace

    def open(self, ns_fd: int, table: str, family: int = socket.AF_INET) -> TableMonitor:
        """Listen from now on for the table of that name and family (NFPROTO_* is AF_* for both)."""
        kind = socket.SOCK_RAW | socket.SOCK_CLOEXEC
        sock = open_socket(ns_fd, socket.AF_NETLINK, kind, _NETLINK_NETFILTER)
        monitor = TableMonitor(sock, table, family, namespace := identity(ns_fd))
        with self._lock:
            self._open.add(monitor)
            if self._hushes:
                monitor.stop(self._own[namespace])
        return monitor

    def close(self, monitor: TableMonitor) -> None:
        """Close one of them."""
        with self._lock:
            self._open.discard(monitor)
            monitor.close()

    def count_own(self, ns_fd: int) -> None:
        """Note that this process made a transaction in a namespace."""
        with self._lock:
            self._own[identity(ns_fd)] += 1

    @contextmanager
    def hushed(self) -> Iterator[None]:
        """Have nobody listen for the length of a block."""
        with self._lock:
            self._hushes += 1
            if self._hushes == 1:
                for monitor in self._open:
                    monitor.stop(self._own[monitor.namespace])
        try:
            yield
        finally:
            with self._lock:
                self._hushes -= 1
                if not self._hushes:
                    for monitor in self._open:
                        monitor.start(self._own[monitor.namespace])


class TableMonitor:
    """Collects notices of one table in one namespace; may be used from any thread."""

    def __init__(self, sock: socket.socket, table: str, family: int, namespace: tuple[int, int]) -> None:
        self.namespace = namespace
        self._socket = sock
        self._family = family
        self._table = table.encode()
        self._touched = False
        self._lock = threading.RLock()
        self._collected: list[Commit] = []
        self._missed = self._has_gap = False
        self._generation: int | None = None
        self._before: int | None = None
        self._own_before = 0
        sock.bind((0, 0))
        self._port: int = sock.getsockname()[0]
        sock.setblocking(False)
        self._listen(_NETLINK_ADD_MEMBERSHIP)

    def commits(self) -> list[Commit]:
        """Give the transactions since the last call that changed the table; never waits.

        Raises:
            MissedError: some were lost, and so are those that were not.

        """
        with self._lock:
            self._collect()
            found, missed = self._collected, self._missed
            self._collected, self._missed = [], False
        if missed:
            raise MissedError
        return found

    def fileno(self) -> int:
        """Give the socket's descriptor, which can be read when there is something to collect."""
        return self._socket.fileno()

    def take_gap(self) -> bool:
        """Tell, once, whether another process changed something while nobody listened."""
        with self._lock:
            has_gap, self._has_gap = self._has_gap, False
        return has_gap

    def stop(self, own: int) -> None:
        """Listen no more; ``own`` is the number of commits that this process made in the namespace."""
        with self._lock:
            self._collect()
            self._listen(_NETLINK_DROP_MEMBERSHIP)
            self._before, self._own_before = self._ask_generation(), own

    def start(self, own: int) -> None:
        """Listen again."""
        with self._lock:
            self._listen(_NETLINK_ADD_MEMBERSHIP)
            now = self._ask_generation()
            if now is not None and self._before is not None:
                self._has_gap |= now - self._before != own - self._own_before

    def close(self) -> None:
        """Close the socket."""
        with self._lock:
            self._socket.close()

    def _listen(self, change: int) -> None:
        self._socket.setsockopt(_SOL_NETLINK, change, _NFNLGRP_NFTABLES)

    def _collect(self) -> None:
        try:
            self._collected += self._received()
        except MissedError:
            self._collected, self._missed = [], True

    def _ask_generation(self) -> int | None:
        """Ask for the number of transactions that the namespace has seen; ``None`` without an answer."""
        self._generation = None
        header = (_HEADER.size + _NFGENMSG_BYTES, _SUBSYSTEM << 8 | _GET_GENERATION, _REQUEST, 0, 0)
        with suppress(OSError):
            self._socket.send(_HEADER.pack(*header) + bytes(_NFGENMSG_BYTES))
        self._collect()  # the answer is there when send returns
        return self._generation

    def _received(self) -> list[Commit]:
        found: list[Commit] = []
        while True:
            try:
                data = self._socket.recv(_RECEIVE_BYTES)
            except BlockingIOError:
                return found
            except OSError as err:
                if err.errno != errno.ENOBUFS:
                    raise
                self._discard()
                raise MissedError from err
            found.extend(self._read(data))

    def _read(self, data: bytes) -> Iterator[Commit]:
        for kind, port, family, body in _messages(data):
            if kind >> 8 != _SUBSYSTEM:
                continue
            if kind & 0xFF == _NEW_GENERATION and port == self._port:
                self._generation = int.from_bytes(dict(_attributes(body))[_GENERATION_ID], "big")
            elif kind & 0xFF == _NEW_GENERATION:
                if self._touched:
                    yield _commit(body)
                self._touched = False
            elif not self._touched and family == self._family:
                first = next(_attributes(body), None)
                self._touched = first is not None and first == (_TABLE_NAME, self._table + b"\0")

    def _discard(self) -> None:
        self._touched = False
        while True:
            try:
                self._socket.recv(_RECEIVE_BYTES)
            except BlockingIOError:
                return
            except OSError as err:
                if err.errno != errno.ENOBUFS:
                    raise


def _messages(data: bytes) -> Iterator[tuple[int, int, int, bytes]]:
    """Give each message's type, the port of whom it answers or tells of, its family and attributes."""
    offset = 0
    while offset + _HEADER.size <= len(data):
        length, kind, _, _, port = _HEADER.unpack_from(data, offset)
        if length < _HEADER.size:
            return
        body = offset + _HEADER.size  # struct nfgenmsg first, whose first byte is the family
        yield kind, port, data[body], data[body + _NFGENMSG_BYTES : offset + length]
        offset += (length + 3) & ~3


def _attributes(body: bytes) -> Iterator[tuple[int, bytes]]:
    offset = 0
    while offset + 4 <= len(body):
        length, kind = struct.unpack_from("=HH", body, offset)
        if length < 4:
            return
        yield kind & 0x3FFF, body[offset + 4 : offset + length]
        offset += (length + 3) & ~3


def _commit(body: bytes) -> Commit:
    found = dict(_attributes(body))
    process = found.get(_PROCESS_NAME, b"").rstrip(b"\0").decode(errors="replace")
    return Commit(int.from_bytes(found.get(_PROCESS_ID, b""), "big"), process)
