"""What nodes tell their peers by BGP. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_network
from typing import NamedTuple

from netemu.balancer.announcement import BgpAdvertisement
from netemu.balancer.pools import Address, Network


class Route(NamedTuple):
    """A network that a node announces, and what it says of it."""

    prefix: Network
    local_pref: int | None = None
    communities: tuple[str, ...] = ()


def route_to(address: Address, said: BgpAdvertisement) -> Route:
    """Give the route that an advertisement makes of an address."""
    length = said.aggregation_length if address.version == 4 else said.aggregation_length_v6
    return Route(ip_network((address, length), strict=False), said.local_pref, said.communities)


def joined(routes: Iterable[Route]) -> tuple[Route, ...]:
    """Make one route of all that lead to the same network, in order.

    It has all their communities, and the highest LOCAL_PREF that one of them has.
    """
    found: dict[Network, Route] = {}
    for route in routes:
        other = found.get(route.prefix, Route(route.prefix))
        prefs = [pref for pref in (route.local_pref, other.local_pref) if pref is not None]
        communities = {*route.communities, *other.communities}
        found[route.prefix] = Route(
            route.prefix, max(prefs, default=None), tuple(sorted(communities, key=_by_number))
        )
    return tuple(sorted(found.values(), key=lambda route: (route.prefix.version, route.prefix)))


def _by_number(community: str) -> tuple[int, int]:
    asn, _, value = community.partition(":")
    return int(asn), int(value)
