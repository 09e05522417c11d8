"""What becomes of a pod whose containers are given other resources while they run. Pure.

Source: https://kubernetes.io/docs/tasks/configure-pod-container/resize-container-resources/ and
KEP-1287.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from msgspec import Struct

from netemu.agent.restarts import NEVER_STARTED, Life
from netemu.agent.status import Failure
from netemu.api.requests import amounts, pod_requests
from netemu.api.views.core import Container, Node, Pod

_RESIZED = ("cpu", "memory")


class Resize(Struct, frozen=True):
    """Containers whose limits change, those that are started anew, and why neither can be now."""

    apply: tuple[str, ...] = ()
    restart: tuple[str, ...] = ()
    pending: Failure | None = None


def plan_resize(pod: Pod, lives: Mapping[str, Life], node: Node | None, others: Iterable[Pod]) -> Resize:
    """Decide for all containers of a pod at once; ``others`` are the node's pods that still run."""
    changed = [c for c in pod.spec.containers if _is_changed(c, lives.get(c.name, NEVER_STARTED))]
    if not changed:
        return Resize()
    pending = _obstacle(pod, node, others) if node is not None else None
    if pending is not None:
        return Resize(pending=pending)
    restart = tuple(c.name for c in changed if _needs_restart(c, lives[c.name]))
    return Resize(apply=tuple(c.name for c in changed if c.name not in restart), restart=restart)


def completed(pod: Pod) -> str:
    """Say in an event what a pod has now."""
    containers = [{"name": c.name, "resources": c.resources or {}} for c in pod.spec.containers]
    done = {"containers": containers, "generation": pod.metadata.generation}
    return f"Pod resize completed: {json.dumps(done, separators=(',', ':'))}"


def _is_changed(container: Container, life: Life) -> bool:
    return life.is_running and life.resources is not None and life.resources != (container.resources or {})


def _needs_restart(container: Container, life: Life) -> bool:
    before, now = life.resources or {}, container.resources or {}
    policies = {policy.get("resourceName"): policy.get("restartPolicy") for policy in container.resize_policy}
    return any(
        policies.get(name) == "RestartContainer"
        and any((before.get(group) or {}).get(name) != (now.get(group) or {}).get(name) for group in now)
        for name in _RESIZED
    )


def _obstacle(pod: Pod, node: Node, others: Iterable[Pod]) -> Failure | None:
    has, wanted = amounts(node.status.allocatable), pod_requests(pod.spec)
    for name in _RESIZED:
        if name in has and wanted.get(name, 0) > has[name]:
            numbers = f"requested: {wanted[name]}, capacity: {has[name]}"
            return Failure("Infeasible", f"Node didn't have enough capacity: {name}, {numbers}")
    used = [pod_requests(other.spec) for other in others]
    for name in _RESIZED:
        taken = sum(each.get(name, 0) for each in used)
        if name in has and wanted.get(name, 0) > has[name] - taken:
            numbers = f"requested: {wanted[name]}, used: {taken}, capacity: {has[name]}"
            return Failure("Deferred", f"Node didn't have enough resource: {name}, {numbers}")
    return None
