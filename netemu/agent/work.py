"""What an agent knows of one of its pods, and the names of its containers."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct, field

from netemu.agent.endings import Ending
from netemu.agent.ports import Sandbox
from netemu.agent.restarts import NEVER_STARTED, Life
from netemu.agent.status import Failure
from netemu.agent.verdicts import ProbeKind
from netemu.api.client import Object
from netemu.informer.cache import Key
from netemu.runtime.container import ContainerState

Source = Literal["shim", "standin"]

EXEC_SUFFIX = "exec"
# Containers of a pod that is to end serve on until the rules of all nodes lead elsewhere, but no longer
# than this. Kubernetes leaves it to a preStop hook.
DRAIN_S = 2.0
LOST = "The container could not be located when the pod was synchronized"


class PodWork(Struct):
    """One pod of this node, as far as it has been made real.

    ``endings`` has the containers that are to end, ``failed_probes`` those that a probe condemned,
    ``failure`` why the pod as a whole failed, ``resize_pending`` why it does not get other resources.
    Nobody turns to a pod that ``is_drained``.
    """

    key: Key
    uid: str
    obj: Object
    sandbox: Sandbox | None = None
    lives: dict[str, Life] = field(default_factory=dict)
    sources: dict[str, Source] = field(default_factory=dict)
    exec_holders: dict[str, str] = field(default_factory=dict)
    ended_holders: dict[str, ContainerState] = field(default_factory=dict)
    endings: dict[str, Ending] = field(default_factory=dict)
    failed_probes: dict[str, ProbeKind] = field(default_factory=dict)
    failure: Failure | None = None
    is_admitted: bool = False
    resize_pending: Failure | None = None
    is_drained: bool = False
    failures: int = 0
    has_stale_volumes: bool = False

    def state_of(self, container: str) -> ContainerState | None:
        """Give a container's current attempt."""
        return self.lives.get(container, NEVER_STARTED).state

    def is_running(self, container: str) -> bool:
        """Tell whether a container runs."""
        return self.lives.get(container, NEVER_STARTED).is_running

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


def field_path(obj: Object, container: str) -> str:
    """Say where in a pod a container is, as its events do: ``spec.containers{web}``."""
    for group in ("containers", "initContainers", "ephemeralContainers"):
        if any(each["name"] == container for each in obj["spec"].get(group) or ()):
            return f"spec.{group}{{{container}}}"
    return ""
