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
UNREACHABLE_TAINT = "node.kubernetes.io/unreachable"
UNSCHEDULABLE_TAINT = "node.kubernetes.io/unschedulable"
NODE_NAME = "metadata.name"
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"

UNSCHEDULABLE = Taint(key=UNSCHEDULABLE_TAINT, effect="NoSchedule")
# A node whose agent itself says that it is not ready (no CNI) is avoided, but without any that is
# ready pods are bound to it and wait there in ContainerCreating, where their events say what it lacks.
# Nobody speaks for a node without a condition, or with an unknown one: it gets no pods. All this
# holds at once, before the node lifecycle controller writes its taints on the Node.
NOT_READY = Taint(key=NOT_READY_TAINT, effect="PreferNoSchedule")
NEVER_READY = Taint(key=NOT_READY_TAINT, effect="NoSchedule")
UNREACHABLE = Taint(key=UNREACHABLE_TAINT, effect="NoSchedule")


def tolerates(tolerations: Iterable[Toleration], taint: Taint) -> bool:
    """Tell whether any toleration puts up with a taint."""
    return any(_tolerates(toleration, taint) for toleration in tolerations)


def node_taints(node: Node) -> tuple[Taint, ...]:
    """Give a node's taints, and the one that a node which is not Ready has in effect."""
    taints = node.spec.taints
    implied = readiness_taint(node)
    if implied is None or any(taint.key == implied.key for taint in taints):
        return taints
    return (*taints, implied)


def readiness_taint(node: Node) -> Taint | None:
    """Give the taint that new pods see on a node that is not Ready."""
    match next((c.status for c in node.status.conditions if c.type == "Ready"), ""):
        case "True":
            return None
        case "False":
            return NOT_READY
        case "Unknown":
            return UNREACHABLE
        case _:
            return NEVER_READY


def untolerated(taints: Iterable[Taint], tolerations: tuple[Toleration, ...]) -> Taint | None:
    """Find the first taint that keeps new pods off and is not tolerated."""
    hard = (taint for taint in taints if taint.effect != "PreferNoSchedule")
    return next((taint for taint in hard if not tolerates(tolerations, taint)), None)


def bearable_s(tolerations: Iterable[Toleration], taint: Taint) -> float | None:
    """Tell for how long a taint is put up with: not at all (0), some seconds, or (``None``) for ever.

    The first toleration that matches counts, as in Kubernetes.
    """
    for toleration in tolerations:
        if _tolerates(toleration, taint):
            seconds = toleration.toleration_seconds
            return None if seconds is None else max(0.0, float(seconds))
    return 0.0


def matches_node(spec: PodSpec, name: str, labels: Mapping[str, str]) -> bool:
    """Tell whether a node satisfies a pod's nodeSelector and required node affinity."""
    return matches_labels(spec.node_selector, labels) and _has_affinity(spec.affinity, name, labels)


def matches_terms(terms: Iterable[Mapping[str, Any]], name: str, labels: Mapping[str, str]) -> bool:
    """Tell whether a node satisfies any of a node selector's terms."""
    return any(_matches_term(term, name, labels) for term in terms)


def preference(affinity: Mapping[str, Any] | None, name: str, labels: Mapping[str, str]) -> int:
    """Add up the weights of the preferred node affinity terms that a node satisfies."""
    terms = ((affinity or {}).get("nodeAffinity") or {}).get(PREFERRED) or ()
    return sum(int(term["weight"]) for term in terms if _matches_term(term["preference"], name, labels))


def named_nodes(affinity: Mapping[str, Any] | None) -> frozenset[str] | None:
    """Give the nodes that required node affinity names, if all of its terms do; ``None`` if any may do."""
    named: frozenset[str] = frozenset()
    terms = _required_terms(affinity)
    for term in terms:
        fields = [f for f in term.get("matchFields") or () if f["key"] == NODE_NAME and f["operator"] == "In"]
        if not fields:
            return None
        named |= frozenset.intersection(*(frozenset(field["values"]) for field in fields))
    return named if terms else None


def _tolerates(toleration: Toleration, taint: Taint) -> bool:
    if toleration.effect not in ("", taint.effect) or toleration.key not in ("", taint.key):
        return False
    return toleration.operator == "Exists" or (bool(toleration.key) and toleration.value == taint.value)


def _has_affinity(affinity: Mapping[str, Any] | None, name: str, labels: Mapping[str, str]) -> bool:
    if not (affinity and (affinity.get("nodeAffinity") or {}).get(REQUIRED)):
        return True
    return matches_terms(_required_terms(affinity), name, labels)


def _required_terms(affinity: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    required = ((affinity or {}).get("nodeAffinity") or {}).get(REQUIRED) or {}
    return list(required.get("nodeSelectorTerms") or ())


def _matches_term(term: Mapping[str, Any], name: str, labels: Mapping[str, str]) -> bool:
    """Tell whether a node satisfies a term; an empty one is satisfied by none."""
    fields, expressions = term.get("matchFields"), term.get("matchExpressions")
    return (
        bool(fields or expressions)
        and _all_hold(fields, {NODE_NAME: name})
        and _all_hold(expressions, labels)
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
        case "Gt" | "Lt" as operator:
            number, limit = _as_int(value), _as_int(next(iter(wanted), None))
            if number is None or limit is None:
                return False
            return number > limit if operator == "Gt" else number < limit
        case _:
            return False


def _as_int(value: str | None) -> int | None:
    return int(value) if value is not None and value.lstrip("-").isdigit() else None
