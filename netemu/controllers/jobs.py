"""The Job controller: pods that end, as often as wanted. Pure.

Source: https://kubernetes.io/docs/concepts/workloads/controllers/job/ and
kube-controller-manager ``pkg/controller/job``.
"""

from __future__ import annotations

from collections.abc import Iterable

from netemu.api.client import Object
from netemu.api.kinds import JOB, POD
from netemu.api.selectors import matches
from netemu.api.views import view
from netemu.api.views.batch import MANAGER, Job
from netemu.api.views.core import Pod
from netemu.api.views.meta import LabelSelector
from netemu.clock import parse_rfc3339
from netemu.controllers.indexes import controlled_by, orphans, wanting
from netemu.controllers.job_failures import (
    Action,
    delay_s,
    finished_s,
    index_failures,
    job_delay_s,
    judge,
    restarts_exceed,
    success_rule,
)
from netemu.controllers.job_indexes import first_free, index_of
from netemu.controllers.job_pods import FINALIZER, is_tracked, new_pod, release, track
from netemu.controllers.job_status import Verdict, plan_status, plan_suspension, standing_verdict
from netemu.controllers.job_tally import Tally
from netemu.controllers.ownership import controller_of
from netemu.controllers.pods import claim_pods, deletion_order, find_pods, pod_trigger
from netemu.controllers.reconciler import Reconciler, own_key
from netemu.controllers.writes import Delete, LookAgain, Writes
from netemu.informer.cache import Cache, Change, Key

BURST = 500
"""How many pods one plan creates or deletes at most."""


def plan(cache: Cache, key: Key, now_s: float) -> Writes:
    """Decide what a Job's status says, which pods to create or delete, and whether it is over."""
    obj = cache.get(JOB, key)
    job = cache.find(JOB, key, Job)
    if obj is None or job is None:
        return []
    if job.is_finished:
        return [*_let_go(cache, job), *_expire(job, now_s)]
    if job.spec.managed_by not in (None, MANAGER):
        return []
    if job.metadata.deletion_timestamp:
        owned = find_pods(cache, controlled_by(cache, POD, job.metadata.uid))
        tally = Tally(job, tuple(owned), now_s)
        return plan_status(obj, tally, standing_verdict(job))
    claimed = claim_pods(cache, JOB, obj, job.spec.selector)
    tally = Tally(job, tuple(find_pods(cache, claimed.keys)), now_s)
    verdict = standing_verdict(job) or _verdict(tally)
    status = plan_status(obj, tally, verdict)
    if verdict is not None:
        return [*claimed.writes, *status, *_delete(obj, tally.active)]
    claimed.writes.extend(track(pod) for pod in tally.active if not is_tracked(pod))
    # A suspension is told after the counters: its patch holds all conditions, theirs none.
    return [*claimed.writes, *status, *plan_suspension(obj, tally), *_scale(obj, tally), *_deadline(tally)]


def _verdict(tally: Tally) -> Verdict | None:
    """Decide whether a Job is to end."""
    job = tally.job
    rule = _fatal_rule(tally)
    if rule:
        return Verdict(False, "PodFailurePolicy", rule)
    if tally.failed_count > job.spec.backoff_limit or restarts_exceed(job, tally.pods):
        return Verdict(False, "BackoffLimitExceeded", "Job has reached the specified backoff limit")
    if not job.spec.suspend and _time_left_s(tally) == 0:
        return Verdict(False, "DeadlineExceeded", "Job was active longer than specified deadline")
    return (_index_verdict(tally) if job.is_indexed else None) or _completion(tally)


def _fatal_rule(tally: Tally) -> str:
    if tally.job.spec.pod_failure_policy is None:
        return ""
    for pod in tally.failed:
        if pod.status.phase == "Failed":
            judgement = judge(tally.job, pod)
            if judgement.action is Action.FAIL_JOB:
                return judgement.message
    return ""


