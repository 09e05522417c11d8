"""A Deployment's status: counters, and the conditions that kubectl wait and rollout read. Pure.

Source: kube-controller-manager ``pkg/controller/deployment/{sync,progress}.go``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from netemu.api.client import Object
from netemu.api.kinds import DEPLOYMENT
from netemu.api.views.apps import Workload
from netemu.clock import format_rfc3339, parse_rfc3339
from netemu.controllers.rollouts import least_available
from netemu.controllers.writes import LookAgain, Writes, write_status

Status = dict[str, Any]

NO_DEADLINE_S = 2**31 - 1
AVAILABLE = "NewReplicaSetAvailable"
UPDATED = "ReplicaSetUpdated"
TIMED_OUT = "ProgressDeadlineExceeded"
PAUSED = "DeploymentPaused"
NOT_CREATED = "ReplicaSetCreateError"
OURS = ("Available", "Progressing", "ReplicaFailure")
"""The conditions that are decided here; those that others wrote stay."""


class Progress(Struct, frozen=True, kw_only=True):
    """How far a rollout is. ``created`` is the size of a ReplicaSet that this very plan makes.

    ``stands`` while it does not go on: the Deployment is paused, or follows a new number first.
    ``problem`` is why its newest ReplicaSet could not be created.
    """

    new: Workload | None
    old: Sequence[Workload]
    new_name: str
    created: int | None
    collisions: int
    stands: bool
    problem: str = ""


def plan_status(obj: Object, deployment: Workload, progress: Progress, now_s: float) -> Writes:
    """Decide the status; look again when the progress deadline passes."""
    before = obj.get("status") or {}
    counters = _counters(progress.new, progress.old, created=progress.created or 0)
    conditions = [
        _stamped(before, _available(counters["availableReplicas"] >= least_available(deployment.spec)), now_s)
    ]
    progressing = _progressing(deployment, before, counters, progress, now_s)
    if progressing is not None:
        moved = progressing["reason"] == UPDATED and _has_progressed(before, counters)
        conditions.append(_stamped(before, progressing, now_s, moved=moved))
    conditions += _failures(before, progress)
    conditions += [c for c in before.get("conditions") or () if c["type"] not in OURS]
    terminating = counters.pop("terminatingReplicas")
    status = {
        "observedGeneration": deployment.metadata.generation,
        **{name: count for name, count in counters.items() if count},
        "terminatingReplicas": terminating,
        "conditions": conditions,
        **({"collisionCount": progress.collisions} if progress.collisions else {}),
    }
    again = _deadline(deployment, counters, conditions, now_s)
    return [*write_status(DEPLOYMENT, obj, status), *again]


def is_complete(deployment: Workload, new: Workload, old: Sequence[Workload]) -> bool:
    """Tell whether all pods are new and available, and none is left of the others."""
    return _is_complete(deployment, _counters(new, old))


def find_condition(status: Status, type: str) -> Status | None:
    """Find a condition by its type."""
    return next((c for c in status.get("conditions") or () if c["type"] == type), None)


def _counters(new: Workload | None, old: Sequence[Workload], *, created: int = 0) -> dict[str, int]:
    sets = [*old, *([new] if new else [])]
    available = sum(rs.status.available_replicas for rs in sets)
    wanted = sum(rs.spec.replicas for rs in sets) + created
    return {
        "replicas": sum(rs.status.replicas for rs in sets),
        "updatedReplicas": new.status.replicas if new else 0,
        "readyReplicas": sum(rs.status.ready_replicas for rs in sets),
        "availableReplicas": available,
        "unavailableReplicas": max(0, wanted - available),
        "terminatingReplicas": sum(rs.status.terminating_replicas for rs in sets),
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


def _failures(before: Status, progress: Progress) -> list[Status]:
    """Repeat why a ReplicaSet cannot make its pods, the newest one's reason first."""
    sets = [*([progress.new] if progress.new else []), *progress.old]
    found = [c for rs in sets for c in rs.status.conditions if c["type"] == "ReplicaFailure"][:1]
    present = find_condition(before, "ReplicaFailure")
    if found and present and _outcome(present) == _outcome(found[0]):
        return [present]
    return [{**c, "lastUpdateTime": c["lastTransitionTime"]} for c in found]


def _progressing(
    deployment: Workload, before: Status, counters: dict[str, int], progress: Progress, now_s: float
) -> Status | None:
    """Decide the condition Progressing; without a new reason, the present one stays."""
    if deployment.spec.progress_deadline_seconds >= NO_DEADLINE_S:
        return None
    if progress.problem:
        message = f'Failed to create new replica set "{progress.new_name}": {progress.problem}'
        return {**_progressing_because(NOT_CREATED, message), "status": "False"}
    present = _present(deployment, find_condition(before, "Progressing"), progress)
    reason = present["reason"] if present else ""
    name = progress.new_name
    if progress.stands or (reason == AVAILABLE and counters["replicas"] == counters["updatedReplicas"]):
        return present
    if _is_complete(deployment, counters):
        return _progressing_because(AVAILABLE, f'ReplicaSet "{name}" has successfully progressed.')
    if progress.created is None and _has_progressed(before, counters):
        return _progressing_because(UPDATED, f'ReplicaSet "{name}" is progressing.')
    if present and reason != AVAILABLE and _overdue_in_s(deployment, present, now_s) <= 0:
        message = f'ReplicaSet "{name}" has timed out progressing.'
        return {**_progressing_because(TIMED_OUT, message), "status": "False"}
    return present


def _present(deployment: Workload, known: Status | None, progress: Progress) -> Status | None:
    """Give the condition as pausing, resuming or a new ReplicaSet leave it."""
    reason = known["reason"] if known else ""
    if progress.created is not None:
        return _progressing_because("NewReplicaSetCreated", f'Created new replica set "{progress.new_name}"')
    if deployment.spec.paused and reason not in (PAUSED, TIMED_OUT):
        return {**_progressing_because(PAUSED, "Deployment is paused"), "status": "Unknown"}
    if not deployment.spec.paused and reason == PAUSED:
        return {**_progressing_because("DeploymentResumed", "Deployment is resumed"), "status": "Unknown"}
    if known is None and progress.new is not None:
        return _progressing_because("FoundNewReplicaSet", f'Found new replica set "{progress.new_name}"')
    return known


def _progressing_because(reason: str, message: str) -> Status:
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


def _deadline(
    deployment: Workload, counters: dict[str, int], conditions: list[Status], now_s: float
) -> Writes:
    progressing = find_condition({"conditions": conditions}, "Progressing")
    if progressing is None or progressing["reason"] in (AVAILABLE, TIMED_OUT):
        return []
    if deployment.spec.paused or _is_complete(deployment, counters):
        return []
    return [LookAgain(max(1.0, _overdue_in_s(deployment, progressing, now_s)))]


def _stamped(before: Status, condition: Status, now_s: float, *, moved: bool = False) -> Status:
    """Add the times: of the last change or move, and of the last change of ``status``.

    A condition whose status and reason are what they were stays as it is, message and all.
    """
    present = find_condition(before, condition["type"])
    now = format_rfc3339(now_s)
    if present is None:
        return {**condition, "lastUpdateTime": now, "lastTransitionTime": now}
    if _outcome(present) == _outcome(condition) and not moved:
        return present
    same = present["status"] == condition["status"]
    return {
        **condition,
        "lastUpdateTime": now,
        "lastTransitionTime": present["lastTransitionTime"] if same else now,
    }


def _outcome(condition: Status) -> tuple[str, str]:
    return condition["status"], condition["reason"]
