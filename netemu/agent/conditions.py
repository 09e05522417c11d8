"""The conditions of a pod that its node answers for. Pure.

Source: https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-conditions,
KEP-3085 (PodReadyToStartContainers), KEP-580 (readiness gates), KEP-5067 (observedGeneration).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from netemu.agent.containerstatus import has_run
from netemu.api.client import Object
from netemu.api.views.core import Pod
from netemu.clock import format_rfc3339

RESIZE_PENDING = "PodResizePending"
RESTARTING = "AllContainersRestarting"
_OURS = (
    RESTARTING,
    "PodReadyToStartContainers",
    "Initialized",
    "Ready",
    "ContainersReady",
    "PodScheduled",
    RESIZE_PENDING,
)
_ENDED = {"Succeeded": "PodCompleted", "Failed": "PodFailed"}

Verdict = tuple[bool, Mapping[str, str]]
"""Whether a condition holds; reason and message."""


def pod_conditions(
    pod: Pod,
    statuses: Mapping[str, Object],
    old: Object,
    phase: str,
    has_network: bool,
    now_s: float,
    *,
    resize: tuple[str, str] | None = None,
    restarting: bool | None = None,
) -> list[Object]:
    """Give a pod's conditions: others' as they are, then those of the node.

    ``statuses`` are the statuses of its containers by name, ``old`` its status in the API;
    ``resize`` is reason and message of a change of its resources that cannot be made; ``restarting``
    says whether all containers start anew, ``None`` for a pod of which they never do.
    """
    before: dict[str, Object] = {c["type"]: c for c in old.get("conditions") or ()}
    others = [condition for type_, condition in before.items() if type_ not in _OURS]
    containers_ready = _containers_ready(pod, statuses, phase)
    ready = _gates_open(pod, before) if containers_ready[0] else containers_ready
    verdicts: list[tuple[str, Verdict]] = [
        ("PodReadyToStartContainers", (has_network, {})),
        ("Initialized", _initialized(pod, statuses, phase)),
        ("Ready", ready),
        ("ContainersReady", containers_ready),
    ]
    if resize is not None:
        reason, message = resize
        verdicts.insert(0, (RESIZE_PENDING, (True, {"reason": reason, "message": message})))
    if restarting is not None:
        verdicts.insert(0, (RESTARTING, (restarting, {})))
    made = [_condition(pod, before.get(type_), type_, verdict, now_s) for type_, verdict in verdicts]
    scheduled = _condition(pod, before.get("PodScheduled"), "PodScheduled", (True, {}), now_s)
    return [*others, *made, scheduled]


def _containers_ready(pod: Pod, statuses: Mapping[str, Object], phase: str) -> Verdict:
    if phase in _ENDED:
        return False, {"reason": _ENDED[phase]}
    sidecars = (c.name for c in pod.spec.init_containers if c.restart_policy == "Always")
    names = (*sidecars, *(c.name for c in pod.spec.containers))
    unready = [name for name in names if not statuses[name]["ready"]]
    if unready:
        return False, _because("ContainersNotReady", "unready", unready)
    return True, {}


def _gates_open(pod: Pod, conditions: Mapping[str, Object]) -> Verdict:
    problems = []
    for gate in pod.spec.readiness_gates:
        name = gate.get("conditionType", "")
        condition = conditions.get(name)
        if condition is None:
            problems.append(
                f"corresponding condition of pod readiness gate {json.dumps(name)} does not exist."
            )
        elif condition["status"] != "True":
            said = condition["status"]
            problems.append(f'the status of pod readiness gate {json.dumps(name)} is not "True", but {said}')
    if problems:
        return False, {"reason": "ReadinessGatesNotReady", "message": ", ".join(problems)}
    return True, {}


def _initialized(pod: Pod, statuses: Mapping[str, Object], phase: str) -> Verdict:
    if phase == "Succeeded":
        return True, {"reason": "PodCompleted"}
    if any(has_run(statuses[c.name]) for c in pod.spec.containers):
        return True, {}
    incomplete = [
        c.name
        for c in pod.spec.init_containers
        if not statuses[c.name]["started" if c.restart_policy == "Always" else "ready"]
    ]
    if incomplete:
        return False, _because("ContainersNotInitialized", "incomplete", incomplete)
    return True, {}


def _because(reason: str, word: str, names: Sequence[str]) -> Mapping[str, str]:
    return {"reason": reason, "message": f"containers with {word} status: [{' '.join(names)}]"}


def _condition(pod: Pod, before: Object | None, type_: str, verdict: Verdict, now_s: float) -> Object:
    holds, why = verdict
    status = "True" if holds else "False"
    since = format_rfc3339(now_s)
    if before is not None and before["status"] == status:
        since = before.get("lastTransitionTime") or since
    made: Object = {"type": type_, "status": status, "lastTransitionTime": since, **why}
    if pod.metadata.generation:
        made["observedGeneration"] = pod.metadata.generation
    return made
