"""Whether a Pod may be evicted: what its PodDisruptionBudget needs, and what there is. Pure.

Source: Kubernetes ``pkg/registry/core/pod/storage/eviction.go`` and ``pkg/controller/disruption``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from netemu.api import selectors
from netemu.api.client import Object
from netemu.api.errors import ApiError, Cause, TooManyRequestsError
from netemu.api.views import view
from netemu.api.views.meta import LabelSelector

ExpectedPods = Callable[[Sequence[Object]], int]
"""How many pods there should be, by the controllers of these."""


def needs_no_budget(pod: Object) -> bool:
    """Tell whether a Pod serves nobody: it may always go."""
    phase = pod.get("status", {}).get("phase")
    return phase in ("Succeeded", "Failed", "Pending") or bool(pod["metadata"].get("deletionTimestamp"))


def budgets_of(pod: Object, budgets: Sequence[Object]) -> list[Object]:
    """Find the budgets that a Pod counts for."""
    return [budget for budget in budgets if _selects(budget, pod)]


def check_budget(
    pod: Object, budgets: Sequence[Object], pods: Sequence[Object], expected: ExpectedPods
) -> None:
    """Refuse an eviction that would leave too few.

    Raises:
        TooManyRequestsError: it would, for now.
        ApiError: two budgets claim the Pod.

    """
    mine = budgets_of(pod, budgets)
    if needs_no_budget(pod) or not mine:
        return
    if len(mine) > 1:
        raise ApiError(
            "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
        )
    (budget,) = mine
    name = budget["metadata"]["name"]
    if problem := _problem(budget):
        never = "does not allow evicting pods currently because it failed sync"
        raise _refusal(f"The disruption budget {name} {never}: {problem}")
    counted = [one for one in pods if _selects(budget, one)]
    healthy = sum(_is_healthy(one) for one in counted)
    needed = _needed(budget["spec"], expected(counted))
    if healthy > needed or (not _is_healthy(pod) and _may_go_unhealthy(budget["spec"], healthy, needed)):
        return
    raise _refusal(f"The disruption budget {name} needs {needed} healthy pods and has {healthy} currently")


def _refusal(message: str) -> TooManyRequestsError:
    return TooManyRequestsError(
        "Cannot evict pod as it would violate the pod's disruption budget.",
        causes=(Cause(field="", message=message, reason="DisruptionBudget"),),
    )


def _problem(budget: Object) -> str:
    """Say why a budget's pods cannot be counted; empty if they can."""
    conditions = (budget.get("status") or {}).get("conditions") or ()
    return next((str(one["message"]) for one in conditions if one["reason"] == "SyncFailed"), "")


def _selects(budget: Object, pod: Object) -> bool:
    selector = budget["spec"].get("selector")
    if selector is None or budget["metadata"]["namespace"] != pod["metadata"]["namespace"]:
        return False
    return selectors.matches(view(LabelSelector, selector), pod["metadata"].get("labels") or {})


def _is_healthy(pod: Object) -> bool:
    conditions = pod.get("status", {}).get("conditions") or ()
    is_ready = any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
    return is_ready and not pod["metadata"].get("deletionTimestamp")


def _may_go_unhealthy(spec: dict[str, Any], healthy: int, needed: int) -> bool:
    return spec.get("unhealthyPodEvictionPolicy") == "AlwaysAllow" or healthy >= needed > 0


def _needed(spec: dict[str, Any], expected: int) -> int:
    if "maxUnavailable" in spec:
        return max(expected - _count(spec["maxUnavailable"], expected), 0)
    return _count(spec.get("minAvailable", 1), expected)


def _count(wanted: int | str, of: int) -> int:
    """Read a number or a percentage, rounded up."""
    if isinstance(wanted, int):
        return wanted
    return math.ceil(of * int(wanted.removesuffix("%")) / 100)
