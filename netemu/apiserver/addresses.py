"""Which ClusterIPs and node ports are taken: in memory, rebuilt from the Services at start.

Both have a lower, static band that is left to those who ask for a fixed value, and an upper,
dynamic band from which the rest is drawn first (KEP-3070, KEP-3668).
"""

from __future__ import annotations

import functools
import random
from collections.abc import Collection, Iterable, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from itertools import chain

Network = IPv4Network | IPv6Network


class ExhaustedError(Exception):
    """Every value of a range is taken."""


class NumberAllocator:
    """Numbers of one range, ``first`` inclusive to ``end`` exclusive; ranges may share what is taken."""

    def __init__(
        self, first: int, end: int, static: int, rng: random.Random, taken: set[int] | None = None
    ) -> None:
        self._first, self._end = first, end
        self._dynamic = first + static
        self._rng = rng
        self._taken = set() if taken is None else taken

    def __contains__(self, number: int) -> bool:
        return self._first <= number < self._end

    def __len__(self) -> int:
        return len(self._taken)

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


class ClusterIPs:
    """The ClusterIPs of a cluster: its own ranges, and those that ServiceCIDRs add while it runs."""

    def __init__(self, own: Sequence[str], rng: random.Random) -> None:
        self._rng = rng
        self._taken: set[int] = set()
        self._ranges: dict[str, tuple[tuple[Network, NumberAllocator], ...]] = {}
        self.own = tuple(ip_network(text) for text in own)
        self.set_range("", own)

    def __len__(self) -> int:
        return len(self._taken)

    @property
    def families(self) -> tuple[str, ...]:
        """The families that Services can have here, the usual one first."""
        return tuple(f"IPv{network.version}" for network in self.own)

    def set_range(self, name: str, cidrs: Iterable[str]) -> None:
        """Let addresses be given out from the ranges of a ServiceCIDR; from none, if there are none."""
        networks = [ip_network(text, strict=False) for text in cidrs]
        self._ranges[name] = tuple((n, cluster_ips(n, self._rng, self._taken)) for n in networks)

    def reserve(self, numbers: Iterable[int]) -> None:
        """Note that these are taken."""
        self._taken.update(numbers)

    def release(self, numbers: Iterable[int]) -> None:
        """Note that these are free again."""
        self._taken.difference_update(numbers)

    def is_taken(self, number: int) -> bool:
        """Tell whether an address is taken."""
        return number in self._taken

    def __contains__(self, number: int) -> bool:
        return any(number in allocator for _, allocator in self._all())

    def pick(self, family: str, avoid: Collection[int] = ()) -> int:
        """Choose a free address of a family.

        Raises:
            ExhaustedError: there is none in any range.

        """
        for network, allocator in self._all():
            if f"IPv{network.version}" == family:
                try:
                    return allocator.pick(avoid)
                except ExhaustedError:
                    continue
        raise ExhaustedError

    def _all(self) -> Iterable[tuple[Network, NumberAllocator]]:
        return chain.from_iterable(self._ranges.values())


def cluster_ips(network: Network, rng: random.Random, taken: set[int] | None = None) -> NumberAllocator:
    """Make the allocator of a service range; its first address, and IPv4's last, are never given out."""
    size = network.num_addresses
    first = int(network.network_address)
    last = first + size - (1 if network.version == 4 else 0)
    return NumberAllocator(first + 1, last, _static_band(size, step=16, most=256), rng, taken)


def node_ports(ports: range, rng: random.Random) -> NumberAllocator:
    """Make the allocator of a node port range."""
    return NumberAllocator(ports.start, ports.stop, _static_band(len(ports), step=32, most=128), rng)


def address(number: int) -> str:
    """Write a ClusterIP as text."""
    return str(ip_address(number))


@functools.lru_cache(maxsize=1024)
def number_of(text: str) -> int:
    """Read a ClusterIP.

    Raises:
        ValueError: it is none.

    """
    return int(ip_address(text))


def _static_band(size: int, *, step: int, most: int) -> int:
    return 0 if size <= 16 else min(max(16, size // step), most)
