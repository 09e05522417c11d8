"""A pod's status, computed from its containers' lives. Pure.

Source: https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/ (phases, container
states, conditions).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from msgspec import Struct

from netemu.agent.conditions import pod_conditions
from netemu.agent.containerstatus import Naming, closed, container_status, has_run
from netemu.agent.lifecycle import BackOff, has_begun, has_failed_init, is_held_back
from netemu.agent.restarts import (
    NEVER_STARTED,
    Life,
    can_restart_all,
    is_successful,
    must_restart_all,
    should_restart,
)
from netemu.api.client import Object
from netemu.api.disruption import TARGET, targeted
from netemu.api.views.core import Container, Pod
from netemu.clock import format_rfc3339

EVICTED = "Evicted"

_TERMINAL = ("Succeeded", "Failed")
_OWN = ("reason", "message", "containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses")


class Failure(Struct, frozen=True):
    """Why a pod as a whole failed: it was refused, or its time was over."""

    reason: str
    message: str
    max_grace_s: float = math.inf


def pod_status(
    pod: Pod,
    lives: Mapping[str, Life],
    *,
    old: Object,
    host_ips: Sequence[str],
    pod_ips: Sequence[str],
    has_network: bool,
    waits: Mapping[str, BackOff],
    now_s: float,
    failure: Failure | None = None,
    resize: Failure | None = None,
    is_ending: bool = False,
) -> Object:
    """Give the status to report; equal to ``old`` when there is nothing new to say.

    ``old`` is the status in the API, whose times, and what others wrote, are kept; ``waits``
    names the containers that back off; a pod that ``is_ending`` restarts nothing.
    """
    if failure is not None and not lives and not old.get("containerStatuses"):
        return _refusal(pod, old, failure, now_s)
    phase, told = _held_phase(_phase(pod, lives, failure, is_ending=is_ending), lives, old)
    spec = pod.spec
    name = Naming(pod, waits, is_over=told and phase in _TERMINAL)
    regular = [container_status(name, c, lives) for c in spec.containers]
    init = [container_status(name, c, lives) for c in spec.init_containers]
    if name.is_over:
        regular = closed(regular) if has_begun(pod, lives) or _is_prepared(pod, lives) else regular
        init = _init_closed(init)
    ephemeral = [container_status(name, c, lives) for c in spec.ephemeral_containers]
    status: Object = {
        **{key: value for key, value in old.items() if key not in _OWN},
        "phase": phase,
        "conditions": pod_conditions(
            pod,
            {each["name"]: each for each in (*init, *regular)},
            old,
            phase,
            has_network,
            now_s,
            resize=(resize.reason, resize.message) if resize is not None else None,
            restarting=must_restart_all(pod, lives) if can_restart_all(pod) else None,
        ),
        "hostIP": host_ips[0],
        "hostIPs": [{"ip": ip} for ip in host_ips],
        "startTime": old.get("startTime") or format_rfc3339(_begun_s(lives, now_s)),
        "containerStatuses": sorted(regular, key=lambda each: str(each["name"])),
    }
    if pod.metadata.generation:
        status["observedGeneration"] = pod.metadata.generation
    if failure is not None and told:
        status |= {"reason": failure.reason, "message": failure.message}
        if failure.reason == EVICTED:
            status["conditions"] = _evicted(status, failure.message, now_s)
    if init:
        status["initContainerStatuses"] = init
    if ephemeral:
        status["ephemeralContainerStatuses"] = sorted(ephemeral, key=lambda each: str(each["name"]))
    if pod_ips:
        status["podIP"] = pod_ips[0]
        status["podIPs"] = [{"ip": ip} for ip in pod_ips]
    status.setdefault("qosClass", "BestEffort")
    return status


def _is_prepared(pod: Pod, lives: Mapping[str, Life]) -> bool:
    """Tell whether the last init container, if there is one, has done its part."""
    return all(is_successful(lives.get(c.name, NEVER_STARTED)) for c in pod.spec.init_containers[-1:])


def _init_closed(statuses: list[Object]) -> list[Object]:
    """Call init containers lost, up to the last one that ever ran; those after it had no turn."""
    ran = [number for number, status in enumerate(statuses, 1) if has_run(status)]
    turns = max(ran, default=1)
    return closed(statuses[:turns]) + statuses[turns:]


def _refusal(pod: Pod, old: Object, failure: Failure, now_s: float) -> Object:
    """Give the status of a pod that the node never took."""
    status = {**old, "phase": "Failed", "reason": failure.reason, "message": failure.message}
    status.setdefault("startTime", format_rfc3339(now_s))
    if pod.metadata.generation:
        status["observedGeneration"] = pod.metadata.generation
    return status


def _evicted(status: Object, message: str, now_s: float) -> list[Object]:
    """Give a pod's conditions with the one that says that its node ends it; others' go first."""
    if any(condition["type"] == TARGET for condition in status["conditions"]):
        return list(status["conditions"])
    *rest, target = targeted({"status": status}, "TerminationByKubelet", message, now_s)
    return [target, *rest]


def _begun_s(lives: Mapping[str, Life], now_s: float) -> float:
    """Tell when a pod of which nothing was told yet began: not after its containers."""
    starts = (life.state.started_at_s for life in lives.values() if life.state is not None)
    return min((now_s, *(start for start in starts if start)))


def _held_phase(phase: str, lives: Mapping[str, Life], old: Object) -> tuple[str, bool]:
    """Hold a final phase back while anything runs; tell whether the phase is the true one."""
    is_new = phase in _TERMINAL and old.get("phase") not in _TERMINAL
    if is_new and any(life.is_running for life in lives.values()):
        return old.get("phase") or "Pending", False
    return phase, True


def _phase(pod: Pod, lives: Mapping[str, Life], failure: Failure | None, *, is_ending: bool) -> str:
    if failure is not None or has_failed_init(pod, lives):
        return "Failed"
    if not has_begun(pod, lives) and any(_is_pending_init(c, lives) for c in pod.spec.init_containers):
        return "Pending"
    pairs = [(c, lives.get(c.name, NEVER_STARTED)) for c in pod.spec.containers]
    if any(life.state is None or _is_starting(c, life) for c, life in pairs):
        return "Pending"
    ended = [(c, life) for c, life in pairs if life.is_ended]
    if len(ended) < len(pairs) or _sidecar_runs(pod, lives):
        return "Running"
    if not is_ending and any(should_restart(pod, c, life) for c, life in ended):
        return "Running"
    return "Succeeded" if all(is_successful(life) for _c, life in ended) else "Failed"


def _is_pending_init(container: Container, lives: Mapping[str, Life]) -> bool:
    life = lives.get(container.name, NEVER_STARTED)
    if container.restart_policy == "Always":
        return life.state is None or (life.is_running and not life.started)
    return not is_successful(life)


def _is_starting(container: Container, life: Life) -> bool:
    """Tell whether a container first runs, and is held back by its hook: the pod has not begun."""
    return life.last is None and is_held_back(container, life)


def _sidecar_runs(pod: Pod, lives: Mapping[str, Life]) -> bool:
    return any(
        container.restart_policy == "Always" and lives.get(container.name, NEVER_STARTED).is_running
        for container in pod.spec.init_containers
    )
