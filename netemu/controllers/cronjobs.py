"""The CronJob controller: a Job whenever it is due. Pure.

Source: https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ and
kube-controller-manager ``pkg/controller/cronjob``.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec import Struct

from netemu.api.client import Object
from netemu.api.cron import Schedule, parse_schedule
from netemu.api.kinds import CRON_JOB, JOB
from netemu.api.views.batch import CronJob, Job
from netemu.clock import format_rfc3339, parse_rfc3339
from netemu.controllers.indexes import controlled_by
from netemu.controllers.ownership import controller_reference, keys_of_controllers
from netemu.controllers.reconciler import Reconciler, own_key
from netemu.controllers.writes import Create, Delete, EmitEvent, LookAgain, Words, Writes, write_status
from netemu.informer.cache import Cache, Change, Key

SCHEDULED_ANNOTATION = "batch.kubernetes.io/cronjob-scheduled-timestamp"
MANUAL_ANNOTATION = "cronjob.kubernetes.io/instantiate"

MANY_MISSED = 100
SLACK_S = 0.1
"""Looked at a little late rather than early: timers and clocks differ."""

OF_JOBS = Words(
    created="Created job {name}",
    not_created="Error creating job: {error}",
    deleted="Deleted job {name}",
    not_deleted="Deleted job: {error}",
)


class _Look(Struct, frozen=True):
    """A CronJob and its Jobs at one moment."""

    obj: Object
    cron_job: CronJob
    jobs: tuple[Job, ...]
    now_s: float

    @property
    def active(self) -> list[Job]:
        """The Jobs of the schedule that are not over; those made by hand do not count."""
        return [job for job in self.jobs if not job.is_finished and not _is_manual(job)]

    def tell(self, reason: str, message: str, *, warning: bool = True) -> EmitEvent:
        """Tell those who look at the CronJob."""
        return EmitEvent(self.obj, "Warning" if warning else "Normal", reason, message)


def plan(cache: Cache, key: Key, now_s: float) -> Writes:
    """Decide whether a Job is due, which old ones go, and the status."""
    obj = cache.get(CRON_JOB, key)
    cron_job = cache.find(CRON_JOB, key, CronJob)
    if obj is None or cron_job is None:
        return []
    found = (cache.find(JOB, job, Job) for job in controlled_by(cache, JOB, cron_job.metadata.uid))
    jobs = tuple(sorted((job for job in found if job is not None), key=_made))
    look = _Look(obj, cron_job, jobs, now_s)
    told = _told(look)
    if cron_job.metadata.deletion_timestamp or cron_job.spec.suspend:
        return [*_status(look, look.active, None), *told, *_forget(look)]
    began_s, writes = _due(cache, look)
    replaced = {write.uid for write in writes if isinstance(write, Delete)}
    active = [job for job in look.active if job.metadata.uid not in replaced]
    return [*writes, *_status(look, active, began_s), *told, *_forget(look)]


def _told(look: _Look) -> Writes:
    """Tell what became of the Jobs that were active."""
    jobs = {job.metadata.uid: job for job in look.jobs}
    told: Writes = []
    for reference in look.cron_job.status.active:
        job = jobs.get(reference.get("uid", ""))
        name = reference.get("name", "")
        if job is None:
            told.append(look.tell("MissingJob", f"Active job went missing: {name}", warning=False))
        elif job.is_finished:
            word = "Complete" if job.condition("Complete") else "Failed"
            message = f"Saw completed job: {name}, condition: {word}"
            told.append(look.tell("SawCompletedJob", message, warning=False))
    for job in look.jobs:
        if _is_manual(job) and not job.is_finished:
            message = f"Saw a job that the controller did not create or forgot: {job.metadata.name}"
            told.append(look.tell("UnexpectedJob", message))
    return told


def _due(cache: Cache, look: _Look) -> tuple[float | None, Writes]:
    """Decide what to do about the last time that came; give it if it is settled."""
    spec = look.cron_job.spec
    try:
        zone: tzinfo = ZoneInfo(spec.time_zone) if spec.time_zone else UTC
    except (ZoneInfoNotFoundError, ValueError, OSError):
        why = f'invalid timeZone: "{spec.time_zone}": unknown time zone {spec.time_zone}'
        return None, [look.tell("UnknownTimeZone", why)]
    try:
        schedule = parse_schedule(spec.schedule)
    except ValueError as err:
        return None, [look.tell("UnparseableSchedule", f"unparseable schedule: {spec.schedule} : {err}")]
    due_s, missed = _last_due(look, schedule, zone)
    next_s = schedule.next_after(look.now_s, zone)
    again: Writes = [LookAgain(next_s - look.now_s + SLACK_S)] if next_s is not None else []
    told: Writes = []
    if missed > MANY_MISSED:
        advice = "Set or decrease .spec.startingDeadlineSeconds or check clock skew"
        told.append(look.tell("TooManyMissedTimes", f"too many missed start times. {advice}"))
    if due_s is None:
        return None, [*told, *again]
    began, writes = _start(cache, look, due_s, zone)
    return due_s if began else None, [*told, *writes, *again]


def _start(cache: Cache, look: _Look, due_s: float, zone: tzinfo) -> tuple[bool, Writes]:
    spec, meta = look.cron_job.spec, look.cron_job.metadata
    if spec.starting_deadline_seconds is not None and due_s + spec.starting_deadline_seconds < look.now_s:
        when = datetime.fromtimestamp(due_s, UTC).strftime("%a, %d %b %Y %H:%M:%S UTC")
        return False, [look.tell("MissSchedule", f"Missed scheduled time to start a job: {when}")]
    name = f"{meta.name}-{int(due_s) // 60}"
    if cache.get(JOB, Key(meta.namespace, name)) is not None:
        return True, []
    if spec.concurrency_policy == "Forbid" and look.active:
        why = "Not starting job because prior execution is running and concurrency policy is Forbid"
        return False, [look.tell("JobAlreadyActive", why, warning=False)]
    replaced = look.active if spec.concurrency_policy == "Replace" else []
    job = _new_job(look, name, due_s, zone)
    return True, [*_delete(look, replaced), Create(JOB, job, told_on=look.obj, words=OF_JOBS)]


def _last_due(look: _Look, schedule: Schedule, zone: tzinfo) -> tuple[float | None, int]:
    """Find the last time that has come and was not served, and about how many there were."""
    cron_job, now_s = look.cron_job, look.now_s
    since = cron_job.status.last_schedule_time or cron_job.metadata.creation_timestamp
    since_s = parse_rfc3339(since) if since else now_s
    if cron_job.spec.starting_deadline_seconds is not None:
        since_s = max(since_s, now_s - cron_job.spec.starting_deadline_seconds)
    first_s = schedule.next_after(since_s, zone)
    if first_s is None or first_s > now_s:
        return None, 0
    second_s = schedule.next_after(first_s, zone)
    if second_s is None or second_s > now_s:
        return first_s, 1
    step_s = second_s - first_s
    missed = int((now_s - first_s) // step_s) + 1
    last_s, next_s = first_s, schedule.next_after(first_s + (missed - 2) * step_s, zone)
    while next_s is not None and next_s <= now_s:
        last_s, next_s = next_s, schedule.next_after(next_s, zone)
    return last_s, missed


def _new_job(look: _Look, name: str, due_s: float, zone: tzinfo) -> Object:
    template = look.cron_job.spec.job_template
    source = template.get("metadata") or {}
    scheduled = datetime.fromtimestamp(due_s, zone).isoformat().replace("+00:00", "Z")
    metadata = {
        "name": name,
        "namespace": look.cron_job.metadata.namespace,
        "labels": source.get("labels") or {},
        "annotations": {**(source.get("annotations") or {}), SCHEDULED_ANNOTATION: scheduled},
        "ownerReferences": [controller_reference(CRON_JOB, look.obj)],
    }
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": template.get("spec") or {}}


def _status(look: _Look, active: Iterable[Job], began_s: float | None) -> Writes:
    before = look.obj.get("status") or {}
    done = [job.status.completion_time for job in look.jobs if job.condition("Complete")]
    last_done = max((*filter(None, done), before.get("lastSuccessfulTime") or ""))
    status = {
        "active": [_reference(job) for job in active],
        "lastScheduleTime": format_rfc3339(began_s) if began_s else before.get("lastScheduleTime"),
        "lastSuccessfulTime": last_done,
    }
    return write_status(CRON_JOB, look.obj, {name: value for name, value in status.items() if value})


def _reference(job: Job) -> dict[str, Any]:
    meta = job.metadata
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "namespace": meta.namespace,
        "name": meta.name,
        "uid": meta.uid,
    }


def _forget(look: _Look) -> Writes:
    """Delete the oldest Jobs that are over, beyond what is to be kept of each sort."""
    spec = look.cron_job.spec
    limits = (("Complete", spec.successful_jobs_history_limit), ("Failed", spec.failed_jobs_history_limit))
    surplus: list[Job] = []
    for type_, limit in limits:
        over = [job for job in look.jobs if job.condition(type_) and not job.metadata.deletion_timestamp]
        if limit is not None and len(over) > limit:
            surplus += over[: len(over) - limit]
    return _delete(look, surplus)


def _delete(look: _Look, jobs: Iterable[Job]) -> Writes:
    return [
        Delete(
            JOB,
            Key(job.metadata.namespace, job.metadata.name),
            job.metadata.uid,
            told_on=look.obj,
            words=OF_JOBS,
        )
        for job in jobs
    ]


def _made(job: Job) -> tuple[str, str]:
    return job.status.start_time or job.metadata.creation_timestamp or "", job.metadata.name


def _is_manual(job: Job) -> bool:
    return MANUAL_ANNOTATION in job.metadata.annotations


def _job_changed(_cache: Cache, change: Change) -> Iterable[Key]:
    return keys_of_controllers(change, CRON_JOB)


RECONCILER = Reconciler(name="cronjob-controller", plan=plan, triggers={CRON_JOB: own_key, JOB: _job_changed})
