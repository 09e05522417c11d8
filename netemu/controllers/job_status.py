"""The status of a Job: counters and conditions. Pure."""

from __future__ import annotations

from typing import Any, NamedTuple

from netemu.api.client import Object
from netemu.api.kinds import JOB
from netemu.api.views.batch import Job
from netemu.api.views.core import Pod
from netemu.clock import format_rfc3339
from netemu.controllers.job_indexes import render_indexes
from netemu.controllers.job_pods import is_tracked, release
from netemu.controllers.job_tally import Tally
from netemu.controllers.pods import is_ready
from netemu.controllers.writes import EmitEvent, Patch, Writes
from netemu.informer.cache import key_of

MAX_UNCOUNTED = 500
"""How many pods wait in a status to be counted at most: it must stay small."""

Status = dict[str, Any]


class Verdict(NamedTuple):
    """How a Job ends: well (SuccessCriteriaMet, Complete) or not (FailureTarget, Failed), and why."""

    well: bool
    reason: str
    message: str


def standing_verdict(job: Job) -> Verdict | None:
    """Give the verdict that the status has already."""
    for well, type_ in ((True, "SuccessCriteriaMet"), (False, "FailureTarget")):
        found = job.condition(type_)
        if found is not None:
            return Verdict(well, found.reason, found.message)
    return None


def plan_status(obj: Object, tally: Tally, verdict: Verdict | None) -> Writes:
    """Note the pods that ended, let go of them, and count them; end the Job when none is left."""
    released = _ended(tally, verdict)
    noted = _noted(obj, tally, released, verdict)
    writes: Writes = [*_change(obj, obj.get("status") or {}, noted)]
    writes += [release(pod) for pod in released]
    counted = _counted(noted, tally)
    left = {pod.metadata.uid for pod in tally.pods if is_tracked(pod)} - {p.metadata.uid for p in released}
    if verdict is not None and not (left or tally.active or tally.terminating):
        counted, events = _finished(obj, counted, tally, verdict)
        return [*writes, *_change(obj, noted, counted), *events]
    return [*writes, *_change(obj, noted, counted)]


def _ended(tally: Tally, verdict: Verdict | None) -> list[Pod]:
    """Give the pods to let go of now: those that ended, and once it failed, those that are ending."""
    kept = tally.awaiting_successor if verdict is None else frozenset()
    over = [*tally.succeeded, *tally.failed]
    ended = {pod.metadata.uid: pod for pod in over if is_tracked(pod) and pod.metadata.uid not in kept}
    return list(ended.values())[:MAX_UNCOUNTED]


def _noted(obj: Object, tally: Tally, released: list[Pod], verdict: Verdict | None) -> Status:
    """Give the status with the pods that are about to be counted, and what may be told already."""
    before: Status = obj.get("status") or {}
    uids = {pod.metadata.uid for pod in released}
    uncounted = tally.job.status.uncounted_terminated_pods
    failed = [*uncounted.failed, *(p.metadata.uid for p in tally.new_failed if p.metadata.uid in uids)]
    succeeded = list(uncounted.succeeded)
    status = {
        **before,
        "active": len(tally.active),
        "ready": sum(map(is_ready, tally.active)),
        "terminating": len(tally.terminating),
    }
    if tally.job.is_indexed:
        status["completedIndexes"] = render_indexes(tally.succeeded_indexes)
        status["succeeded"] = len(tally.succeeded_indexes)
        if tally.job.spec.backoff_limit_per_index is not None:
            status["failedIndexes"] = render_indexes(tally.failed_indexes)
    else:
        succeeded += [p.metadata.uid for p in tally.new_succeeded if p.metadata.uid in uids]
    noted = {"succeeded": succeeded, "failed": failed}
    status["uncountedTerminatedPods"] = {name: uids_ for name, uids_ in noted.items() if uids_}
    if tally.job.status.start_time is None and not tally.job.spec.suspend:
        status["startTime"] = format_rfc3339(tally.now_s)
    if verdict is not None:
        type_ = "SuccessCriteriaMet" if verdict.well else "FailureTarget"
        status = _with_condition(status, type_, verdict.reason, verdict.message, tally.now_s)
    return {name: value for name, value in status.items() if value or name not in _OMITTED}


