"""The rules of Job, CronJob, ReplicationController and ControllerRevision.

Source: kubernetes ``pkg/apis/batch/validation``, ``pkg/apis/core/validation``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from netemu.api.causes import bad_value, immutable, not_negative, not_supported, one_of, required
from netemu.api.client import Object
from netemu.api.cron import parse_schedule
from netemu.api.defaulting.jobs import CONTROLLER_UID
from netemu.api.errors import Cause
from netemu.api.selectors import matches
from netemu.api.validation.job_policies import check_job_policies
from netemu.api.validation.pods import check_pod_spec
from netemu.api.validation.selectors import check_label_selector
from netemu.api.views import view
from netemu.api.views.meta import LabelSelector

MAX_CRON_JOB_NAME = 52
_COUNTS = ("parallelism", "completions", "activeDeadlineSeconds", "backoffLimit", "ttlSecondsAfterFinished")
_FIXED_POLICIES = ("successPolicy", "managedBy")

Json = Mapping[str, Any]


def check_job(new: Object, old: Object | None) -> Iterator[Cause]:
    """Check a Job."""
    spec = new.get("spec") or {}
    if old is None:
        yield from _check_job_spec(spec, "spec")
        yield from _check_selected(spec, str(new["metadata"].get("uid", "")))
    else:
        for key in ("parallelism", "activeDeadlineSeconds", "backoffLimit", "ttlSecondsAfterFinished"):
            yield from not_negative(f"spec.{key}", spec.get(key))
        yield from _check_job_update(spec, old.get("spec") or {})


def check_cron_job(new: Object, old: Object | None) -> Iterator[Cause]:
    """Check a CronJob."""
    spec, name = new.get("spec") or {}, new["metadata"].get("name", "")
    if old is None and len(name) > MAX_CRON_JOB_NAME:
        yield bad_value("metadata.name", name, f"must be no more than {MAX_CRON_JOB_NAME} characters")
    yield from _check_schedule(spec.get("schedule", ""))
    yield from _check_time_zone(spec.get("timeZone"))
    policies = ("Allow", "Forbid", "Replace")
    if spec.get("concurrencyPolicy") not in policies:
        yield not_supported("spec.concurrencyPolicy", spec.get("concurrencyPolicy"), policies)
    for key in ("startingDeadlineSeconds", "successfulJobsHistoryLimit", "failedJobsHistoryLimit"):
        yield from not_negative(f"spec.{key}", spec.get(key))
    template = (spec.get("jobTemplate") or {}).get("spec") or {}
    if old is None or spec.get("jobTemplate") != (old.get("spec") or {}).get("jobTemplate"):
        yield from _check_job_spec(template, "spec.jobTemplate.spec")


def check_replication_controller(new: Object, old: Object | None) -> Iterator[Cause]:
    """Check a ReplicationController."""
    spec = new.get("spec") or {}
    for key in ("replicas", "minReadySeconds"):
        yield from not_negative(f"spec.{key}", spec.get(key))
    selector, template = spec.get("selector") or {}, spec.get("template")
    if not selector:
        yield required("spec.selector")
    if template is None:
        yield required("spec.template")
        return
    labels = (template.get("metadata") or {}).get("labels") or {}
    if not selector.items() <= labels.items():
        yield bad_value(
            "spec.template.metadata.labels", labels, "`selector` does not match template `labels`"
        )
    if old is None or template != (old.get("spec") or {}).get("template"):
        yield from check_pod_spec(template.get("spec") or {}, "spec.template.spec", is_pod=False)
        policy = (template.get("spec") or {}).get("restartPolicy", "Always")
        yield from one_of("spec.template.spec.restartPolicy", policy, ("Always",))


def check_controller_revision(new: Object, old: Object | None) -> Iterator[Cause]:
    """Check a ControllerRevision: its data never changes."""
    yield from not_negative("revision", new.get("revision"))
    if new.get("data") is None:
        yield required("data", "data is mandatory")
    if old is not None and new.get("data") != old.get("data"):
        yield immutable("data", new.get("data"))


def _check_job_spec(spec: Json, path: str) -> Iterator[Cause]:
    for key in _COUNTS:
        yield from not_negative(f"{path}.{key}", spec.get(key))
    mode = spec.get("completionMode", "NonIndexed")
    if mode not in ("Indexed", "NonIndexed"):
        yield not_supported(f"{path}.completionMode", mode, ("Indexed", "NonIndexed"))
    elif mode == "Indexed" and spec.get("completions") is None:
        yield required(f"{path}.completions", "when completion mode is Indexed")
    yield from check_job_policies(spec, path)
    if spec.get("selector") is not None:
        yield from check_label_selector(spec["selector"], f"{path}.selector")
    template = spec.get("template") or {}
    pod_spec = template.get("spec") or {}
    if not pod_spec:
        yield required(f"{path}.template.spec.containers")
        return
    yield from check_pod_spec(pod_spec, f"{path}.template.spec", is_pod=False)
    if pod_spec.get("restartPolicy") not in ("OnFailure", "Never"):
        yield required(f"{path}.template.spec.restartPolicy", 'valid values: "OnFailure", "Never"')


def _check_selected(spec: Json, uid: str) -> Iterator[Cause]:
    """Ask that a Job finds the pods that it makes, or it would make them for ever."""
    selector = spec.get("selector") or {}
    if any(check_label_selector(selector, "")):
        return  # that is said already
    labels = ((spec.get("template") or {}).get("metadata") or {}).get("labels") or {}
    generated = {"matchLabels": {CONTROLLER_UID: uid}}
    if not spec.get("manualSelector") and uid and selector != generated:
        yield bad_value("spec.selector", selector, "`selector` not auto-generated")
    elif selector and not matches(view(LabelSelector, selector), labels):
        why = "`selector` does not match template `labels`"
        yield bad_value("spec.template.metadata.labels", labels, why)


def _check_job_update(spec: Json, old: Json) -> Iterator[Cause]:
    fixed = ["selector", "completionMode", "podFailurePolicy", "backoffLimitPerIndex", *_FIXED_POLICIES]
    if spec.get("completionMode") != "Indexed":
        fixed.append("completions")
    elif spec.get("completions") not in (old.get("completions"), spec.get("parallelism")):
        why = "can only be modified in tandem with spec.parallelism"
        yield bad_value("spec.completions", spec.get("completions"), why)
    if not old.get("suspend"):
        fixed.append("template")
    for key in fixed:
        if spec.get(key) != old.get(key):
            yield immutable(f"spec.{key}", spec.get(key))


def _check_schedule(schedule: str) -> Iterator[Cause]:
    if not schedule:
        yield required("spec.schedule")
        return
    if schedule.startswith(("TZ=", "CRON_TZ=")):
        why = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"
        yield bad_value("spec.schedule", schedule, why)
        return
    try:
        parse_schedule(schedule)
    except ValueError as err:
        yield bad_value("spec.schedule", schedule, str(err))


def _check_time_zone(zone: str | None) -> Iterator[Cause]:
    if zone is None:
        return
    if not zone:
        yield bad_value("spec.timeZone", zone, "must be nil or non-empty string")
    elif zone.lower() == "local":
        why = "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones"
        yield bad_value("spec.timeZone", zone, why)
    else:
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            yield bad_value("spec.timeZone", zone, f"unknown time zone {zone}")
