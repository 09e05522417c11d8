"""Views of ``batch/v1`` kinds. Templates and policies stay raw: they are copied, or read once."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct, field

from netemu.api.views.core import Condition
from netemu.api.views.meta import LabelSelector, ObjectMeta

MANAGER = "kubernetes.io/job-controller"


class JobSpec(Struct, frozen=True, kw_only=True, rename="camel"):
    """What a Job should do."""

    selector: LabelSelector = LabelSelector()
    template: dict[str, Any] = field(default_factory=dict)
    parallelism: int = 1
    completions: int | None = None
    completion_mode: Literal["NonIndexed", "Indexed"] = "NonIndexed"
    backoff_limit: int = 6
    backoff_limit_per_index: int | None = None
    max_failed_indexes: int | None = None
    active_deadline_seconds: int | None = None
    ttl_seconds_after_finished: int | None = None
    suspend: bool = False
    pod_failure_policy: dict[str, Any] | None = None
    success_policy: dict[str, Any] | None = None
    pod_replacement_policy: Literal["TerminatingOrFailed", "Failed"] = "TerminatingOrFailed"
    managed_by: str | None = None


class UncountedPods(Struct, frozen=True, kw_only=True):
    """UIDs of pods that ended and are not in the counters yet."""

    succeeded: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()


class JobStatus(Struct, frozen=True, kw_only=True, rename="camel"):
    """What a Job has done."""

    succeeded: int = 0
    failed: int = 0
    start_time: str | None = None
    completion_time: str | None = None
    completed_indexes: str = ""
    failed_indexes: str | None = None
    uncounted_terminated_pods: UncountedPods = UncountedPods()
    conditions: tuple[Condition, ...] = ()


class Job(Struct, frozen=True, kw_only=True):
    """batch/v1 Job."""

    metadata: ObjectMeta
    spec: JobSpec
    status: JobStatus = JobStatus()

    def condition(self, type_: str) -> Condition | None:
        """Give a condition that is ``True``."""
        return next((c for c in self.status.conditions if c.type == type_ and c.status == "True"), None)

    @property
    def is_finished(self) -> bool:
        """True when nothing more will come of it."""
        return any(c.type in ("Complete", "Failed") and c.status == "True" for c in self.status.conditions)

    @property
    def is_indexed(self) -> bool:
        """True when each completion has a number."""
        return self.spec.completion_mode == "Indexed" and self.spec.completions is not None


class CronJobSpec(Struct, frozen=True, kw_only=True, rename="camel"):
    """When to make which Job."""

    schedule: str
    job_template: dict[str, Any] = field(default_factory=dict)
    time_zone: str | None = None
    starting_deadline_seconds: int | None = None
    concurrency_policy: Literal["Allow", "Forbid", "Replace"] = "Allow"
    suspend: bool = False
    successful_jobs_history_limit: int | None = None
    failed_jobs_history_limit: int | None = None


class CronJobStatus(Struct, frozen=True, kw_only=True, rename="camel"):
    """What it has made; ``active`` are references."""

    active: tuple[dict[str, Any], ...] = ()
    last_schedule_time: str | None = None
    last_successful_time: str | None = None


class CronJob(Struct, frozen=True, kw_only=True):
    """batch/v1 CronJob."""

    metadata: ObjectMeta
    spec: CronJobSpec
    status: CronJobStatus = CronJobStatus()
