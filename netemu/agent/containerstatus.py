"""The status of one container, computed from its life. Pure.

Source: https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#container-states.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from msgspec import Struct

from netemu.agent.lifecycle import BackOff, is_held_back
from netemu.agent.restarts import NEVER_STARTED, Life, is_successful, should_restart
from netemu.agent.security import user_of
from netemu.api.client import Object
from netemu.api.views.core import Container, Pod, VolumeMount
from netemu.clock import format_rfc3339
from netemu.runtime.container import ContainerState

START_ERROR = "StartError"
"""The end of a container whose command could not be started."""


LOST = "The container could not be located when the pod was terminated"


class Naming(Struct, frozen=True):
    """A pod, which of its containers back off, and whether nothing of it will run again."""

    pod: Pod
    waits: Mapping[str, BackOff]
    is_over: bool = False


def container_status(name: Naming, container: Container, lives: Mapping[str, Life]) -> Object:
    """Give what ``kubectl describe`` shows of a container."""
    life = lives.get(container.name, NEVER_STARTED)
    state, last = _states(name, container, life)
    known = life.resources if life.is_running else None
    resources = container.resources if known is None else known
    status: Object = {
        "name": container.name,
        "image": (life.state.image if life.state else "") or container.image,
        "imageID": (life.state.image_id or container.image) if life.state else "",
        "ready": _is_ready(name.pod, container, life),
        "restartCount": life.attempt if life.state or life.last else 0,
        "started": life.is_running and life.started,
        "state": state,
        "lastState": last,
        "resources": resources or {},
    }
    if any(each.name == container.name for each in name.pod.spec.ephemeral_containers):
        status |= {"ready": False}
        del status["started"]
    if resources and resources.get("requests"):
        status["allocatedResources"] = resources["requests"]
    if container.volume_mounts:
        status["volumeMounts"] = [_mounted(mount) for mount in container.volume_mounts]
    if life.state is not None:
        status["containerID"] = runtime_id(life.state.id)
        if life.state.pid and not life.state.image_id:
            status["user"] = {"linux": _user(name.pod, container)}
    return status


def closed(statuses: Sequence[Object]) -> list[Object]:
    """Give the statuses of containers of a pod that is over: what is not known to have ended is lost.

    Source: ``TerminatePod`` of kubelet's status manager.
    """
    gone = {"terminated": {"exitCode": 137, "reason": "ContainerStatusUnknown", "message": LOST}}
    return [each if "terminated" in each["state"] else {**each, "state": gone} for each in statuses]


def has_run(status: Object) -> bool:
    """Tell whether a container ever ran, as its status says it."""
    return not {"running", "terminated"}.isdisjoint((*status["state"], *status["lastState"]))


def runtime_id(id: str) -> str:
    """Give a container's identifier as clients know it from containerd."""
    return f"containerd://{hashlib.sha256(id.encode()).hexdigest()}"


def _mounted(mount: VolumeMount) -> Object:
    """Give a mount as a status has it: what is read-only is so at its top alone."""
    made: Object = {"name": mount.name, "mountPath": mount.mount_path}
    return {**made, "readOnly": True, "recursiveReadOnly": "Disabled"} if mount.read_only else made


def _user(pod: Pod, container: Container) -> Object:
    user = user_of(container.security_context or {}, pod.spec.security_context or {})
    groups = list(dict.fromkeys((user.gid, *user.groups)))
    return {"uid": user.uid, "gid": user.gid, "supplementalGroups": groups}


def _is_ready(pod: Pod, container: Container, life: Life) -> bool:
    if container.restart_policy != "Always" and any(
        each.name == container.name for each in pod.spec.init_containers
    ):
        return is_successful(life)
    return life.ready


def _states(name: Naming, container: Container, life: Life) -> tuple[Object, Object]:
    """Give the current state, and the one before."""
    last = {"terminated": _terminated(life.last)} if life.last else {}
    if life.state is None or is_held_back(container, life):
        return {"waiting": _first_wait(name.pod, life)}, last
    if life.state.running:
        return {"running": {"startedAt": format_rfc3339(life.state.started_at_s)}}, last
    ended = {"terminated": _terminated(life.state)}
    if name.is_over:
        return ended, last
    wait = name.waits.get(container.name)
    if life.waiting is not None:
        return {"waiting": _waiting(*life.waiting)}, ended
    if wait is not None:
        return {"waiting": _waiting("CrashLoopBackOff", _back_off(name.pod, wait))}, ended
    if (told := _start_failure(life)) and should_restart(name.pod, container, life):
        return {"waiting": _waiting(*told)}, ended
    return ended, last


def _first_wait(pod: Pod, life: Life) -> Object:
    if life.waiting is not None:
        return _waiting(*life.waiting)
    return {"reason": "PodInitializing" if pod.spec.init_containers else "ContainerCreating"}


def _start_failure(life: Life) -> tuple[str, str] | None:
    """Give why an attempt came to nothing, if it was ended by its start."""
    if life.hook == "failed":
        return "PostStartHookError", life.hook_error
    if life.state is not None and life.state.reason == START_ERROR:
        return "RunContainerError", life.state.message
    return None


def _waiting(reason: str, message: str) -> Object:
    return {"reason": reason, "message": message} if message else {"reason": reason}


def _back_off(pod: Pod, wait: BackOff) -> str:
    return (
        f"back-off {_go_duration(wait.delay_s)} restarting failed container={wait.container} "
        f"pod={pod.metadata.name}_{pod.metadata.namespace}({pod.metadata.uid})"
    )


def _terminated(state: ContainerState) -> Object:
    code = state.exit_code if state.exit_code is not None else 137
    made: Object = {
        "exitCode": code,
        "reason": state.reason or ("Completed" if code == 0 else "Error"),
        "startedAt": format_rfc3339(state.started_at_s),
        "finishedAt": format_rfc3339(state.finished_at_s or state.started_at_s),
        "containerID": runtime_id(state.id),
    }
    if state.message:
        made["message"] = state.message
    return made


def _go_duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"
