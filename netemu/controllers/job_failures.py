"""What a Job makes of pods that failed: policies, limits, and how long it waits. Pure.

Source: kube-controller-manager ``pkg/controller/job`` (``pod_failure_policy.go``,
``success_policy.go``, ``backoff_utils.go``).
"""

from __future__ import annotations

from collections.abc import Iterable, Set
from enum import Enum
from typing import Any, NamedTuple

from netemu.api.views.batch import Job
from netemu.api.views.core import ContainerStatus, Pod
from netemu.clock import parse_rfc3339
from netemu.controllers.job_indexes import index_of, parse_indexes
from netemu.controllers.pods import is_terminating

FAILURES = "batch.kubernetes.io/job-index-failure-count"
IGNORED_FAILURES = "batch.kubernetes.io/job-index-ignored-failure-count"

FIRST_DELAY_S = 10.0
MAX_DELAY_S = 600.0


class Action(Enum):
    """What one failure means."""

    FAIL_JOB = "FailJob"
    FAIL_INDEX = "FailIndex"
    IGNORE = "Ignore"
    COUNT = "Count"


class Judgement(NamedTuple):
    """What a rule says of a failed pod, and (FailJob) why."""

    action: Action
    message: str = ""


def judge(job: Job, pod: Pod) -> Judgement:
    """Apply a Job's pod failure policy to a failed pod: the first rule that matches counts."""
    for number, rule in enumerate((job.spec.pod_failure_policy or {}).get("rules") or ()):
        found = _match(rule, pod)
        if found:
            action = Action(rule["action"])
            return Judgement(action, f"{found} matching {action.value} rule at index {number}")
    return Judgement(Action.COUNT)


def success_rule(job: Job, succeeded: Set[int]) -> int | None:
    """Find the rule of a Job's success policy that its succeeded indexes satisfy."""
    rules: list[dict[str, Any]] = (job.spec.success_policy or {}).get("rules") or []
    for number, rule in enumerate(rules):
        wanted = rule.get("succeededIndexes")
        count = rule.get("succeededCount")
        if wanted is None:
            if count is not None and len(succeeded) >= count:
                return number
            continue
        indexes = parse_indexes(wanted, job.spec.completions or 0)
        if indexes and len(indexes & succeeded) >= (count if count is not None else len(indexes)):
            return number
    return None


def failed_indexes(job: Job, failed: Iterable[Pod]) -> frozenset[int]:
    """Give the indexes that failed for good: too often, or by a rule."""
    completions = job.spec.completions or 0
    found = set(parse_indexes(job.status.failed_indexes, completions))
    for pod in failed:
        index = index_of(pod)
        if index is not None and index < completions and _fails_index(job, pod):
            found.add(index)
    return frozenset(found)


def next_failures(job: Job, last: Pod | None) -> dict[str, str]:
    """Give the annotations that count an index's failures, for the pod that follows ``last``."""
    if last is None:
        return {FAILURES: "0"}
    counts = judge(job, last).action is not Action.IGNORE
    ignored = _count(last, IGNORED_FAILURES) + (not counts)
    failures = {FAILURES: str(_count(last, FAILURES) + counts)}
    return {**failures, IGNORED_FAILURES: str(ignored)} if ignored else failures


def index_failures(pod: Pod) -> int:
    """Tell how often an index had failed, in any way, before this pod."""
    return _count(pod, FAILURES) + _count(pod, IGNORED_FAILURES)


def delay_s(failures: int, last_failure_s: float, now_s: float) -> float:
    """Tell how long to wait after failures in a row: 10 s, doubled each time, at most ten minutes."""
    if not failures:
        return 0.0
    wait_s = min(FIRST_DELAY_S * float(2 ** min(failures - 1, 10)), MAX_DELAY_S)
    return max(0.0, last_failure_s + wait_s - now_s)


def job_delay_s(succeeded: Iterable[Pod], failed: Iterable[Pod], now_s: float) -> float:
    """Tell how long to wait before a failed pod is replaced; a success ends the series."""
    last_success_s = max(map(finished_s, succeeded), default=0.0)
    since = [at_s for at_s in map(finished_s, failed) if at_s > last_success_s]
    return delay_s(len(since), max(since, default=0.0), now_s)


def finished_s(pod: Pod) -> float:
    """Tell when a pod ended, as well as its status knows."""
    ended = [
        str((status.state.get("terminated") or {}).get("finishedAt") or "")
        for status in pod.status.container_statuses
    ]
    if ended and all(ended):
        return max(map(parse_rfc3339, ended))
    not_ready = (c.last_transition_time for c in pod.status.conditions if (c.type, c.status) == _NOT_READY)
    since = next(not_ready, None)
    if since:
        return parse_rfc3339(since)
    meta = pod.metadata
    if meta.deletion_timestamp:
        return parse_rfc3339(meta.deletion_timestamp) - (meta.deletion_grace_period_seconds or 0)
    return parse_rfc3339(meta.creation_timestamp) if meta.creation_timestamp else 0.0


_NOT_READY = ("Ready", "False")


def restarts_exceed(job: Job, pods: Iterable[Pod]) -> bool:
    """Tell whether containers that restart in place did so too often (restartPolicy OnFailure)."""
    if (job.spec.template.get("spec") or {}).get("restartPolicy") != "OnFailure":
        return False
    restarts = sum(
        status.restart_count
        for pod in pods
        if pod.status.phase in ("Pending", "Running")
        for status in (*pod.status.init_container_statuses, *pod.status.container_statuses)
    )
    limit = job.spec.backoff_limit
    return restarts > 0 if limit == 0 else restarts >= limit


def is_held(pod: Pod, now_s: float) -> bool:
    """Tell whether a pod is gone but for its finalizers."""
    meta = pod.metadata
    return (
        is_terminating(pod)
        and not meta.deletion_grace_period_seconds
        and parse_rfc3339(meta.deletion_timestamp or "") <= now_s
    )


def _fails_index(job: Job, pod: Pod) -> bool:
    action = judge(job, pod).action
    if action is Action.FAIL_INDEX:
        return True
    return action is not Action.IGNORE and _count(pod, FAILURES) >= (job.spec.backoff_limit_per_index or 0)


def _match(rule: dict[str, Any], pod: Pod) -> str:
    """Say what of a pod a rule means; empty when it means another kind of failure."""
    name = f"{pod.metadata.namespace}/{pod.metadata.name}"
    if rule.get("onExitCodes"):
        statuses = (*pod.status.container_statuses, *pod.status.init_container_statuses)
        for status in statuses:
            code = _matching_code(rule["onExitCodes"], status)
            if code:
                return f"Container {status.name} for pod {name} failed with exit code {code}"
        return ""
    for pattern in rule.get("onPodConditions") or ():
        for condition in pod.status.conditions:
            if (condition.type, condition.status) == (pattern["type"], pattern.get("status", "True")):
                return f"Pod {name} has condition {condition.type}"
    return ""


def _matching_code(wanted: dict[str, Any], status: ContainerStatus) -> int:
    if wanted.get("containerName") not in (None, status.name):
        return 0
    code = (status.state.get("terminated") or {}).get("exitCode")
    if not isinstance(code, int) or code == 0:
        return 0
    return code if (code in wanted["values"]) == (wanted["operator"] == "In") else 0


def _count(pod: Pod, annotation: str) -> int:
    text = pod.metadata.annotations.get(annotation, "0")
    return int(text) if text.isdigit() else 0
