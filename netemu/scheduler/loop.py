"""[IO] The scheduler: bind pods as they come, those without a place when something that matters changes."""

from __future__ import annotations

import asyncio

from netemu.api.client import Client, Object
from netemu.api.errors import ApiError, ConflictError, NotFoundError
from netemu.api.kinds import (
    NAMESPACE,
    NODE,
    PERSISTENT_VOLUME,
    PERSISTENT_VOLUME_CLAIM,
    POD,
    STORAGE_CLASS,
)
from netemu.api.views.core import Node, Pod
from netemu.clock import Clock
from netemu.events import Recorder
from netemu.informer.cache import Cache, Change, Key
from netemu.informer.watch import Informer
from netemu.logs import Log
from netemu.naming import NodeName, PodUid
from netemu.scheduler.binder import Binder
from netemu.scheduler.facts import PodFacts, node_facts, pod_facts
from netemu.scheduler.fit import Unschedulable, Wish, decide, nowhere
from netemu.scheduler.occupancy import Occupancy
from netemu.scheduler.preemption import Nomination, Protected, may_help, preempt, unprotected
from netemu.scheduler.queue import PodQueue
from netemu.scheduler.reserving import Reservations
from netemu.scheduler.volumes import Unready, Volumes, read_volumes

log = Log(__name__)

NAME = "default-scheduler"
OF_VOLUMES = (STORAGE_CLASS, PERSISTENT_VOLUME, PERSISTENT_VOLUME_CLAIM)
FOLLOWED = (NODE, POD, NAMESPACE, *OF_VOLUMES)
# What may help a pod that waits: a node, a pod that went, one that came or is another now, a volume.
NODES, ROOM, OTHERS, VOLUMES = "nodes", "room", "others", "volumes"
# A thousand pods that go make one look at those that wait, not a thousand.
SWEEP_AFTER_S = 0.02


async def run_scheduler(client: Client, cache: Cache, informer: Informer, *, clock: Clock) -> None:
    """Schedule pods until cancelled; ``informer`` feeds ``cache`` with ``FOLLOWED`` beside this."""
    await informer.wait_synced()
    recorder = Recorder(client, clock, NAME)
    scheduler = Scheduler(client, cache, recorder, clock)
    informer.on_change(NAMESPACE, scheduler.namespace_changed)
    for kind in OF_VOLUMES:
        informer.on_change(kind, scheduler.volume_changed)
    informer.on_change(NODE, scheduler.node_changed)
    informer.on_change(POD, scheduler.pod_changed)
    async with asyncio.TaskGroup() as group:
        group.create_task(recorder.run(), name="events of the scheduler")
        group.create_task(scheduler.run(), name="scheduler")


