"""[IO] Who changes an nftables table: the kernel's own notices of it.

Each transaction is told by a notice for each of its changes, then one of the ruleset's new
generation, with the process that made it (net/netfilter/nf_tables_api.c; linux/netfilter/nf_tables.h).
"""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Iterator
from typing import NamedTuple

from netemu.linux.netns import open_socket

_NETLINK_NETFILTER = 12
_SOL_NETLINK, _NETLINK_ADD_MEMBERSHIP = 270, 1
_NFNLGRP_NFTABLES = 7
_SUBSYSTEM = 10
_NEW_GENERATION = 15
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


class TableMonitor:
    """Collects notices of one table in one namespace; may be used from any thread, one at a time."""

    def __init__(self, sock: socket.socket, table: str, family: int) -> None:
        self._socket = sock
        self._family = family
        self._table = table.encode()
        self._touched = False
        sock.bind((0, 0))
        sock.setblocking(False)
        sock.setsockopt(_SOL_NETLINK, _NETLINK_ADD_MEMBERSHIP, _NFNLGRP_NFTABLES)

    @classmethod
    def open(cls, ns_fd: int, table: str, family: int = socket.AF_INET) -> TableMonitor:
        """Listen from now on for the table of that name and family (NFPROTO_* is AF_* for both)."""
        kind = socket.SOCK_RAW | socket.SOCK_CLOEXEC
        return cls(open_socket(ns_fd, socket.AF_NETLINK, kind, _NETLINK_NETFILTER), table, family)

    def commits(self) -> list[Commit]:
        """Give the transactions since the last call that changed the table; never waits.

        Raises:
            MissedError: some were lost, and so are those that were not.

        """
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

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def _read(self, data: bytes) -> Iterator[Commit]:
        for kind, family, body in _messages(data):
            if kind >> 8 != _SUBSYSTEM:
                continue
            if kind & 0xFF == _NEW_GENERATION:
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


def _messages(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    offset = 0
    while offset + _HEADER.size <= len(data):
        length, kind, *_ = _HEADER.unpack_from(data, offset)
        if length < _HEADER.size:
            return
        body = offset + _HEADER.size  # struct nfgenmsg first, whose first byte is the family
        yield kind, data[body], data[body + _NFGENMSG_BYTES : offset + length]
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
