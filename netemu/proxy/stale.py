"""Which tracked UDP flows no longer go where they should.

A flow to a frontend is right if one of the frontend's present endpoints answers it. That one
rule covers an endpoint that went, the last one, the Service, and the first endpoint that
came while a client kept asking.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address
from typing import NamedTuple

from netemu.nft.expressions import L4, Address
from netemu.proxy.groups import NodeView, on_node
from netemu.proxy.index import PortKey
from netemu.proxy.plan import Elements

_LOCALHOST = IPv4Address("127.0.0.1")

Socket = tuple[Address, int]
Expected = Mapping[Socket, frozenset[Socket]]


class UdpFlow(NamedTuple):
    """A tracked flow, as far as this module looks at it."""

    destination: Socket
    answered_by: Socket


def expected_by_all(plans: Iterable[Elements], node: NodeView) -> dict[Socket, frozenset[Socket]]:
    """Give who may answer, for every UDP frontend."""
    expected: dict[Socket, frozenset[Socket]] = {}
    for plan in plans:
        expected.update(_answering(plan, node))
    return expected


def expected_after(
    before: Mapping[PortKey, Elements], changed: Mapping[PortKey, Elements | None], node: NodeView
) -> dict[Socket, frozenset[Socket]]:
    """Give who may answer, for the UDP frontends whose flows a change may have made stale.

    Endpoints that only join others make none stale.
    """
    expected: dict[Socket, frozenset[Socket]] = {}
    for key in changed:
        old, new = _answering(before.get(key), node), _answering(changed[key], node)
        for frontend in old.keys() - new.keys():
            expected.setdefault(frontend, frozenset())
        for frontend, answering in new.items():
            had = old.get(frontend)
            if not had or not had <= answering:
                expected[frontend] = answering
    return expected


def is_stale(flow: UdpFlow, expected: Expected) -> bool:
    """Tell whether a flow must end."""
    answering = expected.get(flow.destination)
    return answering is not None and flow.answered_by not in answering


def _answering(plan: Elements | None, node: NodeView) -> dict[Socket, frozenset[Socket]]:
    """Give who answers at each UDP frontend of a Service port, to whatever client."""
    if plan is None or plan.cluster.protocol is not L4.UDP:
        return {}
    here = on_node(plan, node)
    sockets = {group.id: frozenset((e.address, e.port) for e in group.endpoints) for group in here.groups}

    def behind(id: int) -> frozenset[Socket]:
        inside = sockets[here.inside_id] if id == here.external_id else frozenset()
        return sockets[id] | inside

    found = {(front.address, front.port): behind(id) for front, id in here.frontends}
    if here.node_port is not None:
        addresses = (*node.addresses, *([_LOCALHOST] if node.has_localhost else ()))
        found |= {(address, here.node_port): behind(here.node_port_id) for address in addresses}
    return found
