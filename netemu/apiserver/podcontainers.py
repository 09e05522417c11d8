"""Which container of a pod a request means, in Kubernetes' words. Pure."""

from __future__ import annotations

from netemu.api.client import Object
from netemu.api.errors import BadRequestError

DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"


def choose_container(pod: Object, wanted: str) -> str:
    """Give the container that is named, that the pod's annotation names, or the only one.

    Raises:
        BadRequestError: there is no such container, or several to choose from.

    """
    name = pod["metadata"]["name"]
    containers, init = _names(pod, "containers"), _names(pod, "initContainers")
    if wanted:
        if wanted not in (*containers, *init, *_names(pod, "ephemeralContainers")):
            raise BadRequestError(f"container {wanted} is not valid for pod {name}")
        return wanted
    annotated = (pod["metadata"].get("annotations") or {}).get(DEFAULT_CONTAINER)
    if annotated in containers:
        return str(annotated)
    if len(containers) == 1:
        return containers[0]
    choice = f"choose one of: [{' '.join(containers)}]"
    if init:
        choice += f" or one of the init containers: [{' '.join(init)}]"
    raise BadRequestError(f"a container name must be specified for pod {name}, {choice}")


def check_can_exec(pod: Object, what: str = "exec into") -> None:
    """Refuse to do something with a container of a pod that runs nowhere, or no more.

    Raises:
        BadRequestError: saying which.

    """
    name, phase = pod["metadata"]["name"], pod.get("status", {}).get("phase", "")
    if phase in ("Succeeded", "Failed"):
        raise BadRequestError(f"cannot {what} a container in a completed pod; current phase is {phase}")
    if not pod["spec"].get("nodeName"):
        raise BadRequestError(f"pod {name} does not have a host assigned")


def _names(pod: Object, group: str) -> tuple[str, ...]:
    return tuple(container["name"] for container in pod["spec"].get(group) or ())
