"""What of nodes and pods decides where pods go. Pure values, read once per version of an object."""

from __future__ import annotations

from msgspec import Struct

from netemu.api.hostports import HostPort, host_ports
from netemu.api.placement import node_taints
from netemu.api.requests import PODS, Amounts, Load, amounts, pod_load, pod_requests
from netemu.api.views.core import Node, Pod, Taint
from netemu.naming import NodeName, PodUid
from netemu.scheduler.selection import Company, Spread, read_company, read_spreads

DEFAULT_MAX_PODS = 110  # the kubelet's default
ZONE = "topology.kubernetes.io/zone"


class NodeFacts(Struct, frozen=True):
    """What of a node decides about pods. It has nothing of a resource that it does not speak of."""

    name: NodeName
    labels: dict[str, str]
    taints: tuple[Taint, ...]
    unschedulable: bool
    allocatable: Amounts

    @property
    def zone(self) -> str:
        """The zone that the node is in; empty without one."""
        return self.labels.get(ZONE, "")


class PodFacts(Struct, frozen=True):
    """What of a pod decides about itself and others. ``group`` is its controller's uid: these spread."""

    uid: PodUid
    namespace: str
    name: str
    labels: dict[str, str]
    group: str
    ports: tuple[HostPort, ...]
    requests: Amounts
    load: Load
    company: Company
    spreads: tuple[Spread, ...]
    priority: int
    started: str
    ending: bool


def node_facts(node: Node) -> NodeFacts:
    """Read a node."""
    allocatable = amounts(node.status.allocatable)
    allocatable.setdefault(PODS, DEFAULT_MAX_PODS)
    return NodeFacts(
        name=NodeName(node.metadata.name),
        labels=node.metadata.labels,
        taints=node_taints(node),
        unschedulable=node.spec.unschedulable,
        allocatable=allocatable,
    )


def pod_facts(pod: Pod) -> PodFacts:
    """Read a pod."""
    meta, spec = pod.metadata, pod.spec
    requests = pod_requests(spec)
    return PodFacts(
        uid=PodUid(meta.uid),
        namespace=meta.namespace,
        name=meta.name,
        labels=meta.labels,
        group=next((ref.uid for ref in meta.owner_references if ref.controller), ""),
        ports=host_ports(pod),
        requests=requests,
        load=pod_load(spec, requests),
        company=read_company(spec.affinity, meta.namespace, meta.labels),
        spreads=read_spreads(spec.topology_spread_constraints, meta.namespace, meta.labels),
        priority=spec.priority,
        started=pod.status.start_time or meta.creation_timestamp or "",
        ending=meta.deletion_timestamp is not None,
    )
