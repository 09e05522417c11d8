"""[IO] Watches over HTTP: one JSON line for each event, as it happens."""

from __future__ import annotations

import asyncio
import random
from collections import Counter, OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from aiohttp import web
from msgspec import Struct

from netemu.api.client import Object, WatchEvent
from netemu.api.errors import ApiError, ExpiredError
from netemu.api.kinds import Kind
from netemu.api.status import status_of
from netemu.apiserver import forms
from netemu.apiserver.answers import warn
from netemu.apiserver.encodings import STREAM_TYPES, encode_event
from netemu.apiserver.forms import Form
from netemu.apiserver.hooks.conversion import converts
from netemu.apiserver.listoptions import WatchOptions, not_yet
from netemu.apiserver.onewaysocket import wants_socket
from netemu.apiserver.registry import Registry
from netemu.apiserver.selection import EVERYTHING, Selection, watch_event
from netemu.apiserver.versions import Version
from netemu.apiserver.watchsocket import WatchSocket
from netemu.clock import Clock
from netemu.naming import Revision
from netemu.store.store import Event
from netemu.store.watch import Watch

BOOKMARK_EVERY_S = 60.0
LAST_BOOKMARK_S = 2.0
"""How long before its end a watch says where to go on."""
DEFAULT_TIMEOUT_S = (1800, 3600)
"""Watches end after a random time, so that they do not all come back at once."""
PIECE_BYTES = 32 << 10
"""How much is encoded ahead of a client that does not read."""
INITIAL_EVENTS_END = "k8s.io/initial-events-end"
CROWD = 20
BATCHES = 16
MAX_BATCH = 32
REST_EACH_S = 0.0002
"""Where a crowd watches, each takes what came in between at once: waking costs more than an event."""
MAX_REST_S = 0.25


class WatchRequest(Struct, frozen=True, kw_only=True):
    """What a client wants to follow, and how it wants to see it."""

    version: Version
    namespace: str
    selection: Selection
    options: WatchOptions
    form: Form
    clock: Clock
    warnings: Sequence[str] = ()

    @property
    def kind(self) -> Kind:
        """The kind that is stored."""
        return self.version.stored


class EventLines:
    """Encodes events, each only once for all who watch it, and counts who does."""

    def __init__(self, kept: int = 512) -> None:
        self._kept = kept
        self._lines: OrderedDict[tuple[Version, str, str], bytes] = OrderedDict()
        self._batches: OrderedDict[tuple[Version, str, Revision, Revision], bytes] = OrderedDict()
        self._watchers: Counter[Kind] = Counter()

    def line(self, version: Version, event: WatchEvent) -> bytes:
        """Give an event as a line of JSON."""
        key = (version, event.type, event.object["metadata"]["resourceVersion"])
        line = self._lines.get(key)
        if line is None:
            line = self._lines[key] = encode_event(event.type, version.serve(event.object), "json")
            if len(self._lines) > self._kept:
                self._lines.popitem(last=False)
        return line

    def batch(self, version: Version, namespace: str, events: list[Event]) -> bytes:
        """Give the lines of all events that follow each other in one namespace (or all, if empty).

        Of a crowd, many take the same ones: the last answers are kept.
        """
        key = (version, namespace, events[0].revision, events[-1].revision)
        data = self._batches.get(key)
        if data is None:
            seen = (watch_event(EVERYTHING, event) for event in events)
            data = b"".join([self.line(version, event) for event in seen if event is not None])
            self._batches[key] = data
            if len(self._batches) > BATCHES:
                self._batches.popitem(last=False)
        return data

    @contextmanager
    def watching(self, kind: Kind, count: int = 1) -> Iterator[None]:
        """Count a watcher, or several, while the block runs."""
        self._watchers[kind] += count
        try:
            yield
        finally:
            self._watchers[kind] -= count

    def rest_s(self, kind: Kind) -> float:
        """Say how long a watcher lets events gather before it takes them."""
        watchers = self._watchers[kind]
        return min(watchers * REST_EACH_S, MAX_REST_S) if watchers > CROWD else 0.0


async def stream_watch(
    request: web.BaseRequest, registry: Registry, wanted: WatchRequest, lines: EventLines
) -> web.StreamResponse:
    """Answer a watch until its time is over, the client goes, or the server stops.

    Raises:
        TimedOutError: it is to begin at a revision that does not exist yet.

    """
    options = wanted.options
    if options.initial_events and options.revision and options.revision > registry.revision:
        raise not_yet(options.revision, registry.revision)
    answer = _begun(request, wanted)
    warn(answer, wanted.warnings)
    await answer.prepare(request)
    if request.transport is not None:
        request.transport.set_write_buffer_limits(high=PIECE_BYTES)
    timeout_s = options.timeout_s or random.randint(*DEFAULT_TIMEOUT_S)
    stream = _Stream(answer, wanted, lines, asyncio.get_running_loop().time() + timeout_s)
    try:
        with lines.watching(wanted.kind):
            following = _follow(stream, registry, wanted, lines)
            await (answer.until_closed(following) if isinstance(answer, WatchSocket) else following)
        await answer.write_eof()
    except ExpiredError as err:
        await stream.write(encode_event("ERROR", status_of(err), wanted.form.encoding))
        await answer.write_eof()
    except ApiError:
        await answer.write_eof()  # the store was closed: the client finds the watch ended
    return answer


def _begun(request: web.BaseRequest, wanted: WatchRequest) -> web.StreamResponse:
    if wants_socket(request) and wanted.form.encoding != "protobuf":
        return WatchSocket()
    content_type = STREAM_TYPES[wanted.form.encoding]
    return web.StreamResponse(headers={"Content-Type": content_type, "Cache-Control": "no-cache, private"})


