"""Which ClusterIPs and node ports are taken: in memory, rebuilt from the Services at start.

Both have a lower, static band that is left to those who ask for a fixed value, and an upper,
dynamic band from which the rest is drawn first (KEP-3070, KEP-3668).
"""

from __future__ import annotations

import random
from collections.abc import Collection, Iterable
from ipaddress import IPv4Address, IPv4Network
from itertools import chain


class ExhaustedError(Exception):
    """Every value of a range is taken."""


class NumberAllocator:
    """Numbers of one range, ``first`` inclusive to ``end`` exclusive."""

    def __init__(self, first: int, end: int, static: int, rng: random.Random) -> None:
        self._first, self._end = first, end
        self._dynamic = first + static
        self._rng = rng
        self._taken: set[int] = set()

    def __contains__(self, number: int) -> bool:
        return self._first <= number < self._end

    def is_taken(self, number: int) -> bool:
        """Tell whether a Service has this number."""
        return number in self._taken

    def reserve(self, numbers: Iterable[int]) -> None:
        """Note that these are taken; twice is once."""
        self._taken.update(numbers)

    def release(self, numbers: Iterable[int]) -> None:
        """Note that these are free again."""
        self._taken.difference_update(numbers)

    def pick(self, avoid: Collection[int] = ()) -> int:
        """Choose a free number, not one of ``avoid``, without taking it.

        Raises:
            ExhaustedError: there is none.

        """
        for low, high in ((self._dynamic, self._end), (self._first, self._dynamic)):
            if low < high:
                start = self._rng.randrange(low, high)
                for number in chain(range(start, high), range(low, start)):
                    if number not in self._taken and number not in avoid:
                        return number
        raise ExhaustedError


def cluster_ips(network: IPv4Network, rng: random.Random) -> NumberAllocator:
    """Make the allocator of a service range; its first and last address are never given out."""
    size = network.num_addresses
    first = int(network.network_address)
    return NumberAllocator(first + 1, first + size - 1, _static_band(size, step=16, most=256), rng)


def node_ports(ports: range, rng: random.Random) -> NumberAllocator:
    """Make the allocator of a node port range."""
    return NumberAllocator(ports.start, ports.stop, _static_band(len(ports), step=32, most=128), rng)


def address(number: int) -> str:
    """Write a ClusterIP as text."""
    return str(IPv4Address(number))


def _static_band(size: int, *, step: int, most: int) -> int:
    return 0 if size <= 16 else min(max(16, size // step), most)
