"""[IO] Run reconcilers: plan a key, do what the plan says, wait until the cache has seen it.

A plan never reads a cache that is older than the writes of the plan before it, so nothing is
created twice however late the watch is. A key that was planned rests fifty times as long as
that took: a burst of events costs a fiftieth of the time, not a plan for each.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Hashable, Iterable, Sequence
from typing import Any

from netemu.api.client import Client, Object
from netemu.api.errors import (
    AlreadyExistsError,
    ApiError,
    ConflictError,
    NotFoundError,
)
from netemu.api.kinds import Kind
from netemu.clock import Clock
from netemu.controllers.indexes import add_indexes
from netemu.controllers.parts import Pending
from netemu.controllers.reconciler import Reconciler, Trigger
from netemu.controllers.registry import RECONCILERS
from netemu.controllers.writes import (
    Collect,
    Create,
    Delete,
    EmitEvent,
    LookAgain,
    Patch,
    Reference,
    Update,
    Write,
    Writes,
)
from netemu.events import EventType, Recorder
from netemu.informer.cache import Cache, Change, revision_of
from netemu.informer.queue import WorkQueue
from netemu.informer.watch import Handler, Informer
from netemu.logs import Log
from netemu.naming import Revision

log = Log(__name__)

REST_FACTOR = 50.0
MAX_REST_S = 0.25


async def run_controllers(
    client: Client,
    cache: Cache,
    informer: Informer,
    *,
    clock: Clock,
    reconcilers: Sequence[Reconciler] = RECONCILERS,
) -> None:
    """Run all controllers until cancelled.

    ``informer`` feeds ``cache`` and runs beside this; it must follow the kinds that the
    reconcilers are triggered by (``netemu.controllers.registry.FOLLOWED``).
    """
    await informer.wait_synced()
    add_indexes(cache)
    async with asyncio.TaskGroup() as group:
        for reconciler in reconcilers:
            recorder = Recorder(client, clock, reconciler.name)
            controller = Controller(reconciler, client, cache, informer, recorder, clock)
            group.create_task(recorder.run(), name=f"events of {reconciler.name}")
            group.create_task(controller.run(), name=reconciler.name)


class Controller:
    """One reconciler with its queue; one key at a time, never two at once."""

    def __init__(
        self,
        reconciler: Reconciler,
        client: Client,
        cache: Cache,
        informer: Informer,
        recorder: Recorder,
        clock: Clock,
    ) -> None:
        self._reconciler = reconciler
        self._cache = cache
        self._informer = informer
        self._clock = clock
        self._queue: WorkQueue[Any] = WorkQueue()
        self._pending = Pending()
        self._writer = Writer(client, recorder)

    async def run(self) -> None:
        """Reconcile keys until cancelled."""
        for kind, trigger in self._reconciler.triggers.items():
            self._informer.on_change(kind, self._handler(trigger))
        try:
            while True:
                key = await self._queue.get()
                started_s = time.perf_counter()
                await self._reconcile(key)
                spent_s = time.perf_counter() - started_s
                await self._see(self._writer.take_written())
                self._queue.done_later(key, min(REST_FACTOR * spent_s, MAX_REST_S))
        finally:
            self._queue.close()

    def _handler(self, trigger: Trigger) -> Handler:
        def handle(change: Change) -> None:
            for key in self._keys(trigger, change):
                self._add(self._pending.add(key))

        return handle

    def _add(self, key: Hashable) -> None:
        if self._reconciler.batch_s:
            self._queue.add_later(key, self._reconciler.batch_s)
        else:
            self._queue.add(key)

    def _keys(self, trigger: Trigger, change: Change) -> Iterable[Hashable]:
        try:
            return trigger(self._cache, change)
        except Exception as err:  # one odd object must not end the informer that all share
            log.error("trigger.failed", exc=err, controller=self._reconciler.name, key=change.key)
            return ()

    async def _reconcile(self, key: Hashable) -> None:
        name = self._reconciler.name
        try:
            planned = self._pending.take(key)
            writes = self._reconciler.plan(self._cache, planned, self._clock())
            await self._writer.apply(writes)
        except (ConflictError, AlreadyExistsError, NotFoundError) as err:
            delay_s = self._retry(key)
            log.debug("reconcile.outdated", controller=name, key=key, delay_s=delay_s, code=err.code)
        except ApiError as err:
            if _is_ending_namespace(err):
                self._pending.add(key)  # not queued: whatever else ends there is a change, and brings it back
                self._queue.forget(key)
                log.debug("reconcile.ending", controller=name, key=key, code=err.code)
                return
            delay_s = self._retry(key)
            await self._report(key, err)
            log.warning(
                "reconcile.retry", controller=name, key=key, delay_s=delay_s, code=err.code, error=err.message
            )
        except Exception as err:  # a planner that fails on one object must go on serving the others
            delay_s = self._retry(key)
            log.error("reconcile.failed", exc=err, controller=name, key=key, delay_s=delay_s)
        else:
            self._queue.forget(key)
            self._look_again(key, writes)
            log.debug("reconcile.done", controller=name, key=key, writes=len(writes))

    def _retry(self, key: Hashable) -> float:
        """Plan a key again later: all of it, for nobody knows how far it came."""
        self._pending.add(key)
        return self._queue.retry_later(key)

    async def _report(self, key: Hashable, problem: ApiError) -> None:
        """Let the plan for failures tell of what the API refused."""
        plan_failure = self._reconciler.plan_failure
        if plan_failure is None:
            return
        try:
            await self._writer.apply(plan_failure(self._cache, key, self._clock(), problem))
        except ApiError as err:
            log.debug("reconcile.unreported", controller=self._reconciler.name, key=key, code=err.code)

    def _look_again(self, key: Hashable, writes: Writes) -> None:
        for write in writes:
            if isinstance(write, LookAgain):
                self._pending.add(key)
                self._queue.add_later(key, write.delay_s)

    async def _see(self, written: dict[Kind, Revision]) -> None:
        for kind, revision in written.items():
            await self._informer.wait_for(kind, revision)


class Writer:
    """Does what plans say, through a client, and remembers the newest revision of each kind."""

    def __init__(self, client: Client, recorder: Recorder) -> None:
        self._client = client
        self._recorder = recorder
        self._written: dict[Kind, Revision] = {}

    def take_written(self) -> dict[Kind, Revision]:
        """Give, and forget, up to which revision of each kind the cache must come."""
        written, self._written = self._written, {}
        return written

    async def apply(self, writes: Writes) -> None:
        """Do all writes, in order; between two of them others run, who may start on the first.

        Raises:
            ApiError: one failed; those before it are done, those after it are not.

        """
        for write in writes:
            await self._do(write)
            await asyncio.sleep(0)

    async def _do(self, write: Write) -> None:
        match write:
            case Create():
                await self._create(write)
            case Update(kind, obj, subresource):
                self._note(kind, await self._client.update(kind, obj, subresource=subresource))
            case Patch(kind, key, patch, subresource):
                patched = await self._client.patch(
                    kind, key.namespace, key.name, patch, subresource=subresource
                )
                self._note(kind, patched)
            case Delete():
                await self._remove(write)
            case Collect():
                if not await self._any_exists(write.owners):
                    await self._delete(write, grace_period_s=0 if write.at_once else None)
            case EmitEvent(regarding, type, reason, message):
                self._recorder.emit(regarding, type, reason, message)
            case LookAgain():
                pass

    async def _create(self, write: Create) -> None:
        try:
            created = await self._client.create(write.kind, write.obj)
        except (ConflictError, AlreadyExistsError, NotFoundError):
            raise
        except ApiError as err:
            if not _is_ending_namespace(err):
                name = write.obj["metadata"].get("name", "")
                text = write.words.not_created.format(name=name, error=err.message)
                self._tell(write.told_on, "Warning", "FailedCreate", text)
            raise
        self._note(write.kind, created)
        text = write.words.created.format(name=created["metadata"]["name"])
        self._tell(write.told_on, "Normal", "SuccessfulCreate", text)

    async def _remove(self, write: Delete) -> None:
        name = write.key.name
        try:
            if not await self._delete(write):
                return
        except ApiError as err:
            text = write.words.not_deleted.format(name=name, error=err.message)
            self._tell(write.told_on, "Warning", "FailedDelete", text)
            raise
        self._tell(write.told_on, "Normal", "SuccessfulDelete", write.words.deleted.format(name=name))

    def _tell(self, told_on: Object | None, type: EventType, reason: str, message: str) -> None:
        if told_on is not None:
            self._recorder.emit(told_on, type, reason, message)

    async def _delete(self, write: Delete | Collect, *, grace_period_s: int | None = None) -> bool:
        """Delete; ``False`` if that very object is gone already."""
        try:
            deleted = await self._client.delete(
                write.kind, write.key.namespace, write.key.name, uid=write.uid, grace_period_s=grace_period_s
            )
        except (NotFoundError, ConflictError):
            return False
        self._note(write.kind, deleted)
        return True

    async def _any_exists(self, owners: Iterable[Reference]) -> bool:
        for owner in owners:
            try:
                found = await self._client.get(owner.kind, owner.key.namespace, owner.key.name)
            except NotFoundError:
                continue
            if owner.uid in ("", found["metadata"]["uid"]):
                return True
        return False

    def _note(self, kind: Kind, obj: Object) -> None:
        self._written[kind] = max(revision_of(obj), self._written.get(kind, Revision(0)))


def _is_ending_namespace(problem: ApiError) -> bool:
    """Tell whether the namespace is being deleted: its controllers' failures are nobody's concern."""
    return any(cause.reason == "NamespaceTerminating" for cause in problem.causes)
