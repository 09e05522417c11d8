"""How a container is brought to its end: its hook, SIGTERM, its time, SIGKILL. Pure.

Source: https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-termination; the
two seconds that every container gets after SIGTERM are the kubelet's.
"""

from __future__ import annotations

from collections.abc import Collection
from enum import Enum

from msgspec import Struct
from msgspec.structs import replace

from netemu.agent.restarts import HookState
from netemu.api.views.core import Container, Pod

MIN_GRACE_S = 2.0
KILL_AGAIN_S = 1.0
# For connections that came before the rules of their node led elsewhere: nobody sees the end of a request.
UNDER_WAY_S = 0.1


class Ending(Struct, frozen=True, kw_only=True):
    """A container that is to end: no SIGTERM before ``tell_at_s``, no hook or turn is waited for after
    ``deadline_s``. ``told_s`` is when SIGTERM was sent.
    """

    tell_at_s: float
    deadline_s: float
    hook: HookState = "none"
    told_s: float | None = None


class Act(Enum):
    """What to do about a container that is to end."""

    WAIT = "wait"
    RUN_HOOK = "run its preStop hook"
    TELL = "send SIGTERM"
    KILL = "send SIGKILL"


class Action(Struct, frozen=True):
    """An act, and when to look again."""

    act: Act
    again_at_s: float


def begin(now_s: float, grace_s: float, *, drain_s: float = 0.0) -> Ending:
    """Give a container that is to end its time; ``drain_s`` of it pass before SIGTERM."""
    deadline_s = now_s + grace_s
    return Ending(tell_at_s=min(now_s + drain_s, deadline_s), deadline_s=deadline_s)


def hurried(ending: Ending, deadline_s: float) -> Ending:
    """Shorten the time of a container that is to end; it never grows."""
    if deadline_s >= ending.deadline_s:
        return ending
    return replace(ending, deadline_s=deadline_s, tell_at_s=min(ending.tell_at_s, deadline_s))


def drained(ending: Ending, now_s: float) -> Ending:
    """Let a container be told as soon as it had time for what it has, for nobody turns to it any more."""
    return replace(ending, tell_at_s=min(ending.tell_at_s, now_s + UNDER_WAY_S))


def next_action(ending: Ending, *, has_hook: bool, must_wait: bool, now_s: float) -> Action:
    """Decide what comes next; ``must_wait`` while others have to end first."""
    if ending.told_s is None:
        has_time = now_s < ending.deadline_s
        if has_time and has_hook and ending.hook == "none":
            return Action(Act.RUN_HOOK, ending.deadline_s)
        if has_time and (must_wait or ending.hook == "running"):
            return Action(Act.WAIT, ending.deadline_s)
        if now_s < ending.tell_at_s:
            return Action(Act.WAIT, ending.tell_at_s)
        return Action(Act.TELL, max(ending.deadline_s, now_s + MIN_GRACE_S))
    kill_at_s = max(ending.deadline_s, ending.told_s + MIN_GRACE_S)
    if now_s < kill_at_s:
        return Action(Act.WAIT, kill_at_s)
    return Action(Act.KILL, now_s + KILL_AGAIN_S)


def must_wait(pod: Pod, name: str, running: Collection[str]) -> bool:
    """Tell whether a sidecar must serve on: for regular containers, and sidecars that came after it."""
    sidecars = [c.name for c in pod.spec.init_containers if c.restart_policy == "Always"]
    if name not in sidecars:
        return False
    later = sidecars[sidecars.index(name) + 1 :]
    return any(other in running for other in (*(c.name for c in pod.spec.containers), *later))


def grace_s(pod: Pod, container: Container | None = None, probe: str = "") -> float:
    """Give the seconds that a container gets to end; a ``probe`` that failed may have its own."""
    if pod.metadata.deletion_grace_period_seconds is not None:
        return float(pod.metadata.deletion_grace_period_seconds)
    found = None
    if container is not None:
        found = {"liveness": container.liveness_probe, "startup": container.startup_probe}.get(probe)
    own = found.termination_grace_period_seconds if found is not None else None
    return float(pod.spec.termination_grace_period_seconds if own is None else own)
