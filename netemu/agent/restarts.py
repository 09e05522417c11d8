"""One container over all its attempts: what became of it, whether and when it gets another. Pure.

Sources: https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#container-restarts,
KEP-5307 (rules of restarting a container).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct
from msgspec.structs import replace

from netemu.api.views.core import Container, Pod, RestartRule
from netemu.runtime.container import ContainerState

FIRST_BACK_OFF_S = 10.0
MAX_BACK_OFF_S = 300.0
BACK_OFF_RESET_S = 600.0
CONFIG_RETRY_S = 10.0
VOLUME_RETRY_S = 1.0
MAX_VOLUME_RETRY_S = 122.0  # as a kubelet, whose first pause is half of ours
# How long a failed pull is called one, before it is called a back-off: a kubelet's next look at the pod.
PULL_TOLD_S = 3.0

HookState = Literal["none", "running", "done", "failed"]

RESTART, RESTART_ALL = "Restart", "RestartAllContainers"

PULL_REASONS = ("ErrImagePull", "ImagePullBackOff")


class Life(Struct, frozen=True, kw_only=True):
    """One container over all its attempts.

    ``state`` is the current attempt (``None`` before the first), ``last`` the one before.
    ``waiting`` is (reason, message) when the container cannot be started now, ``retry_at_s``
    when to try again, ``refusals`` how often that was so in a row. ``crashes`` counts
    the restarts since it last ran long enough. ``image`` and ``resources`` are what the attempt
    was started with; ``is_replaced`` says that it was ended to be started with others.
    ``hook`` is how far its postStart hook is; ``is_heard`` after its end, when its message was read.
    """

    state: ContainerState | None = None
    last: ContainerState | None = None
    attempt: int = 0
    crashes: int = 0
    waiting: tuple[str, str] | None = None
    retry_at_s: float = 0.0
    refusals: int = 0
    ready: bool = False
    started: bool = False
    hook: HookState = "none"
    hook_error: str = ""
    image: str = ""
    resources: Mapping[str, Any] | None = None
    is_replaced: bool = False
    is_heard: bool = False

    @property
    def is_running(self) -> bool:
        """True while its pid 1, or its stand-in, is there."""
        return self.state is not None and self.state.running

    @property
    def is_ended(self) -> bool:
        """True between the end of an attempt and the start of the next."""
        return self.state is not None and not self.state.running


NEVER_STARTED = Life()


def is_successful(life: Life) -> bool:
    """Tell whether a container ended with exit code 0."""
    return life.is_ended and life.state is not None and life.state.exit_code == 0


def should_restart(pod: Pod, container: Container, life: Life) -> bool:
    """Tell whether an ended container of the pod gets another attempt."""
    if any(each.name == container.name for each in pod.spec.ephemeral_containers):
        return False
    code = life.state.exit_code if life.state is not None else None
    if life.is_replaced or any(_applies(rule, code) for rule in container.restart_policy_rules):
        return True
    match container.restart_policy or pod.spec.restart_policy:
        case "Never":
            return False
        case "Always" if not is_plain_init(pod, container):
            return True
        case _:
            return not is_successful(life)


def is_plain_init(pod: Pod, container: Container) -> bool:
    """Tell whether a container is one whose end the pod waits for, before it begins."""
    is_init = any(each.name == container.name for each in pod.spec.init_containers)
    return is_init and container.restart_policy != "Always"


def can_restart_all(pod: Pod) -> bool:
    """Tell whether a container of the pod may have all others start anew."""
    containers = (*pod.spec.init_containers, *pod.spec.containers)
    return any(rule.action == RESTART_ALL for each in containers for rule in each.restart_policy_rules)


def must_restart_all(pod: Pod, lives: Mapping[str, Life]) -> bool:
    """Tell whether a container ended so that the whole pod starts anew, init containers first (KEP-5532)."""
    for container in (*pod.spec.init_containers, *pod.spec.containers):
        life = lives.get(container.name, NEVER_STARTED)
        code = life.state.exit_code if life.is_ended and life.state is not None else None
        rules = (rule for rule in container.restart_policy_rules if rule.action == RESTART_ALL)
        if code is not None and any(_applies(rule, code) for rule in rules):
            return True
    return False


def begun_anew(life: Life) -> Life:
    """Forget the attempt that ended, but for what is told of it."""
    if life.state is None:
        return life
    return Life(last=life.state, attempt=life.attempt + 1, image=life.image)


def back_off_s(life: Life, most_s: float = MAX_BACK_OFF_S) -> float:
    """Give the delay after an attempt's end: none, then 10 s, doubled up to 5 minutes (``most_s``).

    One that ran for long is forgiven those before it.
    """
    return 0.0 if _ran_long(life) else min(_doubled_s(life.crashes), most_s)


def started(life: Life, state: ContainerState, container: Container) -> Life:
    """Note that an attempt was made, however it went."""
    fresh = Life(
        state=state, attempt=next_attempt(life), image=container.image, resources=container.resources or {}
    )
    if life.state is None:
        return replace(fresh, last=life.last)
    return replace(fresh, last=life.state, crashes=1 if _ran_long(life) else life.crashes + 1)


def refused(life: Life, reason: str, message: str, now_s: float) -> Life:
    """Note that an attempt could not be made, and when to try again."""
    times = life.refusals + 1
    if reason in PULL_REASONS:
        retry_s = _doubled_s(times)
    elif reason == "ContainerCreating":
        retry_s = volume_retry_s(times)
    else:
        retry_s = CONFIG_RETRY_S
    return replace(life, waiting=(reason, message), retry_at_s=now_s + retry_s, refusals=times)


def volume_retry_s(times: int) -> float:
    """Give the pause after a volume was missing for the n-th time."""
    return min(VOLUME_RETRY_S * float(2 ** min(times - 1, 10)), MAX_VOLUME_RETRY_S)


def retried(life: Life) -> Life:
    """Let a container that waits for a volume be tried again at once."""
    is_waiting = life.waiting is not None and life.waiting[0] == "ContainerCreating"
    return replace(life, retry_at_s=0.0, refusals=0) if is_waiting else life


def pull_backs_off(life: Life, image: str, now_s: float) -> Life:
    """Call a failed pull a back-off once it was told as a failure."""
    if life.waiting is None or life.waiting[0] != "ErrImagePull":
        return life
    if now_s < life.retry_at_s - _doubled_s(life.refusals) + PULL_TOLD_S:
        return life
    message = f'Back-off pulling image "{image}": ErrImagePull: {life.waiting[1]}'
    return replace(life, waiting=("ImagePullBackOff", message))


def next_attempt(life: Life) -> int:
    """Number the attempt that is made next; the first is 0."""
    return life.attempt if life.state is None else life.attempt + 1


def _ran_long(life: Life) -> bool:
    state = life.state
    return state is not None and (state.finished_at_s or 0.0) - state.started_at_s > BACK_OFF_RESET_S


def _doubled_s(times: int) -> float:
    if times == 0:
        return 0.0
    return min(FIRST_BACK_OFF_S * float(2 ** min(times - 1, 10)), MAX_BACK_OFF_S)


def _applies(rule: RestartRule, code: int | None) -> bool:
    values = rule.exit_codes.get("values") or ()
    is_in = code in values
    return rule.action in (RESTART, RESTART_ALL) and is_in is (rule.exit_codes.get("operator") == "In")
