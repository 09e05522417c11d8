"""A Deployment's status: counters, and the conditions that kubectl wait and rollout read. Pure.

Source: kube-controller-manager ``pkg/controller/deployment/{sync,progress}.go``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from netemu.api.client import Object
from netemu.api.kinds import DEPLOYMENT
from netemu.api.views.apps import Workload
from netemu.clock import format_rfc3339, parse_rfc3339
from netemu.controllers.rollouts import bounds
from netemu.controllers.writes import LookAgain, Writes, write_status

Status = dict[str, Any]


def plan_status(
    obj: Object,
    deployment: Workload,
    new: Workload | None,
    old: Iterable[Workload],
    *,
    new_name: str,
    created: bool,
    now_s: float,
) -> Writes:
    """Decide the status; look again when the progress deadline passes."""
    before = obj.get("status") or {}
    counters = _counters(deployment, new, old)
    least = bounds(deployment.spec.replicas, deployment.spec.strategy.rolling_update).least_available
    available = _available(counters["availableReplicas"] >= least)
    progressing = _progressing(deployment, before, counters, new_name, created=created, now_s=now_s)
    moved = progressing["reason"] == "ReplicaSetUpdated" and _has_progressed(before, counters)
    conditions = [
        _stamped(before, available, now_s),
        _stamped(before, progressing, now_s, moved=moved),
    ]
    status = {
        "observedGeneration": deployment.metadata.generation,
        **{name: count for name, count in counters.items() if count},
        "conditions": conditions,
    }
    return [*write_status(DEPLOYMENT, obj, status), *_deadline(deployment, conditions[1], now_s)]


def _counters(deployment: Workload, new: Workload | None, old: Iterable[Workload]) -> dict[str, int]:
    sets = [*old, *([new] if new else [])]
    total = sum(rs.status.replicas for rs in sets)
    available = sum(rs.status.available_replicas for rs in sets)
    return {
        "replicas": total,
        "updatedReplicas": new.status.replicas if new else 0,
        "readyReplicas": sum(rs.status.ready_replicas for rs in sets),
        "availableReplicas": available,
        "unavailableReplicas": max(0, max(total, deployment.spec.replicas) - available),
    }


def _available(enough: bool) -> Status:
    if enough:
        return {
            "type": "Available",
            "status": "True",
            "reason": "MinimumReplicasAvailable",
            "message": "Deployment has minimum availability.",
        }
    return {
        "type": "Available",
        "status": "False",
        "reason": "MinimumReplicasUnavailable",
        "message": "Deployment does not have minimum availability.",
    }


def _progressing(
    deployment: Workload,
    before: Status,
    counters: dict[str, int],
    name: str,
    *,
    created: bool,
    now_s: float,
) -> Status:
    """Decide the condition Progressing; without a new reason, the present one stays."""
    present = find_condition(before, "Progressing")
    reason = present.get("reason") if present else None
    rolled_out = reason == "NewReplicaSetAvailable"
    if created:
        return _condition("NewReplicaSetCreated", f'Created new replica set "{name}"')
    if rolled_out and counters["replicas"] == counters["updatedReplicas"] and present:
        return _kept(present)
    if _is_complete(deployment, counters):
        return _condition("NewReplicaSetAvailable", f'ReplicaSet "{name}" has successfully progressed.')
    if present is None or rolled_out or _has_progressed(before, counters):
        return _condition("ReplicaSetUpdated", f'ReplicaSet "{name}" is progressing.')
    if not deployment.spec.paused and _overdue_in_s(deployment, present, now_s) <= 0:
        message = f'ReplicaSet "{name}" has timed out progressing.'
        return {**_condition("ProgressDeadlineExceeded", message), "status": "False"}
    return _kept(present)


def _kept(present: Status) -> Status:
    return {field: present[field] for field in ("type", "status", "reason", "message")}


def _condition(reason: str, message: str) -> Status:
    return {"type": "Progressing", "status": "True", "reason": reason, "message": message}


def _is_complete(deployment: Workload, counters: dict[str, int]) -> bool:
    wanted = deployment.spec.replicas
    return all(counters[c] == wanted for c in ("replicas", "updatedReplicas", "availableReplicas"))


def _has_progressed(before: Status, counters: dict[str, int]) -> bool:
    was = {name: before.get(name, 0) for name in counters}
    more = any(counters[c] > was[c] for c in ("updatedReplicas", "readyReplicas", "availableReplicas"))
    old_before = was["replicas"] - was["updatedReplicas"]
    return more or counters["replicas"] - counters["updatedReplicas"] < old_before


def _overdue_in_s(deployment: Workload, present: Status, now_s: float) -> float:
    updated_s = parse_rfc3339(present.get("lastUpdateTime") or format_rfc3339(now_s))
    return updated_s + deployment.spec.progress_deadline_seconds - now_s


def _deadline(deployment: Workload, progressing: Status, now_s: float) -> Writes:
    over = progressing["status"] == "False" or progressing["reason"] == "NewReplicaSetAvailable"
    if over or deployment.spec.paused:
        return []
    return [LookAgain(max(1.0, _overdue_in_s(deployment, progressing, now_s)))]


def _stamped(before: Status, condition: Status, now_s: float, *, moved: bool = False) -> Status:
    """Add the times: of the last change or move, and of the last change of ``status``."""
    present = find_condition(before, condition["type"])
    now = format_rfc3339(now_s)
    if present is None:
        return {**condition, "lastUpdateTime": now, "lastTransitionTime": now}
    if _kept(present) == condition and not moved:
        return present
    same = present["status"] == condition["status"]
    return {
        **condition,
        "lastUpdateTime": now,
        "lastTransitionTime": present["lastTransitionTime"] if same else now,
    }


def find_condition(status: Status, type: str) -> Status | None:
    """Find a condition by its type."""
    return next((c for c in status.get("conditions") or () if c["type"] == type), None)
