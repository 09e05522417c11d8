"""Decide which node a pod gets, or say in Kubernetes' words why it gets none. Pure.

Sources: kube-scheduler's filter plugins in their order (the first that fails gives a node's
reason), and ``FitError`` for the sentence.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from netemu.api.placement import UNSCHEDULABLE, matches_node, tolerates, untolerated
from netemu.api.views.core import Pod
from netemu.naming import NodeName
from netemu.scheduler.occupancy import HostPort, NodeFacts, Occupancy, Place, conflicts, pod_facts

NO_VICTIMS = "No preemption victims found for incoming pod"
NOT_HELPFUL = "Preemption is not helpful for scheduling"


@dataclass(frozen=True, slots=True)
class Binding:
    """The node that a pod gets."""

    node: NodeName


@dataclass(frozen=True, slots=True)
class Unschedulable:
    """No node takes the pod; ``message`` says why, for all of them."""

    message: str


class Obstacle(NamedTuple):
    """Why one node does not take a pod; ``passing`` if fewer pods on it would help."""

    reason: str
    passing: bool = False


def plan(occupancy: Occupancy, pod: Pod) -> Binding | Unschedulable:
    """Decide for one pod: of the nodes that take it, the one that is least used.

    Fewest pods of the same controller first, then fewest pods, then by name, so that equal
    input gives equal output.
    """
    wanted = pod_facts(pod)
    best: tuple[int, int, int, NodeName] | None = None
    obstacles: list[Obstacle] = []
    for facts, place in occupancy.places():
        obstacle = find_obstacle(facts, place, pod, wanted.ports)
        if obstacle is not None:
            obstacles.append(obstacle)
            continue
        score = (_avoided(facts, pod), place.groups[wanted.group], len(place.pods), facts.name)
        best = score if best is None else min(best, score)
    return Unschedulable(_sentence(obstacles)) if best is None else Binding(best[3])


def find_obstacle(node: NodeFacts, place: Place, pod: Pod, ports: tuple[HostPort, ...]) -> Obstacle | None:
    """Find the first reason for which a node does not take a pod."""
    spec = pod.spec
    if node.unschedulable and not tolerates(spec.tolerations, UNSCHEDULABLE):
        return Obstacle("node(s) were unschedulable")
    if spec.node_name not in ("", node.name):
        return Obstacle("node(s) didn't match the requested node name")
    taint = untolerated(node.taints, spec.tolerations)
    if taint is not None:
        return Obstacle(f"node(s) had untolerated taint {{{taint.key}: {taint.value}}}")
    if not matches_node(spec, node.name, node.labels):
        return Obstacle("node(s) didn't match Pod's node affinity/selector")
    if any(conflicts(port, taken) for port in ports for taken in place.ports):
        return Obstacle("node(s) didn't have free ports for the requested pod ports", passing=True)
    if len(place.pods) >= node.max_pods:
        return Obstacle("Too many pods", passing=True)
    return None


def _avoided(node: NodeFacts, pod: Pod) -> int:
    soft = (taint for taint in node.taints if taint.effect == "PreferNoSchedule")
    return sum(not tolerates(pod.spec.tolerations, taint) for taint in soft)


def _sentence(obstacles: list[Obstacle]) -> str:
    if not obstacles:
        return "no nodes available to schedule pods"
    available = f"0/{len(obstacles)} nodes are available: "
    reasons = _count(obstacle.reason for obstacle in obstacles)
    preemption = _count(NO_VICTIMS if obstacle.passing else NOT_HELPFUL for obstacle in obstacles)
    return f"{available}{reasons}. preemption: {available}{preemption}."


def _count(reasons: Iterable[str]) -> str:
    return ", ".join(sorted(f"{count} {reason}" for reason, count in Counter(reasons).items()))
