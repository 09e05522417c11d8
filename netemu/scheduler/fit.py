"""Decide which node a pod gets, or say in Kubernetes' words why it gets none. Pure.

Sources: kube-scheduler's filter plugins in their order (the first that fails gives a node's
reason), its score plugins, and ``FitError`` for the sentence.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from msgspec import Struct

from netemu.api.hostports import conflicts
from netemu.api.placement import (
    UNSCHEDULABLE,
    matches_node,
    named_nodes,
    preference,
    tolerates,
    untolerated,
)
from netemu.api.requests import CPU, MEMORY, PODS
from netemu.api.views.core import Pod
from netemu.naming import NodeName
from netemu.scheduler.facts import NodeFacts, PodFacts, pod_facts
from netemu.scheduler.neighbours import NOT_NEAR, NOT_WELCOME, TOO_NEAR, UNEVEN, Neighbours
from netemu.scheduler.occupancy import Occupancy, Place
from netemu.scheduler.volumes import REASONS, TAKEN, Volumes

NOT_NAMED = "node(s) didn't satisfy plugin(s) [NodeAffinity]"
NO_PORT = "node(s) didn't have free ports for the requested pod ports"
COMPANY = frozenset({NOT_NEAR, NOT_WELCOME, TOO_NEAR, UNEVEN})
# The weights of kube-scheduler's plugins; each score is between 0 and 100 before.
TAINTS_WEIGHT, AFFINITY_WEIGHT, COMPANY_WEIGHT, SPREAD_WEIGHT = 3, 2, 2, 2
FULL_SCORE = 100


class Binding(Struct, frozen=True):
    """The node that a pod gets."""

    node: NodeName


class Obstacle(NamedTuple):
    """Why one node does not take a pod; ``passing`` if fewer pods on it would help."""

    reasons: tuple[str, ...]
    passing: bool = False


@dataclass(frozen=True)
class Unschedulable:
    """No node takes the pod. ``obstacles`` say why, by node.

    What it waits for is asked with each pod that comes or goes, and found out once.
    ``everywhere`` is a reason that has nothing to do with nodes.
    """

    obstacles: dict[NodeName, Obstacle]
    everywhere: str = ""

    @cached_property
    def waits_for_room(self) -> bool:
        """Whether it may fit when a pod goes."""
        return any(obstacle.passing for obstacle in self.obstacles.values())

    @cached_property
    def waits_for_others(self) -> bool:
        """Whether it may fit when a pod comes, or changes."""
        return any(COMPANY & set(obstacle.reasons) for obstacle in self.obstacles.values())

    @cached_property
    def waits_for_volumes(self) -> bool:
        """Whether it may fit when a volume or a claim changes."""
        return bool(self.everywhere) or any(
            REASONS & set(obstacle.reasons) for obstacle in self.obstacles.values()
        )

    @property
    def sentence(self) -> str:
        """Say why, for all nodes: ``0/3 nodes are available: …``."""
        if not self.obstacles:
            return "no nodes available to schedule pods"
        if self.everywhere:
            return f"0/{len(self.obstacles)} nodes are available: {self.everywhere}."
        return count_reasons(self.obstacles.values())


class Candidate(NamedTuple):
    """A node that takes the pod."""

    node: NodeFacts
    place: Place


class Wish:
    """One pod to place, with what is known of it and of its neighbours for all nodes."""

    def __init__(
        self, occupancy: Occupancy, pod: Pod, facts: PodFacts | None = None, volumes: Volumes | None = None
    ) -> None:
        self.pod = pod
        self.volumes = volumes
        self.facts = facts or pod_facts(pod)
        self.occupancy = occupancy
        self.named = named_nodes(pod.spec.affinity) if pod.spec.affinity else None
        self.neighbours = Neighbours(occupancy, self.facts, pod.spec) if self._has_company() else None

    def _has_company(self) -> bool:
        """Tell whether other pods matter: it speaks of them, or they of it."""
        facts, company = self.facts, self.facts.company
        if facts.spreads or company.near or company.far or company.preferred:
            return True
        return any(
            term.part.selects(facts.namespace, facts.labels, self.occupancy.namespaces)
            for terms in (self.occupancy.repelled, self.occupancy.drawn)
            for term in terms
        )


def plan(occupancy: Occupancy, pod: Pod) -> Binding | Unschedulable:
    """Decide for one pod: of the nodes that take it, the best one.

    What the pod, its taints and neighbours prefer goes first; then fewest pods of the same
    controller on the node, in the zone, the least requested, fewest pods; then by name, so
    that equal input gives equal output.
    """
    return decide(Wish(occupancy, pod))


def decide(wish: Wish) -> Binding | Unschedulable:
    """Decide for one pod."""
    obstacles: dict[NodeName, Obstacle] = {}
    fitting: list[Candidate] = []
    for node, place in wish.occupancy.places():
        obstacle = find_obstacle(wish, node, place)
        if obstacle is None:
            fitting.append(Candidate(node, place))
        else:
            obstacles[node.name] = obstacle
    if not fitting:
        return Unschedulable(obstacles)
    return Binding(_best(wish, fitting))


def nowhere(occupancy: Occupancy, reason: str) -> Unschedulable:
    """Give the decision on a pod that lacks something, whatever the node."""
    return Unschedulable({node.name: Obstacle((reason,)) for node, _ in occupancy.places()}, reason)


def find_obstacle(wish: Wish, node: NodeFacts, place: Place) -> Obstacle | None:
    """Find the first reason for which a node does not take a pod."""
    spec = wish.pod.spec
    if wish.named is not None and node.name not in wish.named:
        return Obstacle((NOT_NAMED,))
    if node.unschedulable and not tolerates(spec.tolerations, UNSCHEDULABLE):
        return Obstacle(("node(s) were unschedulable",))
    if spec.node_name not in ("", node.name):
        return Obstacle(("node(s) didn't match the requested node name",))
    if node.taints and untolerated(node.taints, spec.tolerations) is not None:
        return Obstacle(("node(s) had untolerated taint(s)",))
    if (spec.node_selector or spec.affinity) and not matches_node(spec, node.name, node.labels):
        return Obstacle(("node(s) didn't match Pod's node affinity/selector",))
    expected = _expected(wish, node.name) if wish.occupancy.nominated else ()
    wanted = wish.facts.ports
    if wanted and _has_conflict(wish.facts, place, expected):
        return Obstacle((NO_PORT,), passing=True)
    lacking = _lacking(wish.facts, node, place, expected)
    if lacking is not None:
        return lacking
    unhad = wish.volumes.refusal(node) if wish.volumes is not None else ""
    if unhad:
        return Obstacle((unhad,), passing=unhad == TAKEN)
    refusal = wish.neighbours.refusal(node) if wish.neighbours is not None else None
    return Obstacle((refusal.reason,), refusal.passing) if refusal is not None else None


def count_reasons(obstacles: Iterable[Obstacle]) -> str:
    """Say how many nodes have each reason; without a full stop."""
    all_obstacles = list(obstacles)
    counts = Counter(reason for obstacle in all_obstacles for reason in obstacle.reasons)
    reasons = ", ".join(sorted(f"{count} {reason}" for reason, count in counts.items()))
    return f"0/{len(all_obstacles)} nodes are available: {reasons}."


def _expected(wish: Wish, node: NodeName) -> tuple[PodFacts, ...]:
    """Give the pods that room was made for on a node, and that the pod must not take it from."""
    return tuple(
        pod
        for pod, its_node in wish.occupancy.nominated.values()
        if its_node == node and pod.uid != wish.facts.uid and pod.priority >= wish.facts.priority
    )


def _has_conflict(pod: PodFacts, place: Place, expected: Sequence[PodFacts]) -> bool:
    taken = (*place.ports, *(port for other in expected for port in other.ports))
    return any(conflicts(port, other) for port in pod.ports for other in taken)


def _lacking(pod: PodFacts, node: NodeFacts, place: Place, expected: Sequence[PodFacts]) -> Obstacle | None:
    offered = node.allocatable
    full = len(place.pods) + len(expected) >= offered[PODS]
    if not full and not pod.requests:
        return None
    reasons = ["Too many pods"] if full else []
    never = False
    for resource, amount in pod.requests.items():
        limit = offered.get(resource, 0)
        used = place.used[resource] + sum(other.requests.get(resource, 0) for other in expected)
        if used + amount > limit:
            reasons.append(f"Insufficient {resource}")
            never = never or amount > limit
    return Obstacle(tuple(reasons), passing=not never) if reasons else None


def _best(wish: Wish, fitting: Sequence[Candidate]) -> NodeName:
    if len(fitting) == 1:
        return fitting[0].node.name
    merits = _merits(wish, fitting)
    group = wish.facts.group
    zones = wish.occupancy.groups_by_zone

    def rank(position: int) -> tuple[float | str, ...]:
        node, place = fitting[position]
        return (
            -merits[position] if merits else 0,
            place.groups.get(group, 0) if group else 0,
            zones.get((group, node.zone), 0) if group else 0,
            _load(wish.facts, node, place),
            len(place.pods),
            node.name,
        )

    return fitting[min(range(len(fitting)), key=rank)].node.name


def _load(pod: PodFacts, node: NodeFacts, place: Place) -> float:
    """Tell how much of a node would be spoken for: the mean of cpu and memory (least allocated)."""
    cpu, memory = node.allocatable.get(CPU), node.allocatable.get(MEMORY)
    cpu_part = (place.cpu_load + pod.load.cpu) / cpu if cpu else 0.0
    memory_part = (place.memory_load + pod.load.memory) / memory if memory else 0.0
    return round(cpu_part + memory_part, 6)


def _merits(wish: Wish, fitting: Sequence[Candidate]) -> list[int]:
    """Score what somebody asked for; empty when nobody asked for anything."""
    spec = wish.pod.spec
    totals = [0] * len(fitting)
    neighbours = wish.neighbours
    scores: list[tuple[int, list[int]]] = []
    if any(taint.effect == "PreferNoSchedule" for node, _ in fitting for taint in node.taints):
        avoided = [-_avoided(node, wish.pod) for node, _ in fitting]
        scores.append((TAINTS_WEIGHT, avoided))
    if spec.affinity and spec.affinity.get("nodeAffinity"):
        scores.append(
            (AFFINITY_WEIGHT, [preference(spec.affinity, node.name, node.labels) for node, _ in fitting])
        )
    if neighbours is not None and neighbours.has_preferences:
        scores.append((COMPANY_WEIGHT, [neighbours.pull(node) for node, _ in fitting]))
        scores.append((SPREAD_WEIGHT, [-neighbours.crowd(node) for node, _ in fitting]))
    for weight, values in scores:
        least, most = min(values), max(values)
        if most > least:
            for position, value in enumerate(values):
                totals[position] += weight * (FULL_SCORE * (value - least) // (most - least))
    return totals if any(totals) else []


def _avoided(node: NodeFacts, pod: Pod) -> int:
    soft = (taint for taint in node.taints if taint.effect == "PreferNoSchedule")
    return sum(not tolerates(pod.spec.tolerations, taint) for taint in soft)
