"""[IO] Delete events that nothing has repeated for an hour, as Kubernetes does (--event-ttl)."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from contextlib import suppress

from netemu.api.client import Client, Object
from netemu.api.errors import ApiError, ExpiredError, NotFoundError
from netemu.api.kinds import EVENT
from netemu.clock import Clock
from netemu.logs import Log

log = Log(__name__)

KEEP_S = 3600.0
LOOK_EVERY_S = 60.0
# Kubernetes has no such bound, but keeps its events on disk: here 5,000 are some 10 MB of memory, and
# tell of the last thousand pods.
KEEP_MOST = 5_000

Name = tuple[str, str]


class Expiry:
    """The events there are, in the order in which they expire: a look costs what it deletes.

    Of more than ``keep_most`` the oldest go first, at once.
    """

    def __init__(
        self, client: Client, clock: Clock, *, keep_s: float = KEEP_S, keep_most: int = KEEP_MOST
    ) -> None:
        self._client = client
        self._clock = clock
        self._keep_s = keep_s
        self._keep_most = keep_most
        self._due: OrderedDict[Name, float] = OrderedDict()
        self._is_crowded = asyncio.Event()

    async def run(self, *, look_every_s: float = LOOK_EVERY_S) -> None:
        """Delete what expires, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow())
            while True:
                with suppress(TimeoutError):
                    # Not wait_for: before Python 3.12 it can lose a cancellation.
                    async with asyncio.timeout(look_every_s):
                        await self._is_crowded.wait()
                self._is_crowded.clear()
                await self.delete_expired()

    async def delete_expired(self) -> None:
        """Delete everything whose time has come, and the oldest of too many."""
        now_s = self._clock()
        while self._due:
            (namespace, name), due_s = next(iter(self._due.items()))
            if due_s > now_s and len(self._due) <= self._keep_most:
                return
            del self._due[namespace, name]
            try:
                await self._client.delete(EVENT, namespace, name)
            except NotFoundError:
                continue  # its namespace went first
            except ApiError as err:  # a webhook may refuse it: try again when it is due again
                log.warning("event.kept", name=name, namespace=namespace, code=err.code, error=err.message)
                self._due[namespace, name] = now_s + self._keep_s
                return

    async def _follow(self) -> None:
        while True:
            listing = await self._client.list(EVENT)
            for obj in listing.items:
                self._note(obj)
            try:
                async for event in self._client.watch(EVENT, revision=listing.revision):
                    if event.type == "DELETED":
                        self._due.pop(_name(event.object), None)
                    else:
                        self._note(event.object)
            except ExpiredError:
                continue

    def _note(self, obj: Object) -> None:
        self._due[_name(obj)] = self._clock() + self._keep_s
        self._due.move_to_end(_name(obj))
        if len(self._due) > self._keep_most:
            self._is_crowded.set()


def _name(obj: Object) -> Name:
    return obj["metadata"].get("namespace", ""), obj["metadata"]["name"]
