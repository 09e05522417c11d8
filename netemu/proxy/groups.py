"""What the plan of one Service port means on one node: which clients go to which endpoints."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from msgspec import Struct

from netemu.naming import NodeName
from netemu.nft.expressions import Address, Family, Network
from netemu.nft.objects import TableId
from netemu.proxy.index import Endpoint
from netemu.proxy.plan import Elements, Frontend, Near, Policies

TABLE_NAME = "netemu-proxy"


class NodeView(Struct, frozen=True):
    """What a plan's meaning depends on, beside the plan: the node and the cluster's ranges.

    One family of addresses: a node of both has two views, and two tables. ``more_services`` are the
    ranges of ServiceCIDRs that came while the cluster ran.
    """

    name: NodeName
    addresses: tuple[Address, ...]
    pods: Network
    services: Network
    comment: str = ""
    zone: str = ""
    masquerade_all: bool = False
    more_services: tuple[Network, ...] = ()
    localhost_nodeports: bool = False

    @property
    def family(self) -> Family:
        """The family of all its addresses."""
        return Family.IP if self.pods.version == 4 else Family.IP6

    @property
    def table(self) -> TableId:
        """The table that holds the rules."""
        return TableId(self.family, TABLE_NAME)

    @property
    def has_localhost(self) -> bool:
        """Whether node ports answer on 127.0.0.1, which IPv6 cannot: ::1 never leaves a node."""
        return self.localhost_nodeports and self.family is Family.IP


class Balancer(NamedTuple):
    """The chain that a group needs: how many endpoints, and how long clients stay with theirs.

    With ``drops``, connections are lost when there is no endpoint, else they are refused.
    """

    size: int
    affinity_s: int = 0
    drops: bool = False


class Group(NamedTuple):
    """The endpoints that one id names on this node."""

    id: int
    endpoints: tuple[Endpoint, ...]
    balancer: Balancer


class Here(NamedTuple):
    """One Service port on one node: its groups, and the id that each frontend leads to.

    ``inside_id`` takes the place of ``external_id`` for clients inside the cluster; both are 0
    unless the external traffic policy is Local.
    """

    groups: tuple[Group, ...]
    frontends: tuple[tuple[Frontend, int], ...]
    node_port: int | None
    node_port_id: int
    external_id: int = 0
    inside_id: int = 0


def on_node(plan: Elements, node: NodeView) -> Here:
    """Say what a plan means on a node."""
    policies = plan.policies
    if policies is None:
        group = Group(plan.id, plan.endpoints, _plain(len(plan.endpoints)))
        frontends = tuple((frontend, plan.id) for frontend in plan.frontends)
        return Here((group,), frontends, plan.node_port, plan.id)
    cluster = _nearest(policies, node) or plan.endpoints
    local = policies.local.get(node.name, ())
    # Without any endpoint at all there is nobody to wait for: refused, not dropped.
    drops = bool(plan.endpoints)
    groups = [_group(plan.id, cluster, policies)]
    groups += [_group(id, local, policies, drops=drops) for id in _local_ids(policies)]
    if policies.inside_id:
        groups.append(_group(policies.inside_id, cluster, policies))
    internal, external = policies.internal_id or plan.id, policies.external_id or plan.id
    frontends = ((plan.cluster, internal), *((frontend, external) for frontend in plan.external))
    return Here(tuple(groups), frontends, plan.node_port, external, policies.external_id, policies.inside_id)


@cache
def _plain(size: int) -> Balancer:
    return Balancer(size)


def _nearest(policies: Policies, node: NodeView) -> tuple[Endpoint, ...]:
    """Give the endpoints that are meant for this node or else its zone; none without hints for them."""
    here = policies.near.get(Near("node", node.name), ())
    return here or policies.near.get(Near("zone", node.zone), ())


def _local_ids(policies: Policies) -> list[int]:
    return [id for id in (policies.internal_id, policies.external_id) if id]


def _group(id: int, endpoints: tuple[Endpoint, ...], policies: Policies, *, drops: bool = False) -> Group:
    if not endpoints:
        return Group(id, (), Balancer(0, drops=drops))
    return Group(id, endpoints, Balancer(len(endpoints), policies.affinity_s))
