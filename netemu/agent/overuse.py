"""[IO] Pods whose containers have written all that they may: they are evicted.

A kubelet looks every ten seconds. Here a container that has as much as its limit can write no more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from netemu.agent.containers import Containers
from netemu.agent.ports import Recorder
from netemu.agent.status import Failure
from netemu.agent.work import PodWork
from netemu.api.client import Object
from netemu.clock import Clock
from netemu.runtime.errors import DisconnectedError

PERIOD_S = 10.0
GRACE_S = 1.0

_REASON = "Evicted"


class Overuse:
    """Looks into the containers of pods with a limit to what they write."""

    def __init__(
        self,
        containers: Containers,
        recorder: Recorder,
        again: Callable[[str, float], None],
        clock: Clock,
    ) -> None:
        self._containers = containers
        self._recorder = recorder
        self._again = again
        self._clock = clock
        self._looked_at_s: dict[str, float] = {}

    async def find_failure(self, work: PodWork) -> Failure | None:
        """Find out whether a container has used up its limit, which its file system holds it to."""
        limits = {name: limit for name, limit in disk_limits(work.obj).items() if limit}
        if not limits:
            return None
        now_s = self._clock()
        looked_at_s = self._looked_at_s.get(work.uid)
        if looked_at_s is not None and now_s < looked_at_s + PERIOD_S:
            return None
        self._looked_at_s[work.uid] = now_s
        self._again(work.uid, PERIOD_S)
        if looked_at_s is None:
            return None  # nobody has written anything yet
        full = await self._full(work)
        for name, limit in limits.items():
            if name in full:
                self._looked_at_s.pop(work.uid)
                message = f'Container {name} exceeded its local ephemeral storage limit "{limit}". '
                self._recorder.emit(work.obj, "Warning", _REASON, message)
                return Failure(_REASON, message, GRACE_S)
        return None

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
