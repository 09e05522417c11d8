"""What a new daemon makes of containers that it did not start. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from msgspec.structs import replace

from netemu.agent.restarts import NEVER_STARTED, Life
from netemu.agent.work import container_id, lost, parse_container_id
from netemu.api.views.core import ContainerStatus, Pod
from netemu.clock import parse_rfc3339
from netemu.runtime.container import ContainerState


def adopt(
    pod: Pod | None,
    states: Iterable[ContainerState],
    now_s: float,
    has_run_hook: Callable[[str], bool] = lambda _id: False,
) -> dict[str, Life]:
    """Rebuild a pod's lives from what runs and from what its status said before.

    A container that the status calls started, and that nobody runs any more, has ended.
    ``has_run_hook`` tells of an attempt whether its postStart hook was begun.
    """
    lives = _remembered(pod, now_s) if pod is not None else {}
    for state in states:
        _uid, name, attempt, is_holder = parse_container_id(state.id)
        known = lives.get(name, NEVER_STARTED)
        if is_holder or attempt < known.attempt:
            continue
        if known.state is None or known.attempt == attempt:
            life = replace(known, state=state, attempt=attempt)
        else:
            life = Life(state=state, last=known.state, attempt=attempt, crashes=attempt)
        is_hooked = life.started or has_run_hook(state.id)
        lives[name] = replace(
            life,
            ready=state.running and life.ready,
            started=state.running and life.started,
            hook="done" if is_hooked else "none",
        )
    return lives


def _remembered(pod: Pod, now_s: float) -> dict[str, Life]:
    """Read lives from a status, as if nothing of it ran any more."""
    status = pod.status
    groups = (status.init_container_statuses, status.container_statuses, status.ephemeral_container_statuses)
    return {
        each.name: _life(pod.metadata.uid, each, now_s)
        for group in groups
        for each in group
        if each.container_id
    }


def _life(uid: str, status: ContainerStatus, now_s: float) -> Life:
    attempt = status.restart_count
    id = container_id(uid, status.name, attempt)
    now, before = status.state.get("terminated"), status.last_state.get("terminated")
    if now is None and "running" not in status.state:
        now, before = before, None  # it waits for its next attempt
    state = lost(ContainerState(id=id, running=False, started_at_s=now_s), now_s)
    return Life(
        state=_ended(id, now) if now is not None else state,
        last=_ended(container_id(uid, status.name, attempt - 1), before) if before and attempt else None,
        attempt=attempt,
        crashes=attempt,
        ready=status.ready,
        started=bool(status.started),
    )


def _ended(id: str, terminated: Mapping[str, Any]) -> ContainerState:
    return ContainerState(
        id=id,
        running=False,
        exit_code=int(terminated.get("exitCode", 0)),
        reason=str(terminated.get("reason", "")),
        message=str(terminated.get("message", "")),
        started_at_s=_time_s(terminated.get("startedAt")),
        finished_at_s=_time_s(terminated.get("finishedAt")),
    )


def _time_s(text: str | None) -> float:
    return parse_rfc3339(text) if text else 0.0
