"""[IO] Keep a cache up to date from a ``Client``: list, then watch, and again after a break."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from netemu.api.client import Client
from netemu.api.errors import ApiError, ExpiredError
from netemu.api.kinds import Kind
from netemu.informer.cache import Cache, Change, key_of
from netemu.logs import Log

log = Log(__name__)

Handler = Callable[[Change], None]

RETRY_DELAY_S = 0.2


class Informer:
    """Feeds one cache with some kinds and tells handlers what changed.

    Handlers run in the event loop, in the order of the events, after the cache has the change;
    they must only note what to look at (a queue's ``add``), never await or do work.
    """

    def __init__(self, client: Client, cache: Cache, kinds: Sequence[Kind]) -> None:
        self._client = client
        self._cache = cache
        self._kinds = tuple(kinds)
        self._handlers: dict[Kind, list[Handler]] = {kind: [] for kind in kinds}
        self._unsynced = set(kinds)
        self._synced = asyncio.Event()

    def on_change(self, kind: Kind, handler: Handler) -> None:
        """Call ``handler`` for each change of ``kind`` from now on, and for what is there already.

        Raises:
            KeyError: this informer does not follow ``kind``.

        """
        self._handlers[kind].append(handler)
        for obj in self._cache.list(kind):
            handler(Change(kind, key_of(obj), None, obj))

    async def wait_synced(self) -> None:
        """Return when every kind has been listed once."""
        await self._synced.wait()

    async def run(self) -> None:
        """Follow all kinds until cancelled."""
        async with asyncio.TaskGroup() as group:
            for kind in self._kinds:
                group.create_task(self._follow(kind), name=f"informer {kind.key}")

    async def _follow(self, kind: Kind) -> None:
        while True:
            try:
                await self._list_and_watch(kind)
            except ExpiredError:
                log.debug("informer.expired", kind=kind.key)
            except ApiError as err:
                log.warning("informer.interrupted", kind=kind.key, code=err.code, error=err.message)
                await asyncio.sleep(RETRY_DELAY_S)

    async def _list_and_watch(self, kind: Kind) -> None:
        listing = await self._client.list(kind)
        present = {key_of(obj) for obj in listing.items}
        for key in self._cache.keys(kind):
            if key not in present:
                self._tell(self._cache.apply(kind, None, key=key))
        for obj in listing.items:
            old = self._cache.get(kind, key_of(obj))
            if old is None or _revision(old) != _revision(obj):
                self._tell(self._cache.apply(kind, obj))
        self._unsynced.discard(kind)
        if not self._unsynced:
            self._synced.set()
        async for event in self._client.watch(kind, revision=listing.revision):
            if event.type == "DELETED":
                self._tell(self._cache.apply(kind, None, key=key_of(event.object)))
            elif event.type != "BOOKMARK":
                self._tell(self._cache.apply(kind, event.object))

    def _tell(self, change: Change | None) -> None:
        if change is not None:
            for handler in self._handlers[change.kind]:
                handler(change)


def _revision(obj: dict[str, dict[str, str]]) -> str:
    return obj["metadata"]["resourceVersion"]
