"""Which pods of a node ``drain`` evicts, and which keep it from doing so. Pure.

Source: https://kubernetes.io/docs/tasks/administer-cluster/safely-drain-node/.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from netemu.api.client import Object

_MIRROR = "kubernetes.io/config.mirror"
_ENDED = ("Succeeded", "Failed")


@dataclass(frozen=True, kw_only=True)
class DrainOptions:
    """What a user allows ``drain``; no ``grace_period_s`` leaves it to the pods."""

    ignore_daemonsets: bool = False
    delete_emptydir_data: bool = False
    force: bool = False
    disable_eviction: bool = False
    pod_selector: str = ""
    grace_period_s: int | None = None
    timeout_s: float | None = None


@dataclass(frozen=True)
class Draining:
    """The pods to evict, why that may not be done, and what is worth a warning."""

    pods: tuple[Object, ...]
    obstacles: tuple[str, ...]
    warnings: tuple[str, ...]


def plan_drain(pods: Iterable[Object], options: DrainOptions) -> Draining:
    """Sort the pods of a node."""
    going: list[Object] = []
    found: dict[str, list[str]] = {}
    for pod in pods:
        what = _kind_of(pod)
        if what == "mirror":
            continue
        if what != "daemonset":
            going.append(pod)
        for problem in (what, "storage" if what == "" and _has_local_storage(pod) else ""):
            if problem and pod.get("status", {}).get("phase") not in _ENDED:
                found.setdefault(problem, []).append(_name(pod))
    allowed = {
        "daemonset": options.ignore_daemonsets,
        "storage": options.delete_emptydir_data,
        "unmanaged": options.force,
    }
    obstacles = [
        f"cannot delete {_OBSTACLES[problem]}: {', '.join(names)}"
        for problem, names in found.items()
        if not allowed[problem]
    ]
    warnings = [
        f"{_WARNINGS[problem]}: {', '.join(names)}"
        for problem, names in found.items()
        if allowed[problem] and problem in _WARNINGS
    ]
    return Draining(tuple(going), tuple(obstacles), tuple(warnings))


_OBSTACLES = {
    "daemonset": "DaemonSet-managed Pods (use --ignore-daemonsets to ignore)",
    "storage": "Pods with local storage (use --delete-emptydir-data to override)",
    "unmanaged": "Pods that declare no controller (use --force to override)",
}
_WARNINGS = {
    "daemonset": "ignoring DaemonSet-managed Pods",
    "unmanaged": "deleting Pods that declare no controller",
}


def _kind_of(pod: Object) -> str:
    if _MIRROR in (pod["metadata"].get("annotations") or {}):
        return "mirror"
    owner = next((ref for ref in pod["metadata"].get("ownerReferences") or () if ref.get("controller")), None)
    if owner is None:
        return "unmanaged"
    return "daemonset" if owner["kind"] == "DaemonSet" else ""


def _has_local_storage(pod: Object) -> bool:
    return any("emptyDir" in volume for volume in pod["spec"].get("volumes") or ())


def _name(pod: Object) -> str:
    return f"{pod['metadata'].get('namespace', '')}/{pod['metadata']['name']}"