def _index_verdict(tally: Tally) -> Verdict | None:
    spec = tally.job.spec
    failed = len(tally.failed_indexes)
    if spec.max_failed_indexes is not None and failed > spec.max_failed_indexes:
        why = "Job has exceeded the specified maximal number of failed indexes"
        return Verdict(False, "MaxFailedIndexesExceeded", why)
    if failed and failed + len(tally.succeeded_indexes) >= (spec.completions or 0):
        return Verdict(False, "FailedIndexes", "Job has failed indexes")
    rule = success_rule(tally.job, tally.succeeded_indexes)
    return Verdict(True, "SuccessPolicy", f"Matched rules at index {rule}") if rule is not None else None


def _completion(tally: Tally) -> Verdict | None:
    wanted = tally.job.spec.completions
    if wanted is None:
        complete = tally.succeeded_count > 0 and not tally.active
    else:
        complete = tally.succeeded_count >= wanted
    if not complete:
        return None
    return Verdict(True, "CompletionsReached", "Reached expected number of succeeded pods")


def _scale(obj: Object, tally: Tally) -> Writes:
    """Create or delete pods, so that as many work as may."""
    job = tally.job
    surplus = list(tally.active) if job.spec.suspend else _surplus(tally)
    if surplus:
        released = [release(pod) for pod in surplus[:BURST] if is_tracked(pod)]
        return [*released, *_delete(obj, surplus[:BURST])]
    if job.spec.suspend:
        return []
    replaced_late = job.spec.pod_replacement_policy == "Failed"
    missing = _wanted(tally) - len(tally.active) - (len(tally.terminating) if replaced_late else 0)
    if missing <= 0:
        return []
    if job.spec.backoff_limit_per_index is None:
        wait_s = job_delay_s(tally.succeeded, tally.failed, tally.now_s)
        if wait_s > 0:
            return [LookAgain(wait_s)]
    missing = min(missing, BURST)
    return _complete(obj, tally, missing) if job.is_indexed else [new_pod(obj, job, None, None)] * missing


def _wanted(tally: Tally) -> int:
    """Tell how many pods should work now."""
    spec = tally.job.spec
    if spec.completions is None:
        return len(tally.active) if tally.succeeded_count else spec.parallelism
    return max(0, min(spec.completions - tally.succeeded_count, spec.parallelism))


def _surplus(tally: Tally) -> list[Pod]:
    """Choose the pods that must go: those of no completion, second ones, and what is too many."""
    surplus: list[Pod] = []
    active = deletion_order(tally.active, tally.now_s)
    if tally.job.is_indexed:
        completions = tally.job.spec.completions or 0
        workers = {number: pod.metadata.uid for pod in active if (number := index_of(pod)) is not None}
        stay = {uid for number, uid in workers.items() if number < completions}
        surplus = [pod for pod in active if pod.metadata.uid not in stay]
        active = [pod for pod in active if pod.metadata.uid in stay]
    too_many = len(active) - _wanted(tally)
    return [*surplus, *active[:too_many]] if too_many > 0 else surplus


def _complete(obj: Object, tally: Tally, missing: int) -> Writes:
    """Create the pods of the lowest completions that nobody works at."""
    job = tally.job
    working = [*tally.active]
    if job.spec.pod_replacement_policy == "Failed":
        working += tally.terminating
    taken = {number for number in map(index_of, working) if number is not None}
    taken |= tally.succeeded_indexes | tally.failed_indexes
    completions = job.spec.completions or 0
    if job.spec.backoff_limit_per_index is None:
        return [new_pod(obj, job, number, None) for number in first_free(taken, completions, missing)]
    last = tally.last_failed
    waits = {number: _index_delay_s(last.get(number), tally.now_s) for number in range(completions)}
    due = taken | {number for number, wait_s in waits.items() if wait_s > 0}
    again = [wait_s for number, wait_s in waits.items() if wait_s > 0 and number not in taken]
    return [
        *(new_pod(obj, job, number, last.get(number)) for number in first_free(due, completions, missing)),
        *(LookAgain(wait_s) for wait_s in sorted(again)[:1]),
    ]


