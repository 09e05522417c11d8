"""What has become of a Job's pods, at one moment. Pure.

A pod that ended is noted in the status by its uid (or, of an Indexed Job, by its index), then
its finalizer is taken away, then it is counted: whatever is interrupted, none counts twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from netemu.api.views.batch import Job
from netemu.api.views.core import Pod
from netemu.controllers.job_failures import (
    Action,
    failed_indexes,
    finished_s,
    index_failures,
    is_held,
    judge,
)
from netemu.controllers.job_indexes import index_of, parse_indexes
from netemu.controllers.job_pods import is_tracked
from netemu.controllers.pods import is_active, is_over, is_terminating


@dataclass(frozen=True)
class Tally:
    """A Job, all its pods that exist, and the time."""

    job: Job
    pods: tuple[Pod, ...]
    now_s: float

    @cached_property
    def active(self) -> list[Pod]:
        """Pods that work, or will."""
        return [pod for pod in self.pods if is_active(pod)]

    @cached_property
    def terminating(self) -> list[Pod]:
        """Pods that were asked to end and have not."""
        now_s = self.now_s
        return [p for p in self.pods if is_terminating(p) and not is_over(p) and not is_held(p, now_s)]

    @cached_property
    def succeeded(self) -> list[Pod]:
        """Pods that ended well."""
        return [pod for pod in self.pods if pod.status.phase == "Succeeded" and self._is_numbered(pod)]

    @cached_property
    def failed(self) -> list[Pod]:
        """Pods that ended badly, or count so: those that someone deleted."""
        return [pod for pod in self.pods if self._is_failed(pod) and self._is_numbered(pod)]

    @cached_property
    def new_succeeded(self) -> list[Pod]:
        """Pods that ended well and are not noted yet."""
        noted = self._noted
        return [pod for pod in self.succeeded if is_tracked(pod) and pod.metadata.uid not in noted]

    @cached_property
    def new_failed(self) -> list[Pod]:
        """Pods that ended badly, count as failures, and are not noted yet."""
        noted, has_policy = self._noted, self.job.spec.pod_failure_policy is not None
        return [
            pod
            for pod in self.failed
            if is_tracked(pod)
            and pod.metadata.uid not in noted
            and not (has_policy and judge(self.job, pod).action is Action.IGNORE)
        ]

    @cached_property
    def succeeded_indexes(self) -> frozenset[int]:
        """The completions that are done."""
        completions = self.job.spec.completions or 0
        done = set(parse_indexes(self.job.status.completed_indexes, completions))
        return frozenset(done | {number for number in map(index_of, self.succeeded) if number is not None})

    @cached_property
    def failed_indexes(self) -> frozenset[int]:
        """The completions that failed for good, where each has its own limit."""
        if self.job.spec.backoff_limit_per_index is None:
            return frozenset()
        return failed_indexes(self.job, self.failed) - self.succeeded_indexes

    @cached_property
    def succeeded_count(self) -> int:
        """How often it has succeeded."""
        status = self.job.status
        if self.job.is_indexed:
            return len(self.succeeded_indexes)
        return status.succeeded + len(status.uncounted_terminated_pods.succeeded) + len(self.new_succeeded)

    @cached_property
    def failed_count(self) -> int:
        """How often it has failed."""
        status = self.job.status
        return status.failed + len(status.uncounted_terminated_pods.failed) + len(self.new_failed)

    @cached_property
    def last_failed(self) -> dict[int, Pod]:
        """The last pod that failed at each completion."""
        last: dict[int, Pod] = {}
        for pod in self.failed:
            number = index_of(pod)
            if number is not None and (number not in last or _later(pod) > _later(last[number])):
                last[number] = pod
        return last

    @cached_property
    def awaiting_successor(self) -> frozenset[str]:
        """The pods that hold the count of their completion's failures until another has it."""
        if self.job.spec.backoff_limit_per_index is None:
            return frozenset()
        settled = self.succeeded_indexes | self.failed_indexes
        settled |= {number for number in map(index_of, self.active) if number is not None}
        waiting = (pod for number, pod in self.last_failed.items() if number not in settled)
        return frozenset(pod.metadata.uid for pod in waiting)

    @cached_property
    def _noted(self) -> frozenset[str]:
        uncounted = self.job.status.uncounted_terminated_pods
        return frozenset((*uncounted.succeeded, *uncounted.failed))

    def _is_failed(self, pod: Pod) -> bool:
        if pod.status.phase == "Failed" or is_held(pod, self.now_s):
            return pod.status.phase != "Succeeded"
        if self.job.spec.pod_replacement_policy == "Failed":
            return False
        return is_terminating(pod) and is_tracked(pod) and pod.status.phase != "Succeeded"

    def _is_numbered(self, pod: Pod) -> bool:
        """Tell whether a pod counts at all: of an Indexed Job, those that say which completion."""
        if not self.job.is_indexed:
            return True
        number = index_of(pod)
        return number is not None and number < (self.job.spec.completions or 0)


def _later(pod: Pod) -> tuple[int, float]:
    return index_failures(pod), finished_s(pod)
