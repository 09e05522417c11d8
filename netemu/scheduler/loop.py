"""[IO] The scheduler: bind pods as they come, those without a place when one is freed."""

from __future__ import annotations

import asyncio
from typing import Any

from netemu.api.client import Client, Object
from netemu.api.errors import ApiError, ConflictError, NotFoundError
from netemu.api.kinds import NODE, POD
from netemu.api.views.core import Node, Pod
from netemu.clock import Clock, format_rfc3339
from netemu.events import Recorder
from netemu.informer.cache import Cache, Change, Key
from netemu.informer.queue import WorkQueue
from netemu.informer.watch import Informer
from netemu.logs import Log
from netemu.naming import NodeName, PodUid
from netemu.scheduler.fit import Binding, plan
from netemu.scheduler.occupancy import Occupancy, node_facts, pod_facts

log = Log(__name__)

NAME = "default-scheduler"


async def run_scheduler(client: Client, cache: Cache, informer: Informer, *, clock: Clock) -> None:
    """Schedule pods until cancelled; ``informer`` feeds ``cache`` with nodes and pods beside this."""
    await informer.wait_synced()
    recorder = Recorder(client, clock, NAME)
    scheduler = Scheduler(client, cache, recorder, clock)
    informer.on_change(NODE, scheduler.node_changed)
    informer.on_change(POD, scheduler.pod_changed)
    async with asyncio.TaskGroup() as group:
        group.create_task(recorder.run(), name="events of the scheduler")
        group.create_task(scheduler.run(), name="scheduler")


class Scheduler:
    """One pod at a time, in order of arrival.

    A pod that is bound is noted before the API is asked, so that the next one is planned with it
    however late the watch is.
    """

    def __init__(self, client: Client, cache: Cache, recorder: Recorder, clock: Clock) -> None:
        self._client = client
        self._cache = cache
        self._recorder = recorder
        self._clock = clock
        self._occupancy = Occupancy()
        self._queue: WorkQueue[Key] = WorkQueue()
        self._unschedulable: dict[Key, None] = {}

    def node_changed(self, change: Change) -> None:
        """Note a node; pods without a place may have one now."""
        node = self._cache.find(NODE, change.key, Node)
        if node is None:
            self._occupancy.remove_node(NodeName(change.key.name))
        elif self._occupancy.set_node(node_facts(node)):
            self._retry_unschedulable()

    def pod_changed(self, change: Change) -> None:
        """Note a pod: one to schedule, one that has a node, or one that takes nothing any more."""
        old, new = change.old, change.new
        if old is not None and (new is None or _uid(old) != _uid(new)):
            self._unschedulable.pop(change.key, None)
            self._release(_uid(old))
        if new is None:
            return
        if (new.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
            self._release(_uid(new))
        elif new["spec"].get("nodeName"):
            self._note_assigned(change.key, _uid(new), new["spec"]["nodeName"])
        elif _is_news(old, new):
            self._queue.add(change.key)

    async def run(self) -> None:
        """Schedule until cancelled."""
        try:
            async for key in self._queue:
                await self._schedule(key)
                await asyncio.sleep(0)  # its agent may start it while the next one is bound
        finally:
            self._queue.close()

    def _note_assigned(self, key: Key, uid: PodUid, node: str) -> None:
        self._unschedulable.pop(key, None)
        if self._occupancy.has(uid):
            return
        pod = self._cache.find(POD, key, Pod)
        if pod is not None:
            self._occupancy.assign(pod_facts(pod), NodeName(node))

    def _release(self, uid: PodUid) -> None:
        if self._occupancy.release(uid):
            self._retry_unschedulable()

    def _retry_unschedulable(self) -> None:
        for key in self._unschedulable:
            self._queue.add(key)

    async def _schedule(self, key: Key) -> None:
        obj, pod = self._cache.get(POD, key), self._cache.find(POD, key, Pod)
        if obj is None or pod is None or not self._is_ours(pod):
            return
        decision = plan(self._occupancy, pod)
        try:
            if isinstance(decision, Binding):
                await self._bind(obj, pod, decision.node)
            else:
                self._unschedulable[key] = None
                await self._explain(obj, decision.message)
        except (NotFoundError, ConflictError) as err:  # it went, or changed: its event will come
            log.debug("schedule.outdated", pod=key, code=err.code)
        except ApiError as err:
            delay_s = self._queue.retry_later(key)
            log.warning("schedule.retry", pod=key, delay_s=delay_s, code=err.code, error=err.message)
        else:
            self._queue.forget(key)

    def _is_ours(self, pod: Pod) -> bool:
        return (
            not pod.spec.node_name
            and pod.metadata.deletion_timestamp is None
            and not pod.spec.scheduling_gates
            and pod.spec.scheduler_name == NAME
            and not self._occupancy.has(PodUid(pod.metadata.uid))
        )

    async def _bind(self, obj: Object, pod: Pod, node: NodeName) -> None:
        meta = pod.metadata
        binding = {
            "apiVersion": "v1",
            "kind": "Binding",
            "metadata": {"namespace": meta.namespace, "name": meta.name, "uid": meta.uid},
            "target": {"apiVersion": "v1", "kind": "Node", "name": node},
        }
        self._unschedulable.pop(Key(meta.namespace, meta.name), None)
        self._occupancy.assign(pod_facts(pod), node)
        try:
            await self._client.update(POD, binding, subresource="binding")
        except ApiError:
            self._occupancy.release(PodUid(meta.uid))
            raise
        text = f"Successfully assigned {meta.namespace}/{meta.name} to {node}"
        self._recorder.emit(obj, "Normal", "Scheduled", text)

    async def _explain(self, obj: Object, message: str) -> None:
        """Tell why a pod waits, once for each reason."""
        conditions = (obj.get("status") or {}).get("conditions") or []
        present = next((c for c in conditions if c["type"] == "PodScheduled"), None)
        if present is not None and present.get("message") == message:
            return
        others = [c for c in conditions if c["type"] != "PodScheduled"]
        status = {"conditions": [*others, self._not_scheduled(present, message)]}
        meta = obj["metadata"]
        await self._client.patch(
            POD, meta["namespace"], meta["name"], {"status": status}, subresource="status"
        )
        self._recorder.emit(obj, "Warning", "FailedScheduling", message)

    def _not_scheduled(self, present: dict[str, Any] | None, message: str) -> dict[str, Any]:
        now = format_rfc3339(self._clock())
        since = present["lastTransitionTime"] if present and present["status"] == "False" else now
        return {
            "type": "PodScheduled",
            "status": "False",
            "reason": "Unschedulable",
            "message": message,
            "lastProbeTime": None,
            "lastTransitionTime": since,
        }


def _is_news(old: Object | None, new: Object) -> bool:
    return old is None or _uid(old) != _uid(new) or old["spec"] != new["spec"]


def _uid(obj: Object) -> PodUid:
    return PodUid(obj["metadata"]["uid"])
