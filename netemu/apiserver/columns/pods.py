"""The columns of Pods. Pure."""

from __future__ import annotations

from typing import Any

from netemu.api.client import Object
from netemu.apiserver.columns.column import AGE, NAME, NONE, UNKNOWN, Column, age_since, column, field

NODE_LOST = "NodeLost"


def _statuses(pod: Object, group: str = "containerStatuses") -> list[dict[str, Any]]:
    return field(pod, "status", group) or []


def _ready(pod: Object) -> str:
    sidecars = _restartable(pod)
    ready = [s for s in _statuses(pod) if s.get("ready") and "running" in s.get("state", {})]
    started = [s for s in _statuses(pod, "initContainerStatuses") if s["name"] in sidecars and s.get("ready")]
    total = len(pod["spec"].get("containers") or ()) + len(sidecars)
    return f"{len(ready) + len(started)}/{total}"


def _restartable(pod: Object) -> set[str]:
    return {c["name"] for c in pod["spec"].get("initContainers") or () if c.get("restartPolicy") == "Always"}


def status_word(pod: Object) -> str:
    """Say what a Pod is doing in one word: kubectl's STATUS."""
    reason = field(pod, "status", "reason") or field(pod, "status", "phase") or UNKNOWN
    if any(c["type"] == "PodScheduled" and c.get("reason") == "SchedulingGated" for c in _conditions(pod)):
        reason = "SchedulingGated"
    waiting = _init_word(pod)
    word = waiting or _container_word(pod, reason)
    if "deletionTimestamp" in pod["metadata"]:
        if field(pod, "status", "reason") == NODE_LOST:
            return "Unknown"
        if field(pod, "status", "phase") not in ("Succeeded", "Failed"):
            return "Terminating"
    return str(word)


def _conditions(pod: Object) -> list[dict[str, Any]]:
    return field(pod, "status", "conditions") or []


def _init_word(pod: Object) -> str:
    """Say which init container is not done; empty when all are."""
    statuses = _statuses(pod, "initContainerStatuses")
    sidecars = _restartable(pod)
    for index, status in enumerate(statuses):
        state = status.get("state") or {}
        ended = state.get("terminated")
        if ended is not None and ended.get("exitCode", 0) == 0:
            continue
        if status["name"] in sidecars and status.get("started"):
            continue
        if ended is not None:
            return f"Init:{_end_word(ended)}"
        waits = (state.get("waiting") or {}).get("reason", "")
        if waits and waits != "PodInitializing":
            return f"Init:{waits}"
        return f"Init:{index}/{len(pod['spec'].get('initContainers') or ())}"
    return ""


def _container_word(pod: Object, reason: str) -> str:
    has_running = False
    for status in reversed(_statuses(pod)):
        state = status.get("state") or {}
        waiting, ended = state.get("waiting") or {}, state.get("terminated")
        if waiting.get("reason"):
            reason = waiting["reason"]
        elif ended is not None:
            reason = _end_word(ended)
        elif status.get("ready") and "running" in state:
            has_running = True
    if reason == "Completed" and has_running:
        is_ready = any(c["type"] == "Ready" and c["status"] == "True" for c in _conditions(pod))
        return "Running" if is_ready else "NotReady"
    return reason


def _end_word(ended: dict[str, Any]) -> str:
    if ended.get("reason"):
        return str(ended["reason"])
    return f"Signal:{ended['signal']}" if ended.get("signal") else f"ExitCode:{ended.get('exitCode', 0)}"


def _restarts(pod: Object, now_s: float) -> str:
    sidecars = _restartable(pod)
    shown = [s for s in _statuses(pod, "initContainerStatuses") if s["name"] in sidecars or _init_word(pod)]
    if not _init_word(pod):
        shown += _statuses(pod)
    restarts = sum(s.get("restartCount", 0) for s in shown)
    ends = [field(s, "lastState", "terminated", "finishedAt") for s in shown]
    last = max((end for end in ends if end), default=None)
    return f"{restarts} ({age_since(last, now_s)} ago)" if restarts and last else str(restarts)


def _ip(pod: Object) -> str:
    first: dict[str, str] = next(iter(field(pod, "status", "podIPs") or ()), {})
    return first.get("ip") or field(pod, "status", "podIP") or NONE


def _gates(pod: Object) -> str:
    gates = [gate["conditionType"] for gate in pod["spec"].get("readinessGates") or ()]
    if not gates:
        return NONE
    met = {c["type"] for c in _conditions(pod) if c["status"] == "True"}
    return f"{sum(gate in met for gate in gates)}/{len(gates)}"


PODS: tuple[Column, ...] = (
    NAME,
    column("Ready", _ready),
    column("Status", status_word),
    Column("Restarts", _restarts),
    AGE,
    column("IP", _ip, wide=True),
    column("Node", lambda pod: pod["spec"].get("nodeName") or NONE, wide=True),
    column("Nominated Node", lambda pod: field(pod, "status", "nominatedNodeName") or NONE, wide=True),
    column("Readiness Gates", _gates, wide=True),
)