async def _follow(stream: _Stream, registry: Registry, wanted: WatchRequest, lines: EventLines) -> None:
    revision = await _begin(stream, registry, wanted)
    watch = registry.watch(wanted.kind, wanted.namespace, revision=min(revision, registry.revision))
    try:
        while not stream.is_over():
            events = await _take(watch, stream.wait_s())
            taken_up_to = registry.revision  # sending waits, and more may be written meanwhile
            await stream.take(
                await _converted(registry, wanted, [e for e in events if e.revision > revision])
            )
            if stream.is_bookmark_due():
                await stream.bookmark(taken_up_to)
            rest_s = lines.rest_s(wanted.kind)
            if events and rest_s:
                await asyncio.sleep(rest_s)
    finally:
        watch.close()


async def _converted(registry: Registry, wanted: WatchRequest, events: list[Event]) -> list[Event]:
    """Give events of objects in the version that is watched, where a webhook must convert them."""
    kind = wanted.version.served
    if not events or not converts(kind):
        return events
    values = await registry.converter.converted(kind, [event.value for event in events])
    return [event._replace(value=value) for event, value in zip(events, values, strict=True)]


async def _begin(stream: _Stream, registry: Registry, wanted: WatchRequest) -> Revision:
    """Send what there is, if that is wanted; give the revision after which changes are sent."""
    options = wanted.options
    shows_state = options.initial_events if options.initial_events is not None else options.revision is None
    if not shows_state:
        return options.revision if options.revision is not None else registry.revision
    listing = registry.list(wanted.kind, wanted.namespace, wanted.selection)
    items = listing.items
    if converts(wanted.version.served):
        items = await registry.converter.converted(wanted.version.served, items)
    await stream.send(WatchEvent("ADDED", obj) for obj in items)
    if options.initial_events and options.bookmarks:
        await stream.bookmark(listing.revision, {INITIAL_EVENTS_END: "true"})
    return listing.revision


class _Stream:
    """Sends events to one client, in its form, and knows when bookmarks and the end are due."""

    def __init__(
        self, answer: web.StreamResponse, wanted: WatchRequest, lines: EventLines, end_s: float
    ) -> None:
        self._answer = answer
        self._wanted = wanted
        self._lines = lines
        self._is_first = True
        self._time = asyncio.get_running_loop().time
        self._end_s = end_s
        self._bookmark_s = self._next_bookmark_s() if wanted.options.bookmarks else end_s

    async def take(self, events: list[Event]) -> None:
        """Send what writes mean to this client; see ``send``."""
        wanted = self._wanted
        if not events:
            return
        if wanted.selection is EVERYTHING and wanted.form.is_plain and len(events) <= MAX_BATCH:
            data = self._lines.batch(wanted.version, wanted.namespace, events)
            if len(data) <= PIECE_BYTES:
                await self.write(data)
                return
        seen = (watch_event(self._wanted.selection, event) for event in events)
        await self.send(event for event in seen if event is not None)

    async def send(self, events: Iterable[WatchEvent]) -> None:
        """Send events, some at once; wait while the client is slow.

        What waits for a client is bounded by a piece: events that are not sent are not encoded. Who
        takes nothing is cut off (``limits.unread_s``).
        """
        piece: list[bytes] = []
        size_bytes = 0
        for event in events:
            line = self._line(event)
            piece.append(line)
            size_bytes += len(line)
            if size_bytes >= PIECE_BYTES:
                await self.write(piece[0] if len(piece) == 1 else b"".join(piece))
                piece, size_bytes = [], 0
        if piece:
            await self.write(piece[0] if len(piece) == 1 else b"".join(piece))

    async def bookmark(self, revision: Revision, annotations: dict[str, str] | None = None) -> None:
        """Say up to which revision all was sent."""
        meta: Object = {"resourceVersion": str(revision), "creationTimestamp": None}
        if annotations:
            meta["annotations"] = annotations
        rendered = forms.render_bookmark(self._wanted.version.served, meta, self._wanted.form)
        self._bookmark_s = self._next_bookmark_s()
        await self.write(encode_event("BOOKMARK", rendered, self._wanted.form.encoding))

    async def write(self, data: bytes) -> None:
        """Send bytes; see ``send``."""
        for start in range(0, len(data), PIECE_BYTES):
            await self._answer.write(data[start : start + PIECE_BYTES])

    def wait_s(self) -> float:
        """Say how long to wait for events: until a bookmark is due, or the end comes."""
        return min(self._end_s, self._bookmark_s) - self._time()

    def is_over(self) -> bool:
        """Tell whether the time of the watch is over."""
        return self._time() >= self._end_s

    def is_bookmark_due(self) -> bool:
        """Tell whether it is time for a bookmark."""
        return self._wanted.options.bookmarks and self._time() >= self._bookmark_s < self._end_s

    def _next_bookmark_s(self) -> float:
        now_s = self._time()
        last_s = self._end_s - LAST_BOOKMARK_S
        return min(now_s + BOOKMARK_EVERY_S, last_s) if last_s > now_s else self._end_s

    def _line(self, event: WatchEvent) -> bytes:
        version, form = self._wanted.version, self._wanted.form
        if form.is_plain:
            return self._lines.line(version, event)
        obj, first = version.serve(event.object), self._is_first
        self._is_first = False
        rendered = forms.render_event(version.served, obj, form, self._wanted.clock(), is_first=first)
        return encode_event(event.type, rendered, form.encoding)


async def _take(watch: Watch[Event], within_s: float) -> list[Event]:
    """Wait for events, and take all there are: none when none came in time."""
    taken = asyncio.timeout(within_s)
    try:
        async with taken:
            return await watch.take()
    except TimeoutError:
        if taken.expired():
            return watch.take_now()
        raise
