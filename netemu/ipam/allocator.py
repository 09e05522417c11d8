"""Which address a subnet gives next."""

from __future__ import annotations

from collections.abc import Container, Iterator
from ipaddress import IPv4Address, IPv6Address
from typing import ClassVar, NamedTuple

from netemu.errors import NetemuError
from netemu.ipam.ranges import Network

Address = IPv4Address | IPv6Address


class Range(NamedTuple):
    """The addresses ``first`` to ``last`` of a subnet, without its gateway."""

    subnet: Network
    gateway: Address
    first: Address
    last: Address

    def __contains__(self, ip: object) -> bool:
        if not isinstance(ip, type(self.gateway)):
            return False
        return int(self.first) <= int(ip) <= int(self.last) and ip != self.gateway


class SubnetExhaustedError(NetemuError):
    """Every address of a node's pod subnet is taken."""

    code: ClassVar[str] = "IPAM_SUBNET_EXHAUSTED"

    def __init__(self, subnet: Network, leases: int) -> None:
        super().__init__(
            f"no free address in {subnet}: {leases} leases held",
            hint="Delete pods, or give the nodes wider slices with a larger --max-pods.",
        )


def whole_range(
    subnet: Network,
    *,
    gateway: Address | None = None,
    first: Address | None = None,
    last: Address | None = None,
) -> Range:
    """Make the range of a subnet: its gateway is its first address, unless told otherwise.

    Raises:
        ValueError: the subnet has fewer than two hosts, or a bound lies outside of it.

    """
    smallest = subnet.max_prefixlen - 2
    if subnet.prefixlen > smallest:
        raise ValueError(f"subnet {subnet} is too small: a /{smallest} is the smallest")
    bounds = (gateway or subnet[1], first or subnet[1], last or subnet[-2])
    for bound in bounds:
        if bound not in subnet:
            raise ValueError(f"{bound} is not in subnet {subnet}")
    return Range(subnet, *bounds)


def candidates(pool: Range, last_leased: Address | None) -> Iterator[Address]:
    """Give every address of a range once, beginning behind the one that was leased last.

    Round robin: an address that was just given back comes again as late as possible.
    """
    size = int(pool.last) - int(pool.first) + 1
    begin = 0 if last_leased is None else (int(last_leased) - int(pool.first) + 1) % size
    for step in range(size):
        ip = pool.first + (begin + step) % size
        if ip != pool.gateway:
            yield ip


def next_free(pool: Range, leased: Container[Address], last_leased: Address | None) -> Address | None:
    """Find the next address that is not leased; ``None`` when all are."""
    return next((ip for ip in candidates(pool, last_leased) if ip not in leased), None)
