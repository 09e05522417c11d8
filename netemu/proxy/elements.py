"""The elements that a Service port becomes in the table of one node."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from ipaddress import collapse_addresses
from zlib import crc32

from netemu.nft.expressions import Network
from netemu.nft.statements import Drop, Goto
from netemu.nft.transaction import Element, ElementData
from netemu.proxy.groups import Balancer, Group, Here, NodeView
from netemu.proxy.index import Endpoint
from netemu.proxy.layout import (
    ALLOWED,
    BALANCERS,
    FIREWALLED,
    FRONTENDS,
    HAIRPIN,
    INSIDE,
    LOCAL_IDS,
    NODE_PORTS,
    PICKS,
    REMEMBERED,
    SHORT_CUTS,
    SLOTS,
    Place,
    balancer_name,
)
from netemu.proxy.plan import Elements, Policies


def unique_elements(plan: Elements, here: Here) -> list[tuple[Place, ElementData]]:
    """Give the elements that belong to one Service port alone, but for its endpoints."""
    elements: list[tuple[Place, ElementData]] = [
        ((BALANCERS, (group.id,)), _verdict(group.balancer)) for group in here.groups
    ]
    elements.extend(((FRONTENDS, frontend), (id,)) for frontend, id in here.frontends)
    if here.node_port is not None:
        elements.append(((NODE_PORTS, (plan.cluster.protocol, here.node_port)), (here.node_port_id,)))
    if here.external_id:
        elements.append(((SHORT_CUTS, (here.external_id,)), (here.inside_id,)))
        elements.append(((LOCAL_IDS, (here.external_id,)), None))
        elements.append(((INSIDE, (here.inside_id,)), None))
    if plan.policies is not None:
        elements.extend(_firewall(plan.policies))
    return elements


def endpoint_elements(group: Group) -> Iterator[tuple[str, Element]]:
    """Give the elements for the endpoints of a group, each with its map."""
    if not group.balancer.affinity_s:
        for slot, endpoint in enumerate(group.endpoints):
            yield SLOTS, ((group.id, slot), endpoint[:2])
        return
    for slot, (endpoint, stable) in enumerate(zip(group.endpoints, stable_ids(group), strict=True)):
        yield REMEMBERED, ((group.id, stable), endpoint[:2])
        yield PICKS, ((group.id, slot), (stable,))


def stable_ids(group: Group) -> list[int]:
    """Number endpoints so that each keeps its number while others come and go, also over a restart.

    The number is a hash of its address and port. Of two with the same hash, the one with the
    greater address takes the next number, and may lose the clients that it had.
    """
    by_endpoint: dict[Endpoint, int] = {}
    taken = {0}
    for endpoint in sorted(group.endpoints, key=lambda e: (int(e.address), e.port)):
        number = crc32(f"{endpoint.address} {endpoint.port}".encode())
        while number in taken:
            number = (number + 1) & 0xFFFFFFFF
        taken.add(number)
        by_endpoint[endpoint] = number
    return [by_endpoint[endpoint] for endpoint in group.endpoints]


def hairpin_places(endpoints: Iterable[Endpoint], node: NodeView) -> list[Place]:
    """Give the elements for endpoints that may be pods of this node and so may reach themselves."""
    return [
        (HAIRPIN, (endpoint.address, endpoint.address))
        for endpoint in endpoints
        if (endpoint.node is None or endpoint.node == node.name) and endpoint.address in node.pods
    ]


@cache
def _verdict(balancer: Balancer) -> Goto | Drop:
    if balancer.drops and not balancer.size:
        return Drop()
    return Goto(balancer_name(balancer))


def _firewall(policies: Policies) -> Iterator[tuple[Place, ElementData]]:
    if policies.sources is None:
        return
    for frontend in policies.balancers:
        yield (FIREWALLED, frontend), None
        for network in _collapsed(policies.sources):
            yield (ALLOWED, (*frontend, network)), None


@lru_cache(maxsize=1024)
def _collapsed(sources: tuple[Network, ...]) -> tuple[Network, ...]:
    """Join networks that overlap: the kernel refuses such intervals. They are of one family."""
    return tuple(collapse_addresses(sources))  # type: ignore[type-var]