class Scheduler:
    """One pod at a time, the most important first, then in order of arrival.

    A pod that is bound is noted before the API is asked, so that the next one is planned with it
    however late the watch is.
    """

    def __init__(self, client: Client, cache: Cache, recorder: Recorder, clock: Clock) -> None:
        self._cache = cache
        self._binder = Binder(client, cache, recorder, clock, NAME)
        self._occupancy = Occupancy()
        self._queue = PodQueue()
        self._reservations = Reservations(client)
        self._unschedulable: dict[Key, Unschedulable] = {}
        self._changes: set[str] = set()
        self._sweep: asyncio.TimerHandle | None = None

    def namespace_changed(self, change: Change) -> None:
        """Note a namespace's labels: rules about other pods may name them."""
        new = change.new
        labels = None if new is None else new["metadata"].get("labels") or {}
        if self._occupancy.set_namespace(change.key.name, labels):
            self._retry(OTHERS)

    def volume_changed(self, _change: Change) -> None:
        """Note that a volume, a claim or a class changed: pods may wait for it."""
        self._retry(VOLUMES)

    def node_changed(self, change: Change) -> None:
        """Note a node; pods without a place may have one now."""
        node = self._cache.find(NODE, change.key, Node)
        if node is None:
            self._occupancy.remove_node(NodeName(change.key.name))
            self._retry(NODES)
        elif self._occupancy.set_node(node_facts(node)):
            self._retry(NODES)

    def pod_changed(self, change: Change) -> None:
        """Note a pod: one to schedule, one that has a node, or one that takes nothing any more."""
        old, new = change.old, change.new
        if old is not None and (new is None or _uid(old) != _uid(new)):
            self._forget(change.key, _uid(old))
        if new is None:
            return
        if (new.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
            self._release(_uid(new))
        elif new["spec"].get("nodeName"):
            self._note_assigned(change, new)
        elif _is_news(old, new):
            self._renominate(change.key, new)
            self._queue.add(change.key, _priority(new))

    async def run(self) -> None:
        """Schedule until cancelled."""
        try:
            while True:
                await self._schedule(await self._queue.get())
                await asyncio.sleep(0)  # its agent may start it while the next one is bound
        finally:
            self._queue.close()
            if self._sweep is not None:
                self._sweep.cancel()

    def _note_assigned(self, change: Change, new: Object) -> None:
        uid = _uid(new)
        self._unschedulable.pop(change.key, None)
        self._occupancy.nominated.pop(uid, None)
        is_known = self._occupancy.has(uid)
        if is_known and not _counts_otherwise(change.old, new):
            return
        pod = self._cache.find(POD, change.key, Pod)
        if pod is None:
            return
        if is_known:
            resized = self._occupancy.renew(pod_facts(pod))
            self._retry(OTHERS)
            if resized:
                self._retry(ROOM)
        else:
            self._occupancy.assign(pod_facts(pod), NodeName(new["spec"]["nodeName"]))
            self._retry(OTHERS)

    def _renominate(self, key: Key, new: Object) -> None:
        """Keep the room that was made for a pod, also by a scheduler before this one."""
        node = (new.get("status") or {}).get("nominatedNodeName")
        pod = self._cache.find(POD, key, Pod) if node else None
        if pod is not None:
            facts = pod_facts(pod)
            self._occupancy.nominated[facts.uid] = (facts, NodeName(node or ""))

    def _forget(self, key: Key, uid: PodUid) -> None:
        self._unschedulable.pop(key, None)
        self._reservations.take(key)
        self._queue.forget(key)
        if self._occupancy.nominated.pop(uid, None) is not None:
            self._retry(ROOM)
        self._release(uid)

    def _release(self, uid: PodUid) -> None:
        if self._occupancy.release(uid) is not None:
            self._retry(ROOM)

    def _retry(self, changed: str) -> None:
        """Look soon at the pods that wait for such a change; changes that come together count once."""
        if not self._unschedulable and not self._reservations.waiting():
            return
        self._changes.add(changed)
        if self._sweep is None:
            self._sweep = asyncio.get_running_loop().call_later(SWEEP_AFTER_S, self._look_again)

    def _look_again(self) -> None:
        self._sweep = None
        changes, self._changes = self._changes, set()
        for key, decision in self._unschedulable.items():
            if (
                NODES in changes
                or (ROOM in changes and decision.waits_for_room)
                or (OTHERS in changes and decision.waits_for_others)
                or (VOLUMES in changes and decision.waits_for_volumes)
            ):
                self._look_at(key)
        if changes & {NODES, VOLUMES}:
            for key in self._reservations.waiting():
                self._look_at(key)

    def _look_at(self, key: Key) -> None:
        pod = self._cache.get(POD, key)
        self._queue.add(key, _priority(pod) if pod is not None else 0)

    async def _schedule(self, key: Key) -> None:
        obj = self._cache.get(POD, key)
        if obj is None:
            return
        try:
            pod = self._cache.find(POD, key, Pod)
            if pod is None or not self._is_ours(key, pod):
                return
            if pod.spec.scheduling_gates:
                await self._binder.tell_gated(obj)
            else:
                await self._place(key, obj, pod)
        except (NotFoundError, ConflictError) as err:  # it went, or changed: its event will come
            log.debug("schedule.outdated", pod=key, code=err.code)
        except ApiError as err:
            delay_s = self._queue.retry_later(key, _priority(obj))
            log.warning("schedule.retry", pod=key, delay_s=delay_s, code=err.code, error=err.message)
        except Exception as err:  # one odd pod must not keep all others waiting
            delay_s = self._queue.retry_later(key, _priority(obj))
            log.error("schedule.failed", exc=err, pod=key, delay_s=delay_s)
        else:
            self._queue.succeeded(key)

    async def _place(self, key: Key, obj: Object, pod: Pod) -> None:
        reserved = self._reservations.take(key)
        if reserved is not None:
            self._occupancy.release(reserved.facts.uid)
        try:
            volumes = read_volumes(self._cache, obj)
        except Unready as err:
            decision = self._unschedulable[key] = nowhere(self._occupancy, str(err))
            await self._make_room(obj, Wish(self._occupancy, pod), decision, unprotected)
            return
        if reserved is not None and volumes is not None and not volumes.waiting:
            await self._bind(key, obj, pod, reserved.facts, reserved.node)
        else:
            await self._choose(key, obj, Wish(self._occupancy, pod, None, volumes))

    async def _choose(self, key: Key, obj: Object, wish: Wish) -> None:
        pod = wish.pod
        decision = decide(wish)
        protected: Protected = unprotected
        if isinstance(decision, Unschedulable) and may_help(self._occupancy, wish.facts, decision):
            protected = await self._binder.protected()
            # Others may have come or gone meanwhile.
            wish = Wish(self._occupancy, pod, wish.facts, wish.volumes)
            decision = decide(wish)
        if isinstance(decision, Unschedulable):
            self._unschedulable[key] = decision
            await self._make_room(obj, wish, decision, protected)
        elif wish.volumes is not None and wish.volumes.waiting:
            await self._reserve(key, wish, wish.volumes, decision.node)
        else:
            await self._bind(key, obj, pod, wish.facts, decision.node)

    async def _reserve(self, key: Key, wish: Wish, volumes: Volumes, name: NodeName) -> None:
        """Keep the node until the volumes are there: their claims' changes bring the pod back."""
        self._unschedulable.pop(key, None)
        node = self._occupancy.place(name).facts
        assert node is not None, "only nodes that exist are chosen"
        self._occupancy.assign(wish.facts, name)
        try:
            await self._reservations.make(key, wish.facts, volumes, node)
        except Exception:
            self._occupancy.release(wish.facts.uid)
            raise

    async def _bind(self, key: Key, obj: Object, pod: Pod, facts: PodFacts, node: NodeName) -> None:
        self._unschedulable.pop(key, None)
        self._occupancy.assign(facts, node)
        try:
            await self._binder.bind(obj, pod, node)
        except Exception:
            self._occupancy.release(facts.uid)
            raise
        self._occupancy.nominated.pop(facts.uid, None)
        self._retry(OTHERS)

    async def _make_room(
        self, obj: Object, wish: Wish, decision: Unschedulable, protected: Protected
    ) -> None:
        """Push lesser pods out if that helps, and say why the pod waits."""
        pod, facts = wish.pod, wish.facts
        if not decision.obstacles:
            await self._binder.tell_waiting(obj, decision.sentence, None)
            return
        outcome = preempt(self._occupancy, pod, facts, decision, protected, wish.volumes)
        if isinstance(outcome, Nomination):
            self._occupancy.nominated[facts.uid] = (facts, outcome.node)
            await self._binder.tell_waiting(obj, decision.sentence, outcome.node)
            await self._binder.push_out(facts, outcome)
            return
        if not outcome.keeps_nomination:
            self._occupancy.nominated.pop(facts.uid, None)
        nominated = None if outcome.keeps_nomination else ""
        await self._binder.tell_waiting(obj, f"{decision.sentence} {outcome.message}", nominated)

    def _is_ours(self, key: Key, pod: Pod) -> bool:
        return (
            not pod.spec.node_name
            and pod.metadata.deletion_timestamp is None
            and pod.spec.scheduler_name == NAME
            and (not self._occupancy.has(PodUid(pod.metadata.uid)) or self._reservations.has(key))
        )


def _is_news(old: Object | None, new: Object) -> bool:
    return old is None or _uid(old) != _uid(new) or old["spec"] != new["spec"] or _labels(old) != _labels(new)


def _counts_otherwise(old: Object | None, new: Object) -> bool:
    """Tell whether an assigned pod changed in what others count it by."""
    if old is None:
        return False
    ends = (each["metadata"].get("deletionTimestamp") is not None for each in (old, new))
    if len(set(ends)) > 1 or _labels(old) != _labels(new):
        return True
    # Its containers may have been resized; most changes leave the very spec that was.
    return old["spec"] is not new["spec"] and old["spec"]["containers"] != new["spec"]["containers"]


def _priority(obj: Object) -> int:
    return obj["spec"].get("priority") or 0


def _labels(obj: Object) -> dict[str, str]:
    return obj["metadata"].get("labels") or {}


def _uid(obj: Object) -> PodUid:
    return PodUid(obj["metadata"]["uid"])
