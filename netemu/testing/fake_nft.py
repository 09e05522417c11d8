"""A node's nftables in memory, as the proxy's syncer of maps needs them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address, ip_address

from netemu.errors import KernelError
from netemu.nft.expressions import L4, Address
from netemu.nft.ruleset import Ruleset, apply
from netemu.nft.transaction import Transaction
from netemu.nft.walk import Packet, Rejected, walk
from netemu.proxy.stale import Expected

_POD = IPv4Address("10.244.1.9")


class FakeNft:
    """Applies transactions to a ruleset; refuses as many as it is told to (``refuse_next``).

    Tests play another hand by what they put into ``ruleset``, ``intruder_name`` and ``gap``, and ``notice``.
    """

    notice: Callable[[], None]

    def __init__(self) -> None:
        self.ruleset = Ruleset()
        self.transactions: list[Transaction] = []
        self.refuse_next = 0
        self.ended_stale: list[Expected] = []
        self.has_no_conntrack = False
        self.closed = False
        self.intruder_name = ""
        self.gap = False

    def apply(self, transaction: Transaction) -> None:
        """Do a transaction."""
        self.transactions.append(transaction)
        if self.refuse_next:
            self.refuse_next -= 1
            raise KernelError("told to refuse")
        self.ruleset = apply(self.ruleset, transaction)

    def apply_together(self, transactions: Iterable[Transaction]) -> None:
        """Do transactions."""
        for transaction in transactions:
            self.apply(transaction)

    def chains(self) -> frozenset[str] | None:
        """Name the chains."""
        names = [chain.name for content in self.ruleset.tables.values() for chain in content.table.chains]
        return frozenset(names) if self.ruleset.tables else None

    def intruder(self) -> str:
        """Name who changed something."""
        found, self.intruder_name = self.intruder_name, ""
        return found

    @contextmanager
    def noticing(self, call: Callable[[], None]) -> Iterator[None]:
        """Have ``notice`` for the length of a block."""
        self.notice = call
        yield
        del self.notice

    def has_gap(self) -> bool:
        """Tell whether there was a gap."""
        found, self.gap = self.gap, False
        return found

    def end_stale(self, expected: Expected) -> int:
        """End nothing."""
        self.ended_stale.append(expected)
        if self.has_no_conntrack:
            raise KernelError("told to refuse")
        return 0

    def close(self) -> None:
        """Be let go."""
        self.closed = True

    def is_refused(self, ip: str, pod: Address = _POD) -> bool:
        """Tell whether a pod that connects to port 80 of an address gets a reset."""
        return walk(self.ruleset, Packet(pod, ip_address(ip), L4.TCP, 80)) == {Rejected(tcp_reset=True)}
