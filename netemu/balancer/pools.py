"""Address pools: what they hold, and whom they are for. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from types import MappingProxyType
from typing import NamedTuple

import msgspec
from msgspec import Struct

from netemu.api.client import Object
from netemu.api.selectors import matches
from netemu.api.views import view
from netemu.api.views.meta import LabelSelector, ObjectMeta

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Labels = Mapping[str, str]

_MOST = (1 << 63) - 1  # of what fits into an int64
_NO_PRIORITY = 1 << 31  # 0 means none, and goes last


class ServiceAllocation(Struct, frozen=True, kw_only=True, rename="camel"):
    """Which Services get addresses of a pool; it is theirs alone."""

    priority: int = 0
    namespaces: tuple[str, ...] = ()
    namespace_selectors: tuple[LabelSelector, ...] = ()
    service_selectors: tuple[LabelSelector, ...] = ()


class PoolSpec(Struct, frozen=True, kw_only=True, rename="camel"):
    """What a pool's object says."""

    addresses: tuple[str, ...] = ()
    auto_assign: bool = True
    avoid_buggy_ips: bool = msgspec.field(default=False, name="avoidBuggyIPs")
    service_allocation: ServiceAllocation | None = None


class PoolView(Struct, frozen=True, kw_only=True):
    """loadbalancer.netemu.io/v1 AddressPool."""

    metadata: ObjectMeta
    spec: PoolSpec = PoolSpec()


class Range(NamedTuple):
    """Addresses from the first to the last one, of one family."""

    first: Address
    last: Address

    def __contains__(self, address: object) -> bool:
        if not isinstance(address, IPv4Address | IPv6Address) or address.version != self.first.version:
            return False
        return int(self.first) <= int(address) <= int(self.last)


class Pool(NamedTuple):
    """A pool, read."""

    name: str
    ranges: tuple[Range, ...]
    spec: PoolSpec = PoolSpec()

    def holds(self, address: Address) -> bool:
        """Tell whether an address may be given out of this pool."""
        if self.spec.avoid_buggy_ips and _is_buggy(address):
            return False
        return any(address in range for range in self.ranges)

    def addresses(self, version: int) -> Iterator[Address]:
        """Give the addresses of one family, in order."""
        for first, last in self.ranges:
            if first.version == version:
                for number in range(int(first), int(last) + 1):
                    address = ip_address(number) if version == 4 else IPv6Address(number)
                    if not (self.spec.avoid_buggy_ips and _is_buggy(address)):
                        yield address

    def size(self, version: int) -> int:
        """Count the addresses of one family."""
        return sum(
            int(last) - int(first) + 1 - (_buggy(first, last) if self.spec.avoid_buggy_ips else 0)
            for first, last in self.ranges
            if first.version == version
        )

    def is_for(self, namespace: str, namespace_labels: Labels, labels: Labels) -> bool:
        """Tell whether a Service may have addresses of this pool."""
        wanted = self.spec.service_allocation
        if wanted is None:
            return True
        if wanted.namespaces or wanted.namespace_selectors:
            named = namespace in wanted.namespaces
            if not named and not any(matches(s, namespace_labels) for s in wanted.namespace_selectors):
                return False
        return not wanted.service_selectors or any(matches(s, labels) for s in wanted.service_selectors)

    @property
    def rank(self) -> tuple[int, str]:
        """Which pool goes first: those for some Services, by priority, before those for all."""
        allocation = self.spec.service_allocation
        if allocation is None:
            return _NO_PRIORITY + 1, self.name
        return allocation.priority or _NO_PRIORITY, self.name


class Read(NamedTuple):
    """The pools that could be read, and what is wrong with the others, by name."""

    pools: tuple[Pool, ...]
    problems: Mapping[str, str]


def read_pools(objects: Iterable[Object], places: Mapping[Address, str] = MappingProxyType({})) -> Read:
    """Read all pools, those that go first first.

    A pool that shares addresses with one before it is wrong, and one that has those of ``places``:
    two would answer for them.
    """
    pools: list[Pool] = []
    problems: dict[str, str] = {}
    for obj in sorted(objects, key=lambda obj: str(obj["metadata"]["name"])):
        name = obj["metadata"]["name"]
        try:
            pool = read_pool(obj)
        except (ValueError, msgspec.ValidationError) as err:
            problems[name] = str(err)
            continue
        problem = next(_conflicts(pool, pools, places), "")
        if problem:
            problems[name] = problem
        else:
            pools.append(pool)
    return Read(tuple(sorted(pools, key=lambda pool: pool.rank)), problems)


def _conflicts(pool: Pool, others: Iterable[Pool], places: Mapping[Address, str]) -> Iterator[str]:
    for address, place in places.items():
        if any(address in each for each in pool.ranges):
            yield f"it has {address}, the address of {place}"
    for other in others:
        if _overlap(pool, other):
            yield f'it has addresses that pool "{other.name}" has too'


def read_pool(obj: Object) -> Pool:
    """Read a pool.

    Raises:
        ValueError, msgspec.ValidationError: it says something that makes no sense.

    """
    read = view(PoolView, obj)
    ranges = [found for text in read.spec.addresses for found in read_range(text)]
    return Pool(read.metadata.name, tuple(ranges), read.spec)


def read_range(text: str) -> Iterator[Range]:
    """Read a network or a range.

    Raises:
        ValueError: it is neither.

    """
    first, dash, last = (part.strip() for part in text.partition("-"))
    if not dash:
        network = ip_network(text.strip(), strict=False)
        yield Range(network.network_address, network.broadcast_address)
        return
    start, end = ip_address(first), ip_address(last)
    if start.version != end.version or int(start) > int(end):
        raise ValueError(f"{text!r} is no range: give the lower address first, both of one family")
    yield Range(start, end)


def unreached(pool: Pool, hosts: Sequence[Network]) -> str:
    """Say which addresses of a pool nobody asks for in layer 2, if there are any."""
    known = [Range(each.network_address, each.broadcast_address) for each in hosts]
    for first, last in pool.ranges:
        if not any(first in each and last in each for each in known):
            return f"nobody outside asks for {first}-{last}: {', '.join(map(str, hosts))} is where hosts are"
    return ""


def _overlap(pool: Pool, other: Pool) -> bool:
    return any(a.first in b or b.first in a for a in pool.ranges for b in other.ranges)


def _buggy(first: Address, last: Address) -> int:
    """Count what ends in .0 or .255 from one address to another."""
    if first.version == 6:
        return 0
    below, within = int(first), int(last) + 1
    return sum((within - end + 255) // 256 - (below - end + 255) // 256 for end in (0, 255))


def _is_buggy(address: Address) -> bool:
    return address.version == 4 and address.packed[-1] in (0, 255)


def status_of(pool: Pool, given: Iterable[Address]) -> Mapping[str, int]:
    """Count what of a pool is given out, and what is left."""
    status = {}
    versions = [address.version for address in given if pool.holds(address)]
    for version in (4, 6):
        assigned = versions.count(version)
        status[f"assignedIPv{version}"] = assigned
        status[f"availableIPv{version}"] = min(pool.size(version) - assigned, _MOST)
    return status
