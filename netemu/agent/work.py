"""What an agent knows of one of its pods, and the identifiers of its containers."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from msgspec.structs import replace

from netemu.agent.lifecycle import NEVER_STARTED, Life
from netemu.agent.ports import Sandbox
from netemu.api.client import Object
from netemu.api.views.core import Pod
from netemu.informer.cache import Key
from netemu.runtime.container import ContainerState

Source = Literal["shim", "standin"]

EXEC_SUFFIX = "exec"
# How long containers of a pod that is to end serve on before they are told: meanwhile the rules of all
# nodes lead elsewhere. Kubernetes leaves this to a preStop hook.
DRAIN_S = 0.2
LOST = "The container could not be located when the pod was synchronized"


@dataclass(slots=True)
class PodWork:
    """One pod of this node, as far as it has been made real."""

    key: Key
    uid: str
    obj: Object
    sandbox: Sandbox | None = None
    lives: dict[str, Life] = field(default_factory=dict)
    sources: dict[str, Source] = field(default_factory=dict)
    exec_holders: dict[str, str] = field(default_factory=dict)
    ended_holders: dict[str, ContainerState] = field(default_factory=dict)
    ends_since_s: float | None = None
    kill_at_s: float = math.inf
    told: bool = False
    failures: int = 0
    has_stale_volumes: bool = False

    def state_of(self, container: str) -> ContainerState | None:
        """Give a container's current attempt."""
        return self.lives.get(container, NEVER_STARTED).state

    def running(self) -> list[tuple[str, ContainerState]]:
        """List the containers that run, with their states."""
        return [
            (name, life.state)
            for name, life in self.lives.items()
            if life.state is not None and life.state.running
        ]


def container_id(uid: str, container: str, attempt: int) -> str:
    """Name one attempt of a container; neither UIDs nor container names hold an underscore."""
    return f"{uid}_{container}_{attempt}"


def parse_container_id(id: str) -> tuple[str, str, int, bool]:
    """Split an identifier: pod UID, container, attempt, and whether it is an exec sandbox.

    Raises:
        ValueError: it is not one of ours.

    """
    match id.split("_"):
        case [uid, container, attempt]:
            return uid, container, int(attempt), False
        case [uid, container, attempt, suffix] if suffix == EXEC_SUFFIX:
            return uid, container, int(attempt), True
    raise ValueError(f"not a container identifier: {id!r}")


def lost(state: ContainerState, now_s: float) -> ContainerState:
    """Give the end of a container that disappeared with its parent."""
    return ContainerState(
        id=state.id,
        running=False,
        exit_code=137,
        reason="ContainerStatusUnknown",
        message=LOST,
        started_at_s=state.started_at_s,
        finished_at_s=now_s,
    )


def adopt(pod: Pod | None, states: Iterable[ContainerState], now_s: float) -> dict[str, Life]:
    """Rebuild a pod's lives from what runs and from what its status said before.

    A container that the status calls started, and that nobody runs any more, has ended.
    """
    lives: dict[str, Life] = {}
    reported = (*pod.status.init_container_statuses, *pod.status.container_statuses) if pod else ()
    ready = {(status.name, status.restart_count): status.ready for status in reported}
    for status in reported:
        if pod is None or not status.container_id:
            continue
        attempt = status.restart_count
        id = container_id(pod.metadata.uid, status.name, attempt)
        ended = status.state.get("terminated")
        state = lost(ContainerState(id=id, running=False, started_at_s=now_s), now_s)
        if ended is not None:
            code, reason = int(str(ended.get("exitCode", 0))), str(ended.get("reason", ""))
            state = replace(state, exit_code=code, reason=reason, message="")
        lives[status.name] = Life(state=state, attempt=attempt)
    for state in states:
        _uid, container, attempt, is_holder = parse_container_id(state.id)
        if not is_holder and attempt >= lives.get(container, NEVER_STARTED).attempt:
            was_ready = state.running and ready.get((container, attempt), False)
            lives[container] = Life(state=state, attempt=attempt, ready=was_ready)
    return lives
