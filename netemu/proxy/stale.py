"""Which tracked UDP flows no longer go where they should.

A flow to a frontend is right if one of the frontend's present endpoints answers it. That one
rule covers an endpoint that went, the last one, the Service, and the first endpoint that
came while a client kept asking.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address
from typing import NamedTuple

from netemu.nft.expressions import L4
from netemu.proxy.index import PortKey
from netemu.proxy.layout import NodeView
from netemu.proxy.plan import Elements

Socket = tuple[IPv4Address, int]
Expected = Mapping[Socket, frozenset[Socket]]


class UdpFlow(NamedTuple):
    """A tracked flow, as far as this module looks at it."""

    destination: Socket
    answered_by: Socket


def expected_by_all(plans: Iterable[Elements], node: NodeView) -> dict[Socket, frozenset[Socket]]:
    """Give who may answer, for every UDP frontend."""
    return {
        frontend: _sockets(plan)
        for plan in plans
        if plan.cluster.protocol is L4.UDP
        for frontend in _frontends(plan, node)
    }


def expected_after(
    before: Mapping[PortKey, Elements], changed: Mapping[PortKey, Elements | None], node: NodeView
) -> dict[Socket, frozenset[Socket]]:
    """Give who may answer, for the UDP frontends whose flows a change may have made stale.

    Endpoints that only join others make none stale.
    """
    expected: dict[Socket, frozenset[Socket]] = {}
    for key in changed:
        old, new = before.get(key), changed[key]
        if _may_leave_stale(old, new, node):
            for frontend in _udp_frontends(old, node) - _udp_frontends(new, node):
                expected.setdefault(frontend, frozenset())
            for frontend in _udp_frontends(new, node):
                expected[frontend] = _sockets(new)
    return expected


def is_stale(flow: UdpFlow, expected: Expected) -> bool:
    """Tell whether a flow must end."""
    answering = expected.get(flow.destination)
    return answering is not None and flow.answered_by not in answering


def _may_leave_stale(old: Elements | None, new: Elements | None, node: NodeView) -> bool:
    had, has = _sockets(old), _sockets(new)
    same_frontends = _udp_frontends(old, node) == _udp_frontends(new, node)
    return not same_frontends or not had or not had <= has


def _udp_frontends(plan: Elements | None, node: NodeView) -> set[Socket]:
    if plan is None or plan.cluster.protocol is not L4.UDP:
        return set()
    return set(_frontends(plan, node))


def _frontends(plan: Elements, node: NodeView) -> Iterable[Socket]:
    for frontend in plan.frontends:
        yield frontend.address, frontend.port
    if plan.node_port is not None:
        for address in node.addresses:
            yield address, plan.node_port


def _sockets(plan: Elements | None) -> frozenset[Socket]:
    return frozenset((at.address, at.port) for at in plan.endpoints) if plan is not None else frozenset()
