"""The condition DisruptionTarget: a pod is about to be ended, and not for a fault of its own. Pure.

Source: https://kubernetes.io/docs/concepts/workloads/pods/disruptions/#pod-disruption-conditions.
"""

from __future__ import annotations

from typing import Any

from netemu.api.client import Object
from netemu.clock import format_rfc3339

TARGET = "DisruptionTarget"


def targeted(pod: Object, reason: str, message: str, now_s: float) -> list[dict[str, Any]]:
    """Give a pod's conditions with the one that says who ends it."""
    conditions = (pod.get("status") or {}).get("conditions") or []
    target = {
        "type": TARGET,
        "status": "True",
        "reason": reason,
        "message": message,
        "lastProbeTime": None,
        "lastTransitionTime": format_rfc3339(now_s),
    }
    return [*(condition for condition in conditions if condition["type"] != TARGET), target]
