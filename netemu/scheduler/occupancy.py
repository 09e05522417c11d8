"""What each node offers and which pods it has: kept up to date by events, one pod at a time. Pure.

The cost of a change, and of a question, does not grow with the number of pods.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

from netemu.api.placement import node_taints
from netemu.api.views.core import Node, Pod, Taint
from netemu.naming import NodeName, PodUid

T = TypeVar("T", bound=Hashable)

DEFAULT_MAX_PODS = 110  # the kubelet's default
ANY_IP = "0.0.0.0"


class HostPort(NamedTuple):
    """A port that a pod takes on its node; ``ip`` is 0.0.0.0 for all addresses."""

    protocol: str
    port: int
    ip: str


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """What of a node decides about pods."""

    name: NodeName
    labels: dict[str, str]
    taints: tuple[Taint, ...]
    unschedulable: bool
    max_pods: int


@dataclass(frozen=True, slots=True)
class PodFacts:
    """What of a pod decides about others. ``group`` is its controller's uid: these spread."""

    uid: PodUid
    group: str
    ports: tuple[HostPort, ...]


@dataclass(slots=True)
class Place:
    """A node and its pods; ``facts`` is ``None`` while only pods tell of the node."""

    facts: NodeFacts | None = None
    pods: dict[PodUid, PodFacts] = field(default_factory=dict)
    groups: Counter[str] = field(default_factory=Counter)
    ports: Counter[HostPort] = field(default_factory=Counter)


def node_facts(node: Node) -> NodeFacts:
    """Read a node."""
    return NodeFacts(
        name=NodeName(node.metadata.name),
        labels=node.metadata.labels,
        taints=node_taints(node),
        unschedulable=node.spec.unschedulable,
        max_pods=int(node.status.allocatable.get("pods") or DEFAULT_MAX_PODS),
    )


def pod_facts(pod: Pod) -> PodFacts:
    """Read a pod."""
    owners = (ref.uid for ref in pod.metadata.owner_references if ref.controller)
    return PodFacts(PodUid(pod.metadata.uid), next(owners, ""), host_ports(pod))


def host_ports(pod: Pod) -> tuple[HostPort, ...]:
    """Give the ports that a pod wants on its node; with hostNetwork, all its container ports."""
    return tuple(
        HostPort(port.protocol, number, port.host_ip or ANY_IP)
        for container in pod.spec.containers
        for port in container.ports
        if (number := port.host_port or (port.container_port if pod.spec.host_network else 0))
    )


def conflicts(wanted: HostPort, taken: HostPort) -> bool:
    """Tell whether two ports cannot be had on one node."""
    same = wanted.protocol == taken.protocol and wanted.port == taken.port
    return same and (wanted.ip == taken.ip or ANY_IP in (wanted.ip, taken.ip))


class Occupancy:
    """Nodes with their pods, those included that were only just assigned."""

    def __init__(self) -> None:
        self._places: dict[NodeName, Place] = {}
        self._where: dict[PodUid, NodeName] = {}

    def places(self) -> Iterator[tuple[NodeFacts, Place]]:
        """Give the nodes that exist."""
        return ((place.facts, place) for place in self._places.values() if place.facts is not None)

    def has(self, uid: PodUid) -> bool:
        """Tell whether a pod has a node."""
        return uid in self._where

    def set_node(self, facts: NodeFacts) -> bool:
        """Note what a node is now; ``False`` if that is nothing new."""
        place = self._places.setdefault(facts.name, Place())
        if place.facts == facts:
            return False
        place.facts = facts
        return True

    def remove_node(self, name: NodeName) -> None:
        """Forget a node, but not its pods: it may come back."""
        if name in self._places:
            self._places[name].facts = None

    def assign(self, pod: PodFacts, node: NodeName) -> None:
        """Note that a pod is, or is about to be, on a node; again is a no-op."""
        if self._where.get(pod.uid) == node:
            return
        self.release(pod.uid)
        place = self._places.setdefault(node, Place())
        place.pods[pod.uid] = pod
        place.groups[pod.group] += 1
        place.ports.update(pod.ports)
        self._where[pod.uid] = node

    def release(self, uid: PodUid) -> bool:
        """Note that a pod takes nothing any more; ``False`` if it took nothing."""
        node = self._where.pop(uid, None)
        if node is None:
            return False
        place = self._places[node]
        pod = place.pods.pop(uid)
        _subtract(place.groups, pod.group)
        for port in pod.ports:
            _subtract(place.ports, port)
        return True


def _subtract(counter: Counter[T], item: T) -> None:
    counter[item] -= 1
    if not counter[item]:
        del counter[item]
