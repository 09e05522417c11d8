"""Which tracked UDP flows no longer go where they should.

A flow to a frontend is right if one of the frontend's endpoints that still serve answers it. That one
rule covers an endpoint that went, the last one, the Service, and the first endpoint that
came while a client kept asking.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address
from typing import NamedTuple

from netemu.nft.expressions import L4, Address
from netemu.proxy.groups import NodeView
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
    """Give who answers at each UDP frontend of a Service port, to whatever client.

    That is whoever serves: what policies and hints say, and that an endpoint ends, is for new
    flows, as it is for connections of TCP.
    """
    if plan is None or plan.cluster.protocol is not L4.UDP:
        return {}
    serving = frozenset((e.address, e.port) for e in (*plan.endpoints, *plan.lingering))
    found = {(front.address, front.port): serving for front in plan.frontends}
    if plan.node_port is not None:
        own = (*node.addresses, _LOCALHOST) if node.has_localhost else node.addresses
        found |= {(address, plan.node_port): serving for address in own}
    return found
