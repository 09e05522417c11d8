"""[IO] The recorder: takes events at once, writes them when there is time."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from netemu.api.client import Client, Object
from netemu.api.errors import AlreadyExistsError, ApiError, NotFoundError
from netemu.api.kinds import EVENT
from netemu.clock import Clock
from netemu.events.event import (
    EventType,
    Occurrence,
    Same,
    Source,
    SpamFilter,
    event_name,
    event_namespace,
    new_event,
    repeat_patch,
    same_as,
)
from netemu.logs import Log

log = Log(__name__)

REMEMBERED = 1024


class Recorder:
    """Tells about objects in the name of one component.

    ``emit`` never waits and never fails; ``run`` must be running beside it (in the caller's
    task group) and writes. The same event again, before or after it was written, is counted and
    not stored twice. An event that cannot be written is logged.
    """

    def __init__(self, client: Client, clock: Clock, component: str, host: str = "") -> None:
        self._client = client
        self._clock = clock
        self._source = Source(component, host)
        self._pending: dict[Same, tuple[Object, int, float]] = {}
        self._written: dict[Same, Occurrence] = {}
        self._filter = SpamFilter()
        self._wake = asyncio.Event()

    def emit(
        self, regarding: Object, type: EventType, reason: str, message: str, *, field_path: str = ""
    ) -> None:
        """Note that something happened to ``regarding``, a whole object with apiVersion and kind.

        ``field_path`` names a part of it: ``spec.containers{web}``.
        """
        same = same_as(regarding, type, reason, message, field_path)
        now_s = self._clock()
        if not self._filter.lets_through(same.uid or f"{same.kind}/{same.namespace}/{same.name}", now_s):
            log.debug("event.dropped", object=same.name, reason=reason, message=message)
            return
        _, count, first_s = self._pending.get(same, (regarding, 0, now_s))
        self._pending[same] = (regarding, count + 1, first_s)
        self._wake.set()

    async def run(self) -> None:
        """Write events until cancelled; what is left then is logged."""
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                await self.flush()
        finally:
            for same, (_, count, _) in self._pending.items():
                log.info("event.unsent", object=same.name, reason=same.reason, count=count)

    async def flush(self) -> None:
        """Write what is noted."""
        while self._pending:
            await self._write_next()
            await asyncio.sleep(0)  # what happens goes before telling it

    async def _write_next(self) -> None:
        same = next(iter(self._pending))
        regarding, count, first_s = self._pending.pop(same)
        try:
            self._remember(same, await self._write(regarding, same, count, first_s))
        except ApiError as err:
            log.warning(
                "event.failed", object=same.name, reason=same.reason, message=same.message, code=err.code
            )
        except Exception as err:  # telling what happens must never end what happens
            log.error("event.failed", exc=err, object=same.name, reason=same.reason, message=same.message)

    async def _write(self, regarding: Object, same: Same, count: int, first_s: float) -> Occurrence:
        known = self._written.get(same)
        if known is not None:
            try:
                return await self._repeat(same, known, count)
            except NotFoundError:
                pass  # it expired or its namespace was emptied: tell it as a new one
        now_s = self._clock()
        event = new_event(regarding, same, self._source, count=count, first_s=first_s, now_s=now_s)
        try:
            await self._client.create(EVENT, event)
        except AlreadyExistsError:  # written before this process started
            return await self._repeat(same, await self._stored(same, first_s), count)
        return Occurrence(event["metadata"]["name"], count, first_s)

    async def _repeat(self, same: Same, known: Occurrence, more: int) -> Occurrence:
        count = known.count + more
        await self._client.patch(EVENT, event_namespace(same), known.name, repeat_patch(count, self._clock()))
        return replace(known, count=count)

    async def _stored(self, same: Same, first_s: float) -> Occurrence:
        name = event_name(same, self._source)
        event = await self._client.get(EVENT, event_namespace(same), name)
        return Occurrence(name, int(event.get("count", 1)), first_s)

    def _remember(self, same: Same, occurrence: Occurrence) -> None:
        self._written.pop(same, None)
        self._written[same] = occurrence
        if len(self._written) > REMEMBERED:
            self._written.pop(next(iter(self._written)))
