"""A pod's status, computed from its containers' lives. Pure.

Source: https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/ (phases, container
states, conditions), KEP-3085 (PodReadyToStartContainers).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from netemu.agent.lifecycle import NEVER_STARTED, BackOff, Life, is_successful, should_restart
from netemu.api.client import Object
from netemu.api.views.core import Container, Pod
from netemu.clock import format_rfc3339
from netemu.runtime.container import ContainerState


def pod_status(
    pod: Pod,
    lives: Mapping[str, Life],
    *,
    old: Object,
    host_ip: str,
    pod_ips: Sequence[str],
    has_network: bool,
    waits: Mapping[str, BackOff],
    now_s: float,
) -> Object:
    """Give the status to report; equal to ``old`` when there is nothing new to say.

    ``old`` is the status in the API, whose times and scheduling condition are kept; ``waits``
    names the containers that back off.
    """
    phase = _phase(pod, lives)
    init_done = all(is_successful(lives.get(c.name, NEVER_STARTED)) for c in pod.spec.init_containers)
    ready = phase == "Running" and all(lives.get(c.name, NEVER_STARTED).ready for c in pod.spec.containers)
    status: Object = {
        **{key: old[key] for key in ("qosClass", "observedGeneration", "nominatedNodeName") if key in old},
        "phase": phase,
        "conditions": _conditions(pod, lives, old, phase, has_network, init_done, ready, now_s),
        "hostIP": host_ip,
        "hostIPs": [{"ip": host_ip}],
        "startTime": old.get("startTime") or format_rfc3339(now_s),
        "containerStatuses": [
            _container_status(pod, c, lives, waits, init_done=init_done) for c in pod.spec.containers
        ],
    }
    if pod.spec.init_containers:
        status["initContainerStatuses"] = [
            _container_status(pod, c, lives, waits, init_done=True) for c in pod.spec.init_containers
        ]
    if pod_ips:
        status["podIP"] = pod_ips[0]
        status["podIPs"] = [{"ip": ip} for ip in pod_ips]
    status.setdefault("qosClass", "BestEffort")
    return status


def _phase(pod: Pod, lives: Mapping[str, Life]) -> str:
    for container in pod.spec.init_containers:
        life = lives.get(container.name, NEVER_STARTED)
        if not is_successful(life):
            return "Failed" if life.is_ended and pod.spec.restart_policy == "Never" else "Pending"
    containers = [lives.get(c.name, NEVER_STARTED) for c in pod.spec.containers]
    if any(life.state is None for life in containers):
        return "Pending"
    if any(life.is_running or should_restart(pod, life) for life in containers):
        return "Running"
    return "Succeeded" if all(is_successful(life) for life in containers) else "Failed"


def _conditions(
    pod: Pod,
    lives: Mapping[str, Life],
    old: Object,
    phase: str,
    has_network: bool,
    init_done: bool,
    ready: bool,
    now_s: float,
) -> list[Object]:
    unready = [c.name for c in pod.spec.containers if not lives.get(c.name, NEVER_STARTED).ready]
    incomplete = [
        c.name for c in pod.spec.init_containers if not is_successful(lives.get(c.name, NEVER_STARTED))
    ]
    not_ready: dict[str, str] = {}
    if phase == "Succeeded":
        not_ready = {"reason": "PodCompleted"}
    elif phase == "Failed":
        not_ready = {"reason": "PodFailed"}
    elif not ready:
        not_ready = {
            "reason": "ContainersNotReady",
            "message": f"containers with unready status: [{' '.join(unready)}]",
        }
    not_initialized = {
        "reason": "ContainersNotInitialized",
        "message": f"containers with incomplete status: [{' '.join(incomplete)}]",
    }
    wanted: list[tuple[str, bool, dict[str, str]]] = [
        ("PodReadyToStartContainers", has_network, {}),
        ("Initialized", init_done, {} if init_done else not_initialized),
        ("Ready", ready, not_ready),
        ("ContainersReady", ready, not_ready),
    ]
    before = {c["type"]: c for c in old.get("conditions") or ()}
    made = [_condition(before.get(type_), type_, holds, why, now_s) for type_, holds, why in wanted]
    scheduled = before.get("PodScheduled") or _condition(None, "PodScheduled", True, {}, now_s)
    return [*made, scheduled]


def _condition(before: Object | None, type_: str, holds: bool, why: dict[str, str], now_s: float) -> Object:
    status = "True" if holds else "False"
    since = format_rfc3339(now_s)
    if before is not None and before["status"] == status:
        since = before.get("lastTransitionTime") or since
    return {"type": type_, "status": status, "lastProbeTime": None, "lastTransitionTime": since, **why}


def _container_status(
    pod: Pod,
    container: Container,
    lives: Mapping[str, Life],
    waits: Mapping[str, BackOff],
    *,
    init_done: bool,
) -> Object:
    life = lives.get(container.name, NEVER_STARTED)
    state, last = _states(pod, container, life, waits.get(container.name), init_done=init_done)
    status: Object = {
        "name": container.name,
        "image": (life.state.image if life.state else "") or container.image,
        "imageID": (life.state.image_id or container.image) if life.state else "",
        "ready": life.ready,
        "restartCount": life.attempt if life.state else 0,
        "started": life.is_running,
        "state": state,
        "lastState": last,
    }
    if life.state is not None:
        status["containerID"] = f"netemu://{life.state.id}"
    return status


def _states(
    pod: Pod, container: Container, life: Life, wait: BackOff | None, *, init_done: bool
) -> tuple[Object, Object]:
    last = {"terminated": _terminated(life.last)} if life.last else {}
    if life.state is not None and life.state.running:
        return {"running": {"startedAt": format_rfc3339(life.state.started_at_s)}}, last
    if life.waiting is not None:
        reason, message = life.waiting
        return {"waiting": {"reason": reason, "message": message}}, last
    if life.state is None:
        return {"waiting": {"reason": "ContainerCreating" if init_done else "PodInitializing"}}, last
    ended = {"terminated": _terminated(life.state)}
    if wait is None:
        return ended, last
    message = (
        f"back-off {_go_duration(wait.delay_s)} restarting failed container={container.name} "
        f"pod={pod.metadata.name}_{pod.metadata.namespace}({pod.metadata.uid})"
    )
    return {"waiting": {"reason": "CrashLoopBackOff", "message": message}}, ended


def _terminated(state: ContainerState) -> Object:
    code = state.exit_code if state.exit_code is not None else 137
    made: Object = {
        "exitCode": code,
        "reason": state.reason or ("Completed" if code == 0 else "Error"),
        "startedAt": format_rfc3339(state.started_at_s),
        "finishedAt": format_rfc3339(state.finished_at_s or state.started_at_s),
        "containerID": f"netemu://{state.id}",
    }
    if state.message:
        made["message"] = state.message
    return made


def _go_duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"
