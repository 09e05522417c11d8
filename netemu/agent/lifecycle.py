"""What a pod's containers should do next: start, wait, run a hook. Pure.

Source: https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/ (restart policy,
back-off, init containers) and …/sidecar-containers/.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from msgspec import Struct

from netemu.agent.restarts import (
    MAX_BACK_OFF_S,
    NEVER_STARTED,
    Life,
    back_off_s,
    is_successful,
    should_restart,
)
from netemu.api.views.core import Container, Pod


class Start(Struct, frozen=True):
    """Start the next attempt of a container."""

    container: str


class PostStart(Struct, frozen=True):
    """Run the hook of a container that was just started."""

    container: str


class BackOff(Struct, frozen=True):
    """Wait before the next attempt of a container."""

    container: str
    until_s: float
    delay_s: float


Step = Start | PostStart | BackOff


class Now(Struct, frozen=True):
    """When it is, and how long a pause may be."""

    time_s: float
    most_back_off_s: float


class Verdict(Enum):
    """What the pod as a whole is about."""

    RUNNING = "running"
    FINISHED = "finished"


class Plan(Struct, frozen=True):
    """The steps to take now, and what the pod is about."""

    steps: tuple[Step, ...]
    verdict: Verdict = Verdict.RUNNING


def plan(pod: Pod, lives: Mapping[str, Life], now_s: float, most_back_off_s: float = MAX_BACK_OFF_S) -> Plan:
    """Decide the next steps of a pod that is not being deleted and whose network is there.

    ``most_back_off_s`` is the longest pause before a container's next attempt. A finished pod may
    still have sidecars that run: they are to be ended.
    """
    if has_failed_init(pod, lives) or _is_done(pod, lives):
        return Plan((), Verdict.FINISHED)
    now = Now(now_s, most_back_off_s)
    steps = [
        step
        for container in pod.spec.ephemeral_containers
        if not (life := lives.get(container.name, NEVER_STARTED)).is_ended
        for step in _steps(container, life, now)
    ]
    init_steps, is_initialized = _plan_init(pod, lives, now)
    steps += init_steps
    if is_initialized:
        steps += _plan_regular(pod, lives, now)
    return Plan(tuple(steps))


def has_begun(pod: Pod, lives: Mapping[str, Life]) -> bool:
    """Tell whether a regular container was ever started: the pod was initialized then, for good."""
    return any(lives.get(c.name, NEVER_STARTED).state is not None for c in pod.spec.containers)


def has_failed_init(pod: Pod, lives: Mapping[str, Life]) -> bool:
    """Tell whether an init container failed that is not tried again."""
    if has_begun(pod, lives):
        return False
    return any(
        life.is_ended and not is_successful(life) and not should_restart(pod, container, life)
        for container in pod.spec.init_containers
        if (life := lives.get(container.name)) is not None
    )


def is_hook_due(container: Container, life: Life) -> bool:
    """Tell whether a running container's postStart hook did not end yet, or not even begin."""
    has_hook = container.lifecycle is not None and container.lifecycle.post_start is not None
    return has_hook and life.is_running and life.hook in ("none", "running")


def is_held_back(container: Container, life: Life) -> bool:
    """Tell whether a container runs, and is not told as running: its first hook is not over, or failed."""
    return is_hook_due(container, life) or (life.is_running and life.hook == "failed")


def _is_done(pod: Pod, lives: Mapping[str, Life]) -> bool:
    return all(
        (life := lives.get(c.name, NEVER_STARTED)).is_ended and not should_restart(pod, c, life)
        for c in pod.spec.containers
    )


def _plan_init(pod: Pod, lives: Mapping[str, Life], now: Now) -> tuple[list[Step], bool]:
    """Give the steps of init containers and sidecars, and whether regular containers may start."""
    begun = has_begun(pod, lives)
    steps: list[Step] = []
    for container in pod.spec.init_containers:
        life = lives.get(container.name, NEVER_STARTED)
        is_sidecar = container.restart_policy == "Always"
        if not is_sidecar and (begun or is_successful(life)):
            continue
        if is_sidecar and life.is_running and not is_hook_due(container, life) and (begun or life.started):
            continue
        steps += _steps(container, life, now)
        if not begun:
            return steps, False
    return steps, True


def _plan_regular(pod: Pod, lives: Mapping[str, Life], now: Now) -> list[Step]:
    steps: list[Step] = []
    for container in pod.spec.containers:
        life = lives.get(container.name, NEVER_STARTED)
        if life.is_ended and not should_restart(pod, container, life):
            continue
        steps += _steps(container, life, now)
        if is_hook_due(container, life):
            break  # a hook holds up the containers after its own
    return steps


def _steps(container: Container, life: Life, now: Now) -> tuple[Step, ...]:
    if life.is_running:
        due = is_hook_due(container, life) and life.hook == "none"
        return (PostStart(container.name),) if due else ()
    if life.retry_at_s > now.time_s:
        return (BackOff(container.name, life.retry_at_s, life.retry_at_s - now.time_s),)
    if life.state is None:
        return (Start(container.name),)
    delay_s = back_off_s(life, now.most_back_off_s)
    until_s = (life.state.finished_at_s or now.time_s) + delay_s
    if until_s > now.time_s:
        return (BackOff(container.name, until_s, delay_s),)
    return (Start(container.name),)
