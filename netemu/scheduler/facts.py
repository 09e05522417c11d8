"""What of nodes and pods decides where pods go. Pure values, read once per version of an object."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from netemu.api.placement import node_taints
from netemu.api.views.core import Node, Pod, Taint
from netemu.naming import NodeName, PodUid
from netemu.scheduler.requests import PODS, Amounts, Load, amounts, pod_load, pod_requests
from netemu.scheduler.selection import Company, Spread, read_company, read_spreads

DEFAULT_MAX_PODS = 110  # the kubelet's default
ANY_IP = "0.0.0.0"
ZONE = "topology.kubernetes.io/zone"


class HostPort(NamedTuple):
    """A port that a pod takes on its node; ``ip`` is 0.0.0.0 for all addresses."""

    protocol: str
    port: int
    ip: str


@dataclass(frozen=True, slots=True)
class NodeFacts:
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


@dataclass(frozen=True, slots=True)
class PodFacts:
    """What of a pod decides about itself and others. ``group`` is its controller's uid: these spread."""

    uid: PodUid
    namespace: str
    name: str
    labels: dict[str, str]
    group: str
    ports: tuple[HostPort, ...]
    requests: Amounts = field(hash=False)
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


def host_ports(pod: Pod) -> tuple[HostPort, ...]:
    """Give the ports that a pod wants on its node; with hostNetwork, all its container ports."""
    sidecars = (each for each in pod.spec.init_containers if each.restart_policy == "Always")
    return tuple(
        HostPort(port.protocol, number, port.host_ip or ANY_IP)
        for container in (*pod.spec.containers, *sidecars)
        for port in container.ports
        if (number := port.host_port or (port.container_port if pod.spec.host_network else 0))
    )


def conflicts(wanted: HostPort, taken: HostPort) -> bool:
    """Tell whether two ports cannot be had on one node."""
    same = wanted.protocol == taken.protocol and wanted.port == taken.port
    return same and (wanted.ip == taken.ip or ANY_IP in (wanted.ip, taken.ip))
