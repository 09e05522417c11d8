"""What the answers to a probe make of its container. Pure.

Source: https://kubernetes.io/docs/concepts/configuration/liveness-readiness-startup-probes/ and
kubernetes ``pkg/kubelet/prober``.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from netemu.api.views.core import Probe

ProbeKind = Literal["startup", "liveness", "readiness"]
Outcome = Literal["success", "warning", "failure", "error"]

FIRST_PAUSE_S = 0.04


class Reply(Struct, frozen=True):
    """One answer. An ``error`` could not be asked for, and counts for nothing."""

    outcome: Outcome
    message: str = ""


class Course(Struct, frozen=True, kw_only=True):
    """How a probe of one attempt of a container went so far.

    ``holds`` is its verdict; ``is_over`` when nobody asks again. ``pause_s`` is the time until the
    next question; as long as it is shorter than the period, the container is only starting.
    """

    holds: bool
    pause_s: float
    successes: int = 0
    failures: int = 0
    is_over: bool = False
    has_failed: bool = False


class Judgement(Struct, frozen=True):
    """A probe's course after an answer, and the event to tell: (reason, message)."""

    course: Course
    event: tuple[str, str] | None = None


def first_course(kind: ProbeKind, probe: Probe, *, holds: bool) -> Course:
    """Give the course of a probe that was not asked yet."""
    is_eager = kind != "liveness" and not holds
    return Course(holds=holds, pause_s=FIRST_PAUSE_S if is_eager else float(probe.period_seconds))


def judge(kind: ProbeKind, probe: Probe, course: Course, reply: Reply) -> Judgement:
    """Weigh an answer.

    A container that just started is asked again soon, and not blamed for the time it takes.
    """
    period_s = float(probe.period_seconds)
    word = kind.capitalize()
    if reply.outcome == "error":
        message = f"{word} probe errored and resulted in unknown state: {reply.message}"
        return Judgement(replace(course, pause_s=period_s), ("Unhealthy", message))
    if reply.outcome == "failure":
        if course.pause_s < period_s:
            return Judgement(replace(course, pause_s=min(course.pause_s * 2, period_s)))
        failures = course.failures + 1
        course = replace(course, failures=failures, successes=0)
        if failures >= probe.failure_threshold:
            is_over = kind != "readiness"
            course = replace(course, holds=False, is_over=is_over, has_failed=is_over)
        return Judgement(course, ("Unhealthy", f"{word} probe failed: {reply.message}"))
    course = replace(course, failures=0, successes=course.successes + 1, pause_s=period_s)
    if course.successes >= probe.success_threshold:
        course = replace(course, holds=True, is_over=kind == "startup")
    event = ("ProbeWarning", f"{word} probe warning: {reply.message}")
    return Judgement(course, event if reply.outcome == "warning" else None)
