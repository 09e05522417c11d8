"""[IO] Watches over HTTP: one JSON line for each event, as it happens."""

from __future__ import annotations

import asyncio
import random
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from aiohttp import web

from netemu.api.client import EventType, Object, WatchEvent
from netemu.api.errors import ApiError, ExpiredError
from netemu.api.kinds import Kind
from netemu.api.status import status_of
from netemu.apiserver.answers import JSON, encode_json
from netemu.apiserver.registry import Registry
from netemu.apiserver.selection import Selection, watch_event
from netemu.naming import Revision
from netemu.store.store import Event
from netemu.store.watch import Watch

BOOKMARK_EVERY_S = 60.0
DEFAULT_TIMEOUT_S = (1800, 3600)
"""Watches end after a random time, so that they do not all come back at once."""
INITIAL_EVENTS_END = "k8s.io/initial-events-end"

Render = Callable[[Object, bool], Object]
"""How an object looks to this client; the flag is true for the first one of a watch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchRequest:
    """What a client wants to follow, and how.

    ``revision`` is where to begin; ``None`` means with what there is, as ADDED. ``render`` is
    ``None`` where objects are sent as they are.
    """

    kind: Kind
    namespace: str
    selection: Selection
    revision: Revision | None
    initial_events: bool = False
    bookmarks: bool = False
    timeout_s: int | None = None
    render: Render | None = None


class EventLines:
    """Encodes events, each only once for all who watch it."""

    def __init__(self, kept: int = 256) -> None:
        self._kept = kept
        self._lines: OrderedDict[tuple[str, str], bytes] = OrderedDict()

    def line(self, event: WatchEvent) -> bytes:
        """Give an event as a line of JSON."""
        key = (event.type, event.object["metadata"]["resourceVersion"])
        line = self._lines.get(key)
        if line is None:
            line = self._lines[key] = encode_line(event.type, event.object)
            if len(self._lines) > self._kept:
                self._lines.popitem(last=False)
        return line


def encode_line(type_: EventType | str, obj: Object) -> bytes:
    """Write one event."""
    return encode_json({"type": type_, "object": obj}) + b"\n"


async def stream_watch(
    request: web.BaseRequest, registry: Registry, wanted: WatchRequest, lines: EventLines
) -> web.StreamResponse:
    """Answer a watch until its time is over, the client goes, or the server stops."""
    answer = web.StreamResponse(headers={"Content-Type": JSON, "Cache-Control": "no-cache, private"})
    await answer.prepare(request)
    try:
        async with asyncio.timeout(wanted.timeout_s or random.randint(*DEFAULT_TIMEOUT_S)):
            await _follow(answer, registry, wanted, lines)
    except TimeoutError:
        pass  # the end that was agreed on
    except ExpiredError as err:
        await answer.write(encode_line("ERROR", status_of(err)))
    except ApiError:
        pass  # the store was closed: the client finds the connection ended
    await answer.write_eof()
    return answer


async def _follow(
    answer: web.StreamResponse, registry: Registry, wanted: WatchRequest, lines: EventLines
) -> None:
    writer = _Writer(answer, wanted, lines)
    revision = wanted.revision
    if revision is None or wanted.initial_events:
        listing = registry.list(wanted.kind, wanted.namespace, wanted.selection)
        revision = listing.revision
        await writer.write([WatchEvent("ADDED", obj) for obj in listing.items])
        if wanted.initial_events:
            await answer.write(_bookmark(wanted.kind, revision, {INITIAL_EVENTS_END: "true"}))
    watch = registry.watch(wanted.kind, wanted.namespace, revision=revision)
    try:
        while True:
            events = await _take(watch, BOOKMARK_EVERY_S if wanted.bookmarks else None)
            if events is None:
                await answer.write(_bookmark(wanted.kind, registry.revision, {}))
            else:
                seen = (watch_event(wanted.selection, event) for event in events)
                await writer.write([event for event in seen if event is not None])
    finally:
        watch.close()


class _Writer:
    """Sends events to one client, in its form."""

    def __init__(self, answer: web.StreamResponse, wanted: WatchRequest, lines: EventLines) -> None:
        self._answer = answer
        self._render = wanted.render
        self._lines = lines
        self._is_first = True

    async def write(self, events: Iterable[WatchEvent]) -> None:
        """Send events at once; wait while the client is slow."""
        sent = b"".join([self._line(event) for event in events])
        if sent:
            await self._answer.write(sent)

    def _line(self, event: WatchEvent) -> bytes:
        if self._render is None:
            return self._lines.line(event)
        rendered, self._is_first = self._render(event.object, self._is_first), False
        return encode_line(event.type, rendered)


async def _take(watch: Watch[Event], within_s: float | None) -> list[Event] | None:
    """Take events; ``None`` when none came in time."""
    taken = asyncio.timeout(within_s)
    try:
        async with taken:
            return await watch.take()
    except TimeoutError:
        if taken.expired():
            return None
        raise


def _bookmark(kind: Kind, revision: Revision, annotations: dict[str, str]) -> bytes:
    meta: Object = {"resourceVersion": str(revision), "creationTimestamp": None}
    if annotations:
        meta["annotations"] = annotations
    return encode_line("BOOKMARK", {"kind": kind.kind, "apiVersion": kind.api_version, "metadata": meta})
