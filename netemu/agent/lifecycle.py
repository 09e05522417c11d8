"""What a pod's containers should do next: start, wait, stop. Pure.

Source: https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/ (restart policy,
back-off, init containers).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from msgspec import Struct

from netemu.api.views.core import Container, Pod
from netemu.runtime.container import ContainerState

FIRST_BACK_OFF_S = 10.0
MAX_BACK_OFF_S = 300.0
BACK_OFF_RESET_S = 600.0
CONFIG_RETRY_S = 10.0
VOLUME_RETRY_S = 1.0


class Life(Struct, frozen=True, kw_only=True):
    """One container over all its attempts.

    ``state`` is the current attempt (``None`` before the first), ``last`` the one before.
    ``waiting`` is (reason, message) when the container cannot be started now, ``retry_at_s``
    when to try again. ``crashes`` counts the restarts since it last ran long enough.
    """

    state: ContainerState | None = None
    last: ContainerState | None = None
    attempt: int = 0
    crashes: int = 0
    waiting: tuple[str, str] | None = None
    retry_at_s: float = 0.0
    ready: bool = False

    @property
    def is_running(self) -> bool:
        """True while its pid 1, or its stand-in, is there."""
        return self.state is not None and self.state.running

    @property
    def is_ended(self) -> bool:
        """True between the end of an attempt and the start of the next."""
        return self.state is not None and not self.state.running


NEVER_STARTED = Life()


class Start(Struct, frozen=True):
    """Start the next attempt of a container."""

    container: str


class BackOff(Struct, frozen=True):
    """Wait before the next attempt of a container."""

    container: str
    until_s: float
    delay_s: float


Step = Start | BackOff


class Verdict(Enum):
    """What the pod as a whole is about."""

    RUNNING = "running"
    FINISHED = "finished"


class Plan(Struct, frozen=True):
    """The steps to take now, and what the pod is about."""

    steps: tuple[Step, ...]
    verdict: Verdict = Verdict.RUNNING


def plan(pod: Pod, lives: Mapping[str, Life], now_s: float) -> Plan:
    """Decide the next steps of a pod that is not being deleted and whose network is there."""
    for container in pod.spec.init_containers:
        life = lives.get(container.name, NEVER_STARTED)
        if is_successful(life):
            continue
        if life.is_ended and pod.spec.restart_policy == "Never":
            return Plan((), Verdict.FINISHED)
        return Plan(_steps(container, life, now_s))
    steps: list[Step] = []
    finished = True
    for container in pod.spec.containers:
        life = lives.get(container.name, NEVER_STARTED)
        if life.is_ended and not should_restart(pod, life):
            continue
        finished = False
        steps += _steps(container, life, now_s)
    return Plan(tuple(steps), Verdict.FINISHED if finished else Verdict.RUNNING)


def is_successful(life: Life) -> bool:
    """Tell whether a container ended with exit code 0."""
    return life.is_ended and life.state is not None and life.state.exit_code == 0


def should_restart(pod: Pod, life: Life) -> bool:
    """Tell whether an ended container of the pod gets another attempt."""
    match pod.spec.restart_policy:
        case "Always":
            return True
        case "OnFailure":
            return not is_successful(life)
        case "Never":
            return False


def back_off_s(life: Life) -> float:
    """Give the delay after an attempt's end: none, then 10 s, doubled up to 5 minutes."""
    if life.crashes == 0:
        return 0.0
    return min(FIRST_BACK_OFF_S * float(2 ** (life.crashes - 1)), MAX_BACK_OFF_S)


def started(life: Life, state: ContainerState) -> Life:
    """Note that an attempt was made, however it went."""
    if life.state is None:
        return Life(state=state, attempt=life.attempt)
    ended = life.state
    ran_s = (ended.finished_at_s or 0.0) - ended.started_at_s
    crashes = 1 if ran_s > BACK_OFF_RESET_S else life.crashes + 1
    return Life(state=state, last=ended, attempt=life.attempt, crashes=crashes)


def next_attempt(life: Life) -> int:
    """Number the attempt that ``Start`` makes; the first is 0."""
    return life.attempt if life.state is None else life.attempt + 1


def _steps(container: Container, life: Life, now_s: float) -> tuple[Step, ...]:
    if life.is_running:
        return ()
    if life.state is None or life.waiting is not None:
        if life.retry_at_s > now_s:
            return (BackOff(container.name, life.retry_at_s, life.retry_at_s - now_s),)
        if life.state is None:
            return (Start(container.name),)
    assert life.state is not None
    delay_s = back_off_s(life)
    until_s = (life.state.finished_at_s or now_s) + delay_s
    if until_s > now_s:
        return (BackOff(container.name, until_s, delay_s),)
    return (Start(container.name),)
