"""Which nodes a pod may be on: taints, tolerations, node selectors and node affinity. Pure.

Source: https://kubernetes.io/docs/concepts/scheduling-eviction/ and component-helpers
``scheduling/corev1``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from netemu.api.selectors import matches_labels
from netemu.api.views.core import Node, PodSpec, Taint, Toleration

NOT_READY_TAINT = "node.kubernetes.io/not-ready"
UNSCHEDULABLE_TAINT = "node.kubernetes.io/unschedulable"

UNSCHEDULABLE = Taint(key=UNSCHEDULABLE_TAINT, effect="NoSchedule")
# Soft: pods prefer other nodes, but without any that is ready they are bound and wait on one in
# ContainerCreating, where their events say what the node lacks (a CNI). A taint that is written on
# the Node keeps them off as usual.
NOT_READY = Taint(key=NOT_READY_TAINT, effect="PreferNoSchedule")


def tolerates(tolerations: Iterable[Toleration], taint: Taint) -> bool:
    """Tell whether any toleration puts up with a taint."""
    return any(_tolerates(toleration, taint) for toleration in tolerations)


def node_taints(node: Node) -> tuple[Taint, ...]:
    """Give a node's taints, and the one that a node which is not Ready has in effect."""
    taints = node.spec.taints
    if node.has_condition("Ready") or any(taint.key == NOT_READY_TAINT for taint in taints):
        return taints
    return (*taints, NOT_READY)


def untolerated(taints: Iterable[Taint], tolerations: tuple[Toleration, ...]) -> Taint | None:
    """Find the first taint that keeps new pods off and is not tolerated."""
    hard = (taint for taint in taints if taint.effect != "PreferNoSchedule")
    return next((taint for taint in hard if not tolerates(tolerations, taint)), None)


def matches_node(spec: PodSpec, name: str, labels: Mapping[str, str]) -> bool:
    """Tell whether a node satisfies a pod's nodeSelector and required node affinity."""
    return matches_labels(spec.node_selector, labels) and _has_affinity(spec.affinity, name, labels)


def _tolerates(toleration: Toleration, taint: Taint) -> bool:
    return (
        toleration.effect in ("", taint.effect)
        and toleration.key in ("", taint.key)
        and (toleration.operator == "Exists" or (bool(toleration.key) and toleration.value == taint.value))
    )


def _has_affinity(affinity: dict[str, Any] | None, name: str, labels: Mapping[str, str]) -> bool:
    required = ((affinity or {}).get("nodeAffinity") or {}).get(
        "requiredDuringSchedulingIgnoredDuringExecution"
    )
    if not required:
        return True
    fields = {"metadata.name": name}
    return any(
        _all_hold(term.get("matchFields"), fields) and _all_hold(term.get("matchExpressions"), labels)
        for term in required.get("nodeSelectorTerms", ())
        if term.get("matchFields") or term.get("matchExpressions")
    )


def _all_hold(requirements: list[dict[str, Any]] | None, values: Mapping[str, str]) -> bool:
    return all(_holds(requirement, values) for requirement in requirements or ())


def _holds(requirement: dict[str, Any], values: Mapping[str, str]) -> bool:
    value = values.get(requirement["key"])
    wanted = requirement.get("values") or []
    match requirement["operator"]:
        case "In":
            return value in wanted
        case "NotIn":
            return value not in wanted
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case "Gt":
            return _as_int(value) is not None and int(value or 0) > int(wanted[0])
        case "Lt":
            return _as_int(value) is not None and int(value or 0) < int(wanted[0])
        case _:
            return False


def _as_int(value: str | None) -> int | None:
    return int(value) if value is not None and value.lstrip("-").isdigit() else None
