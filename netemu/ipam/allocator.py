"""Which address a subnet gives next."""

from __future__ import annotations

from collections.abc import Container, Iterator
from ipaddress import IPv4Address, IPv4Network
from typing import ClassVar, NamedTuple

from netemu.errors import NetemuError


class Range(NamedTuple):
    """The addresses ``first`` to ``last`` of a subnet, without its gateway."""

    subnet: IPv4Network
    gateway: IPv4Address
    first: IPv4Address
    last: IPv4Address

    def __contains__(self, ip: object) -> bool:
        return isinstance(ip, IPv4Address) and self.first <= ip <= self.last and ip != self.gateway


class SubnetExhaustedError(NetemuError):
    """Every address of a node's pod subnet is taken."""

    code: ClassVar[str] = "IPAM_SUBNET_EXHAUSTED"

    def __init__(self, subnet: IPv4Network, leases: int) -> None:
        super().__init__(
            f"no free address in {subnet}: {leases} leases held",
            hint="Delete pods, or give the nodes wider slices with a larger --max-pods.",
        )


def whole_range(
    subnet: IPv4Network,
    *,
    gateway: IPv4Address | None = None,
    first: IPv4Address | None = None,
    last: IPv4Address | None = None,
) -> Range:
    """Make the range of a subnet: its gateway is its first address, unless told otherwise.

    Raises:
        ValueError: the subnet has fewer than two hosts, or a bound lies outside of it.

    """
    if subnet.prefixlen > 30:
        raise ValueError(f"subnet {subnet} is too small: a /30 is the smallest")
    bounds = (gateway or subnet[1], first or subnet[1], last or subnet[-2])
    for bound in bounds:
        if bound not in subnet:
            raise ValueError(f"{bound} is not in subnet {subnet}")
    return Range(subnet, *bounds)


def candidates(pool: Range, last_leased: IPv4Address | None) -> Iterator[IPv4Address]:
    """Give every address of a range once, beginning behind the one that was leased last.

    Round robin: an address that was just given back comes again as late as possible.
    """
    size = int(pool.last) - int(pool.first) + 1
    begin = 0 if last_leased is None else (int(last_leased) - int(pool.first) + 1) % size
    for step in range(size):
        ip = pool.first + (begin + step) % size
        if ip != pool.gateway:
            yield ip


def next_free(
    pool: Range, leased: Container[IPv4Address], last_leased: IPv4Address | None
) -> IPv4Address | None:
    """Find the next address that is not leased; ``None`` when all are."""
    return next((ip for ip in candidates(pool, last_leased) if ip not in leased), None)
