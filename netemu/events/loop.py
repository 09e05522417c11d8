"""[IO] The recorder: takes events at once, writes them when there is time."""

from __future__ import annotations

import asyncio
from typing import NamedTuple

from msgspec.structs import replace

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

AT_ONCE = 16
"""How many events are written between two looks at whether there is time."""

MOST_DELAY_S = 1.0
MOST_WAITING = 1000
LOOK_S = 0.005
LATE_S = 0.005


class Noted(NamedTuple):
    """An event that is not written yet: the object, how often it happened, since and until when."""

    regarding: Object
    times: int
    first_s: float
    last_s: float


class Recorder:
    """Tells about objects in the name of one component.

    ``emit`` never waits and never fails; ``run`` must be running beside it (in the caller's
    task group) and writes. The same event again, before or after it was written, is counted and
    not stored twice; a recorder that starts anew begins to count anew, as in Kubernetes. An event
    that cannot be written is logged. While there is much to do, events wait: a pod's are a fifth of
    what its start costs, and nobody waits for them.
    """

    def __init__(self, client: Client, clock: Clock, component: str, host: str = "") -> None:
        self._client = client
        self._clock = clock
        self._source = Source(component, host)
        self._pending: dict[Same, Noted] = {}
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
        before = self._pending.get(same)
        count, first_s = (before.times, before.first_s) if before is not None else (0, now_s)
        self._pending[same] = Noted(regarding, count + 1, first_s, now_s)
        self._wake.set()

    async def run(self) -> None:
        """Write events until cancelled; what is left then is logged."""
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                while self._pending:
                    if len(self._pending) < MOST_WAITING:
                        await _calm(MOST_DELAY_S)
                    await self._write_some(AT_ONCE)
        finally:
            for same, noted in self._pending.items():
                log.info("event.unsent", object=same.name, reason=same.reason, count=noted.times)

    async def flush(self) -> None:
        """Write what is noted."""
        while self._pending:
            await self._write_some(AT_ONCE)

    async def _write_some(self, count: int) -> None:
        for _ in range(min(count, len(self._pending))):
            await self._write_next()
            await asyncio.sleep(0)  # what happens goes before telling it

    async def _write_next(self) -> None:
        same = next(iter(self._pending))
        noted = self._pending.pop(same)
        try:
            self._remember(same, await self._write(same, noted))
        except ApiError as err:
            log.warning(
                "event.failed", object=same.name, reason=same.reason, message=same.message, code=err.code
            )
        except Exception as err:  # telling what happens must never end what happens
            log.error("event.failed", exc=err, object=same.name, reason=same.reason, message=same.message)

    async def _write(self, same: Same, noted: Noted) -> Occurrence:
        known = self._written.get(same)
        if known is not None:
            try:
                return await self._repeat(same, known, noted)
            except NotFoundError:
                pass  # it expired or its namespace was emptied: tell it as a new one
        return Occurrence(await self._create(same, noted), noted.times)

    async def _create(self, same: Same, noted: Noted) -> str:
        """Store an event under the first name from its time on that is free, and give the name."""
        at_ns = round(noted.first_s * 1e9)
        while True:
            name = event_name(same, at_ns)
            event = new_event(
                noted.regarding,
                same,
                self._source,
                name=name,
                count=noted.times,
                first_s=noted.first_s,
                last_s=noted.last_s,
            )
            try:
                await self._client.create(EVENT, event)
            except AlreadyExistsError:
                at_ns += 1
            else:
                return name

    async def _repeat(self, same: Same, known: Occurrence, noted: Noted) -> Occurrence:
        count = known.count + noted.times
        await self._client.patch(EVENT, event_namespace(same), known.name, repeat_patch(count, noted.last_s))
        return replace(known, count=count)

    def _remember(self, same: Same, occurrence: Occurrence) -> None:
        self._written.pop(same, None)
        self._written[same] = occurrence
        if len(self._written) > REMEMBERED:
            self._written.pop(next(iter(self._written)))


async def _calm(within_s: float) -> None:
    """Return when the loop comes in time to what is due, but within a given time anyway."""
    loop = asyncio.get_running_loop()
    end_s = loop.time() + within_s
    while (now_s := loop.time()) < end_s:
        await asyncio.sleep(LOOK_S)
        if loop.time() - now_s < LOOK_S + LATE_S:
            return
