"""The columns of Jobs, CronJobs, ReplicationControllers, ControllerRevisions and PodTemplates. Pure."""

from __future__ import annotations

from typing import Any

from netemu.api.client import Object
from netemu.apiserver.columns.column import (
    AGE,
    NAME,
    NONE,
    Column,
    age_since,
    column,
    count,
    field,
    joined,
    labels_text,
    number,
)
from netemu.apiserver.columns.duration import human_duration
from netemu.apiserver.columns.selectors import selector_text
from netemu.clock import parse_rfc3339

_JOB_STATES = (
    ("Complete", "Complete"),
    ("Failed", "Failed"),
    ("Suspended", "Suspended"),
    ("FailureTarget", "FailureTarget"),
    ("SuccessCriteriaMet", "SuccessCriteriaMet"),
)


def _containers(obj: Object, *path: str) -> list[dict[str, Any]]:
    return field(obj, *path, "spec", "containers") or []


def _container_columns(*path: str, wide: bool = True) -> tuple[Column, Column]:
    return (
        column("Containers", lambda obj: joined(c["name"] for c in _containers(obj, *path)), wide=wide),
        column("Images", lambda obj: joined(c.get("image", "") for c in _containers(obj, *path)), wide=wide),
    )


def _job_status(job: Object) -> str:
    conditions = field(job, "status", "conditions") or ()
    true = {c["type"] for c in conditions if c.get("status") == "True"}
    if "deletionTimestamp" in job["metadata"] and not true & {"Complete", "Failed"}:
        return "Terminating"
    return next((word for type_, word in _JOB_STATES if type_ in true), "Running")


def _completions(job: Object) -> str:
    done, wanted = number(job, "status", "succeeded"), field(job, "spec", "completions")
    if wanted is not None:
        return f"{done}/{wanted}"
    parallel = number(job, "spec", "parallelism")
    return f"{done}/1 of {parallel}" if parallel > 1 else f"{done}/1"


def _duration(job: Object, now_s: float) -> str:
    began, ended = field(job, "status", "startTime"), field(job, "status", "completionTime")
    if not began:
        return ""
    return human_duration((parse_rfc3339(ended) if ended else now_s) - parse_rfc3339(began))


def _last_schedule(cron_job: Object, now_s: float) -> str:
    last = field(cron_job, "status", "lastScheduleTime")
    return age_since(last, now_s) if last else NONE


def _controller(revision: Object) -> str:
    owners = revision["metadata"].get("ownerReferences") or ()
    owner = next((owner for owner in owners if owner.get("controller")), None)
    if owner is None:
        return NONE
    group = owner["apiVersion"].rpartition("/")[0]
    return f"{owner['kind'].lower()}{'.' if group else ''}{group}/{owner['name']}"


REPLICATION_CONTROLLERS: tuple[Column, ...] = (
    NAME,
    count("Desired", lambda obj: number(obj, "spec", "replicas")),
    count("Current", lambda obj: number(obj, "status", "replicas")),
    count("Ready", lambda obj: number(obj, "status", "readyReplicas")),
    AGE,
    *_container_columns("spec", "template"),
    column("Selector", lambda obj: labels_text(field(obj, "spec", "selector")), wide=True),
)
JOBS: tuple[Column, ...] = (
    NAME,
    column("Status", _job_status),
    column("Completions", _completions),
    Column("Duration", _duration),
    AGE,
    *_container_columns("spec", "template"),
    column("Selector", lambda obj: selector_text(field(obj, "spec", "selector")), wide=True),
)
CRON_JOBS: tuple[Column, ...] = (
    NAME,
    column("Schedule", lambda obj: field(obj, "spec", "schedule") or ""),
    column("Timezone", lambda obj: field(obj, "spec", "timeZone") or NONE),
    column("Suspend", lambda obj: "True" if field(obj, "spec", "suspend") else "False"),
    count("Active", lambda obj: len(field(obj, "status", "active") or ())),
    Column("Last Schedule", _last_schedule),
    AGE,
    *_container_columns("spec", "jobTemplate", "spec", "template"),
    column(
        "Selector",
        lambda obj: selector_text(field(obj, "spec", "jobTemplate", "spec", "selector")),
        wide=True,
    ),
)
CONTROLLER_REVISIONS: tuple[Column, ...] = (
    NAME,
    column("Controller", _controller),
    count("Revision", lambda obj: int(obj.get("revision") or 0)),
    AGE,
)
POD_TEMPLATES: tuple[Column, ...] = (
    NAME,
    *_container_columns("template", wide=False),
    column("Pod Labels", lambda obj: labels_text(field(obj, "template", "metadata", "labels"))),
)
