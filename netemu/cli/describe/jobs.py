"""Jobs and CronJobs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from netemu.apiserver.columns.column import age_since
from netemu.cli.describe.head import Object, write_controller, write_labels, write_name
from netemu.cli.describe.sheet import Sheet, render_time
from netemu.cli.describe.template import write_template
from netemu.clock import parse_rfc3339

UNSET = "<unset>"


def write_job(sheet: Sheet, job: Object) -> None:
    """Write everything about a Job but its events."""
    spec, status = job["spec"], job.get("status") or {}
    write_name(sheet, job)
    selector = (spec.get("selector") or {}).get("matchLabels") or {}
    sheet.write(0, "Selector:", ",".join(f"{k}={v}" for k, v in sorted(selector.items())))
    write_labels(sheet, job)
    write_controller(sheet, job)
    sheet.write(0, "Parallelism:", spec.get("parallelism", UNSET))
    sheet.write(0, "Completions:", spec.get("completions", UNSET))
    sheet.write(0, "Completion Mode:", spec.get("completionMode", "NonIndexed"))
    sheet.write(0, "Suspend:", str(bool(spec.get("suspend"))).lower())
    _write_if(sheet, "Backoff Limit:", spec.get("backoffLimit"))
    _write_if(sheet, "TTL Seconds After Finished:", spec.get("ttlSecondsAfterFinished"))
    _write_times(sheet, status)
    if spec.get("activeDeadlineSeconds"):
        sheet.write(0, "Active Deadline Seconds:", f"{spec['activeDeadlineSeconds']}s")
    sheet.write(
        0,
        "Pods Statuses:",
        f"{status.get('active', 0)} Active ({status.get('ready', 0)} Ready) /"
        f" {status.get('succeeded', 0)} Succeeded / {status.get('failed', 0)} Failed",
    )
    _write_if(sheet, "Completed Indexes:", status.get("completedIndexes"))
    write_template(sheet, spec["template"])


def write_cron_job(sheet: Sheet, cron_job: Object) -> None:
    """Write everything about a CronJob but its events."""
    spec, status = cron_job["spec"], cron_job.get("status") or {}
    job = spec["jobTemplate"]["spec"]
    write_name(sheet, cron_job)
    write_labels(sheet, cron_job)
    for title, value in (
        ("Schedule:", spec["schedule"]),
        ("Concurrency Policy:", spec.get("concurrencyPolicy", "Allow")),
        ("Suspend:", bool(spec.get("suspend"))),
        ("Time Zone:", spec.get("timeZone")),
        ("Successful Job History Limit:", spec.get("successfulJobsHistoryLimit")),
        ("Failed Job History Limit:", spec.get("failedJobsHistoryLimit")),
        ("Starting Deadline Seconds:", _seconds(spec.get("startingDeadlineSeconds"))),
        ("Selector:", None),
        ("Parallelism:", job.get("parallelism")),
        ("Completions:", job.get("completions")),
    ):
        sheet.write(0, title, UNSET if value is None else value)
    write_template(sheet, job["template"])
    last = status.get("lastScheduleTime")
    sheet.write(0, "Last Schedule Time:", render_time(last) if last else UNSET)
    active: Sequence[Object] = status.get("active") or ()
    sheet.write(0, "Active Jobs:", ", ".join(one["name"] for one in active) or "<none>")


def _write_times(sheet: Sheet, status: Object) -> None:
    started, ended = status.get("startTime"), status.get("completionTime")
    if started:
        sheet.write(0, "Start Time:", render_time(started))
    if ended:
        sheet.write(0, "Completed At:", render_time(ended))
    if started and ended:
        sheet.write(0, "Duration:", age_since(started, parse_rfc3339(ended)))


def _write_if(sheet: Sheet, title: str, value: Any) -> None:
    if value is not None:
        sheet.write(0, title, value)


def _seconds(value: int | None) -> str | None:
    return None if value is None else f"{value}s"
