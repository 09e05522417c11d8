"""[IO] Pods whose containers have written all that they may: they are evicted.

A kubelet looks every ten seconds. Here a container that has as much as its limit can write no more,
nor can who writes into an ``emptyDir`` with a ``sizeLimit``. As with a kubelet, a pod's volumes go
before all that its containers may write together, and that before what each of them may.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping

from netemu.agent.containers import Containers
from netemu.agent.ports import Recorder
from netemu.agent.status import EVICTED, Failure
from netemu.agent.work import PodWork
from netemu.api.client import Object
from netemu.clock import Clock
from netemu.runtime.errors import DisconnectedError

PERIOD_S = 10.0
GRACE_S = 1.0


class Overuse:
    """Looks into the containers of pods with a limit to what they write."""

    def __init__(
        self,
        containers: Containers,
        recorder: Recorder,
        again: Callable[[str, float], None],
        clock: Clock,
        is_full: Callable[[str], bool] | None = None,
    ) -> None:
        self._containers = containers
        self._recorder = recorder
        self._again = again
        self._clock = clock
        self._is_full = is_full or _is_full
        self._looked_at_s: dict[str, float] = {}

    async def find_failure(self, work: PodWork) -> Failure | None:
        """Find out whether a limit is used up that a file system holds the pod to."""
        limits = {name: limit for name, limit in disk_limits(work.obj).items() if limit}
        sizes = volume_limits(work.obj)
        if not limits and not sizes:
            return None
        now_s = self._clock()
        looked_at_s = self._looked_at_s.get(work.uid)
        if looked_at_s is not None and now_s < looked_at_s + PERIOD_S:
            return None
        self._looked_at_s[work.uid] = now_s
        self._again(work.uid, PERIOD_S)
        if looked_at_s is None:
            return None  # nobody has written anything yet
        volumes = {name for name in sizes if any(self._is_full(place) for place in _places(work, name))}
        message = excess(limits, await self._full(work) if limits else set(), sizes, volumes)
        if not message:
            return None
        self._looked_at_s.pop(work.uid)
        self._recorder.emit(work.obj, "Warning", EVICTED, message)
        return Failure(EVICTED, message, GRACE_S)

    def forget(self, uid: str) -> None:
        """Forget a pod that is gone."""
        self._looked_at_s.pop(uid, None)

    async def _full(self, work: PodWork) -> set[str]:
        shim = self._containers.shim
        if shim is None:
            return set()
        try:
            used = await shim.stats()
        except DisconnectedError:
            return set()
        return {name for name, state in work.running() if state.id in used and used[state.id].is_disk_full}


def disk_limits(pod: Object) -> Mapping[str, str]:
    """Give the limit of each container of a pod; empty where it has none."""
    if not pod:
        return {}
    return {
        container["name"]: (container.get("resources", {}).get("limits") or {}).get("ephemeral-storage", "")
        for container in pod["spec"]["containers"]
    }


def volume_limits(pod: Object) -> Mapping[str, str]:
    """Give the sizes of a pod's ``emptyDir`` volumes that have one."""
    volumes = pod["spec"].get("volumes") or () if pod else ()
    sizes = {volume["name"]: (volume.get("emptyDir") or {}).get("sizeLimit") for volume in volumes}
    return {name: size for name, size in sizes.items() if size}


def excess(
    limits: Mapping[str, str], full: Iterable[str], sizes: Mapping[str, str], full_volumes: Iterable[str]
) -> str:
    """Say which limit of a pod is used up; empty if none is. Pure."""
    for name in full_volumes:
        return f'Usage of EmptyDir volume "{name}" exceeds the limit "{sizes[name]}". '
    for name in full:
        if list(limits) == [name]:
            return f"Pod ephemeral local storage usage exceeds the total limit of containers {limits[name]}. "
        if name in limits:
            return f'Container {name} exceeded its local ephemeral storage limit "{limits[name]}". '
    return ""


def _places(work: PodWork, volume: str) -> Iterable[str]:
    """Say where running containers have a volume, as the machine sees it."""
    containers = {each["name"]: each for each in work.obj["spec"]["containers"]}
    for name, state in work.running():
        for mount in containers.get(name, {}).get("volumeMounts") or ():
            if state.pid and mount["name"] == volume:
                yield f"/proc/{state.pid}/root/{mount['mountPath'].lstrip('/')}"


def _is_full(place: str) -> bool:
    try:
        return os.statvfs(place).f_bfree == 0
    except OSError:
        return False  # the container has ended