def _index_delay_s(last: Pod | None, now_s: float) -> float:
    return delay_s(index_failures(last) + 1, finished_s(last), now_s) if last is not None else 0.0


def _delete(obj: Object, pods: Iterable[Pod]) -> Writes:
    return [
        Delete(POD, Key(pod.metadata.namespace, pod.metadata.name), pod.metadata.uid, told_on=obj)
        for pod in pods
    ]


def _time_left_s(tally: Tally) -> float | None:
    limit_s, began = tally.job.spec.active_deadline_seconds, tally.job.status.start_time
    if limit_s is None or began is None or tally.job.spec.suspend:
        return None
    return max(0.0, parse_rfc3339(began) + limit_s - tally.now_s)


def _deadline(tally: Tally) -> Writes:
    left_s = _time_left_s(tally)
    if left_s is None and tally.job.spec.active_deadline_seconds is not None and not tally.job.spec.suspend:
        left_s = float(tally.job.spec.active_deadline_seconds)
    return [LookAgain(left_s)] if left_s is not None else []


def _let_go(cache: Cache, job: Job) -> Writes:
    pods = find_pods(cache, controlled_by(cache, POD, job.metadata.uid))
    return [release(pod) for pod in pods if is_tracked(pod)]


def _expire(job: Job, now_s: float) -> Writes:
    """Delete a Job some time after it ended (``pkg/controller/ttlafterfinished``)."""
    ttl_s = job.spec.ttl_seconds_after_finished
    ended = (job.condition(type_) for type_ in ("Complete", "Failed"))
    times = [c.last_transition_time for c in ended if c is not None and c.last_transition_time]
    if ttl_s is None or not times or job.metadata.deletion_timestamp:
        return []
    left_s = parse_rfc3339(times[0]) + ttl_s - now_s
    if left_s > 0:
        return [LookAgain(left_s)]
    return [Delete(JOB, Key(job.metadata.namespace, job.metadata.name), job.metadata.uid)]


def plan_orphan(cache: Cache, key: Key, _now_s: float) -> Writes:
    """Decide whether a pod is held back for a Job that is gone."""
    obj, pod = cache.get(POD, key), cache.find(POD, key, Pod)
    return [release(pod)] if obj is not None and pod is not None and _is_lost(cache, obj) else []


def _is_lost(cache: Cache, pod: Object) -> bool:
    if FINALIZER not in (pod["metadata"].get("finalizers") or ()):
        return False
    namespace, owner = pod["metadata"]["namespace"], controller_of(pod)
    if owner is None:
        return not _is_wanted(cache, namespace, pod["metadata"].get("labels") or {})
    job = cache.get(JOB, Key(namespace, owner["name"]))
    return job is None or job["metadata"]["uid"] != owner["uid"]


def _is_wanted(cache: Cache, namespace: str, labels: dict[str, str]) -> bool:
    """Tell whether some Job will adopt a pod."""
    jobs = (cache.find(JOB, key, Job) for key in wanting(cache, JOB, namespace, labels))
    return any(job is not None and matches(job.spec.selector, labels) for job in jobs)


def _pod_changed(cache: Cache, change: Change) -> Iterable[Key]:
    return (change.key,) if change.new is not None and _is_lost(cache, change.new) else ()


def _job_gone(cache: Cache, change: Change) -> Iterable[Key]:
    if change.new is not None or change.old is None:
        return ()
    meta, selector = change.old["metadata"], view(LabelSelector, change.old["spec"].get("selector") or {})
    return [*controlled_by(cache, POD, meta["uid"]), *orphans(cache, POD, change.key.namespace, selector)]


RECONCILER = Reconciler(name="job-controller", plan=plan, triggers={JOB: own_key, POD: pod_trigger(JOB)})
ORPHANS = Reconciler(name="job-controller", plan=plan_orphan, triggers={POD: _pod_changed, JOB: _job_gone})
