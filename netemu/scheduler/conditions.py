"""What the scheduler says of a pod in its status. Pure."""

from __future__ import annotations

from typing import Any

from netemu.api.client import Object
from netemu.clock import format_rfc3339

SCHEDULED = "PodScheduled"
UNSCHEDULABLE = "Unschedulable"
GATED = "SchedulingGated"
GATED_MESSAGE = "Scheduling is blocked due to non-empty scheduling gates"


def waiting_status(pod: Object, reason: str, message: str, nominated: str | None, now_s: float) -> Object:
    """Give the patch of the status of a pod that waits; empty if it says so already.

    ``nominated`` is the node that others were told to leave for it, empty for none any more.
    """
    status = pod.get("status") or {}
    conditions = status.get("conditions") or []
    present = next((c for c in conditions if c["type"] == SCHEDULED), None)
    patch: Object = {}
    generation = pod["metadata"].get("generation")
    said = {field: (present or {}).get(field) for field in ("reason", "message", "observedGeneration")}
    if said != {"reason": reason, "message": message, "observedGeneration": generation}:
        others = [c for c in conditions if c["type"] != SCHEDULED]
        made = _not_scheduled(present, reason, message, now_s)
        patch["conditions"] = [*others, {**made, "observedGeneration": generation} if generation else made]
    if nominated is not None and nominated != status.get("nominatedNodeName", ""):
        patch["nominatedNodeName"] = nominated or None
    return patch


def _not_scheduled(present: dict[str, Any] | None, reason: str, message: str, now_s: float) -> Object:
    since = present["lastTransitionTime"] if present and present["status"] == "False" else None
    return {
        "type": SCHEDULED,
        "status": "False",
        "reason": reason,
        "message": message,
        "lastProbeTime": None,
        "lastTransitionTime": since or format_rfc3339(now_s),
    }
