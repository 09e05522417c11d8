"""[IO] Keep a cache up to date from a ``Client``: list, then watch, and again after a break."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from netemu.api.client import Client, ObjectList, WatchEvent
from netemu.api.errors import ApiError, ExpiredError
from netemu.api.kinds import Kind
from netemu.informer.cache import Cache, Change, key_of, revision_of
from netemu.logs import Log
from netemu.naming import Revision

log = Log(__name__)

Handler = Callable[[Change], None]

RETRY_DELAY_S = 0.2
# So many objects of a list are taken before the event loop may do something else: some 10 ms.
_AT_ONCE = 500


class Informer:
    """Feeds one cache with some kinds and tells handlers what changed.

    Handlers run in the event loop, in the order of the events, after the cache has the change;
    they must only note what to look at (a queue's ``add``), never await or do work.
    """

    def __init__(
        self,
        client: Client,
        cache: Cache,
        kinds: Sequence[Kind],
        *,
        retry_delay_s: float = RETRY_DELAY_S,
    ) -> None:
        self._client = client
        self._cache = cache
        self._kinds = tuple(kinds)
        self._retry_delay_s = retry_delay_s
        self._handlers: dict[Kind, list[Handler]] = {kind: [] for kind in kinds}
        self._waiting: dict[Kind, list[tuple[Revision, asyncio.Future[None]]]] = {kind: [] for kind in kinds}
        self._unsynced = set(kinds)
        self._synced = asyncio.Event()

    def follows(self, kind: Kind) -> bool:
        """Tell whether changes of ``kind`` come here."""
        return kind in self._handlers

    def on_change(self, kind: Kind, handler: Handler) -> None:
        """Call ``handler`` for each change of ``kind`` from now on, and for what is there already.

        Raises:
            KeyError: this informer does not follow ``kind``.

        """
        self._handlers[kind].append(handler)
        for obj in self._cache.list(kind):
            _call(handler, Change(kind, key_of(obj), None, obj))

    async def wait_synced(self) -> None:
        """Return when every kind has been listed once."""
        await self._synced.wait()

    async def wait_for(self, kind: Kind, revision: Revision) -> None:
        """Return when the cache is at least as new as a write of ``revision`` to ``kind``.

        Whoever decides from the cache what to create waits for its own writes with this, or it
        would create twice. Returns at once for a kind that is not followed.
        """
        if kind in self._handlers and self._cache.revision(kind) < revision:
            seen: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting[kind].append((revision, seen))
            await seen

    async def run(self) -> None:
        """Follow all kinds until cancelled."""
        async with asyncio.TaskGroup() as group:
            for kind in self._kinds:
                group.create_task(self._follow(kind), name=f"informer {kind.key}")

    async def _follow(self, kind: Kind) -> None:
        while True:
            try:
                await self._replace(kind, await self._client.list(kind))
                await self._watch(kind)
            except ExpiredError:
                log.debug("informer.expired", kind=kind.key)
            except ApiError as err:
                log.warning("informer.interrupted", kind=kind.key, code=err.code, error=err.message)
                await asyncio.sleep(self._retry_delay_s)

    async def _watch(self, kind: Kind) -> None:
        while True:
            async for event in self._client.watch(kind, revision=self._cache.revision(kind)):
                self._take(kind, event)
            # The server closed the watch without an error: go on where it ended.
            await asyncio.sleep(self._retry_delay_s)

    async def _replace(self, kind: Kind, listing: ObjectList) -> None:
        """Make the cache what a list says, with pauses: nobody else writes this kind to it meanwhile."""
        known = self._cache.keys(kind)
        present = {key_of(obj) for obj in listing.items} if known else ()
        for key in known:
            if key not in present:
                self._tell(self._cache.apply(kind, None, key=key))
        for number, obj in enumerate(listing.items, start=1):
            if number % _AT_ONCE == 0:
                await asyncio.sleep(0)
            old = self._cache.get(kind, key_of(obj))
            if old is None or revision_of(old) != revision_of(obj):
                self._tell(self._cache.apply(kind, obj))
        self._advance(kind, listing.revision)
        self._unsynced.discard(kind)
        if not self._unsynced:
            self._synced.set()

    def _take(self, kind: Kind, event: WatchEvent) -> None:
        """Apply one event, unless it tells of something older than what is known (a replay)."""
        revision = revision_of(event.object)
        if event.type == "BOOKMARK":
            self._advance(kind, revision)
            return
        key = key_of(event.object)
        known = self._cache.get(kind, key)
        known_revision = revision_of(known) if known is not None else -1
        if event.type == "DELETED":
            if known_revision <= revision:
                self._tell(self._cache.apply(kind, None, key=key))
        elif revision >= self._cache.revision(kind) and revision != known_revision:
            self._tell(self._cache.apply(kind, event.object))
        self._advance(kind, max(revision, self._cache.revision(kind)))

    def _advance(self, kind: Kind, revision: Revision) -> None:
        self._cache.set_revision(kind, revision)
        if self._waiting[kind]:
            waiting, self._waiting[kind] = self._waiting[kind], []
            for wanted, seen in waiting:
                if wanted > revision:
                    self._waiting[kind].append((wanted, seen))
                elif not seen.done():
                    seen.set_result(None)

    def _tell(self, change: Change | None) -> None:
        if change is not None:
            for handler in self._handlers[change.kind]:
                _call(handler, change)


def _call(handler: Handler, change: Change) -> None:
    try:
        handler(change)
    except Exception as err:  # one odd object must not end what all share
        log.error("informer.unheard", exc=err, kind=change.kind.key, key=change.key)
