"""[IO] What the scheduler tells the API: bindings, why a pod waits, who must go for it."""

from __future__ import annotations

from typing import Any

from netemu.api.client import Client, Object
from netemu.api.disruption import targeted
from netemu.api.errors import ConflictError, NotFoundError
from netemu.api.kinds import POD, POD_DISRUPTION_BUDGET
from netemu.api.selectors import matches
from netemu.api.views import view
from netemu.api.views.core import Pod
from netemu.api.views.meta import LabelSelector
from netemu.clock import Clock
from netemu.events import Recorder
from netemu.informer.cache import Cache, Key
from netemu.naming import NodeName
from netemu.scheduler.conditions import GATED, GATED_MESSAGE, UNSCHEDULABLE, waiting_status
from netemu.scheduler.facts import PodFacts
from netemu.scheduler.preemption import Nomination, Protected, protection

PREEMPTED = "PreemptionByScheduler"


class Binder:
    """Writes for one scheduler; every method may raise an ``ApiError``."""

    def __init__(self, client: Client, cache: Cache, recorder: Recorder, clock: Clock, name: str) -> None:
        self._client = client
        self._cache = cache
        self._recorder = recorder
        self._clock = clock
        self._name = name

    async def bind(self, obj: Object, pod: Pod, node: NodeName) -> None:
        """Give a pod its node."""
        meta = pod.metadata
        binding = {
            "apiVersion": "v1",
            "kind": "Binding",
            "metadata": {"namespace": meta.namespace, "name": meta.name, "uid": meta.uid},
            "target": {"apiVersion": "v1", "kind": "Node", "name": node},
        }
        await self._client.update(POD, binding, subresource="binding")
        text = f"Successfully assigned {meta.namespace}/{meta.name} to {node}"
        self._recorder.emit(obj, "Normal", "Scheduled", text)

    async def tell_gated(self, obj: Object) -> None:
        """Say that a pod waits for its gates to go."""
        await self._patch_status(obj, waiting_status(obj, GATED, GATED_MESSAGE, None, self._clock()))

    async def tell_waiting(self, obj: Object, message: str, nominated: str | None) -> None:
        """Say why a pod waits, once for each reason."""
        patch = waiting_status(obj, UNSCHEDULABLE, message, nominated, self._clock())
        await self._patch_status(obj, patch)
        if "conditions" in patch:
            self._recorder.emit(obj, "Warning", "FailedScheduling", message)

    async def push_out(self, pod: PodFacts, nomination: Nomination) -> None:
        """Delete whom a pod takes the place of."""
        for victim in nomination.victims:
            obj = self._cache.get(POD, Key(victim.namespace, victim.name))
            if obj is None or obj["metadata"]["uid"] != victim.uid or victim.ending:
                continue
            message = f"{self._name}: preempting to accommodate a higher priority pod"
            conditions = targeted(obj, PREEMPTED, message, self._clock())
            try:
                await self._patch_status(obj, {"conditions": conditions})
                await self._client.delete(POD, victim.namespace, victim.name, uid=victim.uid)
            except (NotFoundError, ConflictError):
                continue  # it goes, or went, by itself
            text = f"Preempted by pod {pod.uid} on node {nomination.node}"
            self._recorder.emit(obj, "Normal", "Preempted", text)

    async def protected(self) -> Protected:
        """Read the disruption budgets that there are."""
        budgets = (await self._client.list(POD_DISRUPTION_BUDGET)).items
        return protection(budgets, _is_covered)

    async def _patch_status(self, obj: Object, status: dict[str, Any]) -> None:
        if status:
            meta = obj["metadata"]
            await self._client.patch(
                POD, meta["namespace"], meta["name"], {"status": status}, subresource="status"
            )


def _is_covered(budget: Object, namespace: str, labels: dict[str, str]) -> bool:
    selector = budget["spec"].get("selector")
    if selector is None or budget["metadata"]["namespace"] != namespace:
        return False
    return matches(view(LabelSelector, selector), labels)