_OMITTED = ("active", "succeeded", "completedIndexes")


def _counted(noted: Status, tally: Tally) -> Status:
    """Give the status with the noted pods in its counters."""
    uncounted = noted["uncountedTerminatedPods"]
    counters = {"failed": int(noted.get("failed", 0)) + len(uncounted.get("failed", ()))}
    if not tally.job.is_indexed:
        counters["succeeded"] = int(noted.get("succeeded", 0)) + len(uncounted.get("succeeded", ()))
    counters = {name: count for name, count in counters.items() if count}
    return {**noted, **counters, "uncountedTerminatedPods": {}}


def _finished(obj: Object, status: Status, tally: Tally, verdict: Verdict) -> tuple[Status, Writes]:
    now = format_rfc3339(tally.now_s)
    status = {name: value for name, value in status.items() if name != "active"}
    status |= {"ready": 0, "terminating": 0}
    if verdict.well:
        status = _with_condition(status, "Complete", verdict.reason, verdict.message, tally.now_s)
        event = EmitEvent(obj, "Normal", "Completed", "Job completed")
        return {**status, "completionTime": now}, [event]
    status = _with_condition(status, "Failed", verdict.reason, verdict.message, tally.now_s)
    return status, [EmitEvent(obj, "Warning", verdict.reason, verdict.message)]


def plan_suspension(obj: Object, tally: Tally) -> Writes:
    """Tell that a Job was suspended, or goes on; it then starts anew."""
    status: Status = obj.get("status") or {}
    if (tally.job.condition("Suspended") is not None) == tally.job.spec.suspend:
        return []
    if tally.job.spec.suspend:
        changed = _with_condition(status, "Suspended", "JobSuspended", "Job suspended", tally.now_s)
        event = EmitEvent(obj, "Normal", "Suspended", "Job suspended")
    else:
        changed = _with_condition(
            status, "Suspended", "JobResumed", "Job resumed", tally.now_s, is_true=False
        )
        changed["startTime"] = format_rfc3339(tally.now_s)
        event = EmitEvent(obj, "Normal", "Resumed", "Job resumed")
    return [*_change(obj, status, changed), event]


def _with_condition(
    status: Status, type_: str, reason: str, message: str, now_s: float, *, is_true: bool = True
) -> Status:
    """Give a status in which a condition holds; one that holds already keeps its time."""
    conditions = status.get("conditions") or []
    word = "True" if is_true else "False"
    if any(c["type"] == type_ and c["status"] == word for c in conditions):
        return status
    now = format_rfc3339(now_s)
    condition = {
        "type": type_,
        "status": word,
        "lastProbeTime": now,
        "lastTransitionTime": now,
        "reason": reason,
        "message": message,
    }
    return {**status, "conditions": [*(c for c in conditions if c["type"] != type_), condition]}


def _change(obj: Object, before: Status, after: Status) -> Writes:
    """Make a status another one, if this is still the same Job."""
    missing = object()
    patch: Status = {name: v for name, v in after.items() if before.get(name, missing) != v}
    patch |= {name: None for name in before if name not in after}
    if "uncountedTerminatedPods" in patch:
        uncounted, had = patch["uncountedTerminatedPods"], before.get("uncountedTerminatedPods") or {}
        patch["uncountedTerminatedPods"] = {**dict.fromkeys(had), **uncounted}
    if not patch:
        return []
    whole = {"metadata": {"uid": obj["metadata"]["uid"]}, "status": patch}
    return [Patch(JOB, key_of(obj), whole, subresource="status")]
