"""What a store holds in memory: current values, recent events, followers."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Callable, Iterator

from netemu.api.errors import ExpiredError, UnavailableError
from netemu.naming import Revision
from netemu.store.errors import CompareFailedError
from netemu.store.store import ABSENT, Entry, Event, Listing, Object, Op, stamped
from netemu.store.watch import Watch

WINDOW_EVENTS = 10_000
WINDOW_BYTES = 4 << 20
"""JSON bytes of the values in the window: a bound on memory when objects are large."""


class Shelf:
    """The entries of one kind, with their keys in order, and who follows them."""

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}
        self.keys: list[str] = []
        self.followers: dict[Watch[Event], str] = {}

    def keys_under(self, prefix: str) -> Iterator[str]:
        """Give the keys that start with ``prefix``, in order."""
        for index in range(bisect_left(self.keys, prefix), len(self.keys)):
            if not self.keys[index].startswith(prefix):
                return
            yield self.keys[index]


class State:
    """The store's memory. Drivers persist a write, then record it here; ``forgotten`` tells them of
    events that left the window.
    """

    def __init__(
        self, revision: Revision = ABSENT, forgotten: Callable[[Event], object] = lambda _: None
    ) -> None:
        self.revision = revision
        self._compacted = revision
        self._lists_from = revision
        self._forgotten = forgotten
        self._shelves: dict[str, Shelf] = {}
        self._window: deque[tuple[Event, int]] = deque()
        self._window_bytes = 0

    @property
    def compacted(self) -> Revision:
        """The revision up to which events are forgotten."""
        return self._compacted

    def load(self, key: str, entry: Entry) -> None:
        """Take over what was stored before the first event that is kept."""
        shelf = self._shelf(key)
        if key not in shelf.entries:
            insort(shelf.keys, key)
        shelf.entries[key] = entry

    def replay(self, revision: Revision, key: str, value: Object | None, size_bytes: int) -> None:
        """Take over a write that followers from before may still ask for; no value is a deletion."""
        self.revision = Revision(revision - 1)
        if value is None:
            self.record_delete(key, self.check_exists(key, None))
            return
        previous = self.get(key)
        self.record_put(key, _shared(value, previous), previous, size_bytes)

    def get(self, key: str) -> Entry | None:
        """Read one key."""
        return self._shelf(key).entries.get(key)

    def range(self, prefix: str, at: Revision | None = None) -> Listing:
        """Read all keys under a prefix, as they are or as they were at a revision.

        Raises:
            ExpiredError: events after that revision were forgotten.

        """
        shelf = self._shelf(prefix)
        if at is None or at >= self.revision:
            return Listing([shelf.entries[key].value for key in shelf.keys_under(prefix)], self.revision)
        return Listing(self._values_at(shelf, prefix, at), at)

    def _values_at(self, shelf: Shelf, prefix: str, at: Revision) -> list[Object]:
        """Take back what happened since, newest first."""
        if at < max(self._compacted, self._lists_from):
            raise ExpiredError("The resourceVersion for the provided list is too old.")
        values: dict[str, Object | None] = {key: shelf.entries[key].value for key in shelf.keys_under(prefix)}
        for event, _ in reversed(self._window):
            if event.revision <= at:
                break
            if event.key.startswith(prefix):
                values[event.key] = event.previous
        return [value for _, value in sorted(values.items()) if value is not None]

    def check(self, key: str, expected: Revision | None) -> Entry | None:
        """Give the current entry of a key that is about to be written.

        Raises:
            CompareFailedError: it is not at the expected revision.

        """
        entry = self.get(key)
        current = entry.revision if entry is not None else ABSENT
        if expected is not None and expected != current:
            raise CompareFailedError(key, expected, current)
        return entry

    def check_exists(self, key: str, expected: Revision | None) -> Entry:
        """Give the current entry of a key that is about to be removed.

        Raises:
            CompareFailedError: it does not exist, or is not at the expected revision.

        """
        entry = self.check(key, expected)
        if entry is None:
            raise CompareFailedError(key, expected or ABSENT, ABSENT)
        return entry

    def record_put(self, key: str, value: Object, previous: Entry | None, size_bytes: int) -> Entry:
        """Make ``value`` the current one, at the next revision, and tell the followers."""
        shelf = self._shelf(key)
        self.revision = Revision(self.revision + 1)
        entry = shelf.entries[key] = Entry(value, self.revision)
        if previous is None:
            insort(shelf.keys, key)
        old = previous.value if previous is not None else None
        self._publish(shelf, Event(self.revision, key, Op.PUT, value, old), size_bytes)
        return entry

    def record_delete(self, key: str, previous: Entry) -> Entry:
        """Forget a key, at the next revision, and tell the followers."""
        shelf = self._shelf(key)
        self.revision = Revision(self.revision + 1)
        last = Entry(stamped(previous.value, self.revision), self.revision)
        del shelf.entries[key]
        del shelf.keys[bisect_left(shelf.keys, key)]
        self._publish(shelf, Event(self.revision, key, Op.DELETE, last.value, previous.value), 0)
        return last

    def watch(self, prefix: str, after: Revision) -> Watch[Event]:
        """Follow a prefix from a revision on.

        Raises:
            ExpiredError: events after that revision were forgotten.

        """
        if after < self._compacted:
            raise ExpiredError(f"too old resource version: {after} ({self._compacted})")
        shelf = self._shelf(prefix)
        missed = (e for e, _ in self._window if e.revision > after and e.key.startswith(prefix))
        watch = Watch(missed, shelf.followers.pop)
        shelf.followers[watch] = prefix
        return watch

    def compact(self, revision: Revision) -> None:
        """Forget the events up to a revision."""
        while self._window and self._window[0][0].revision <= revision:
            self._forget_oldest()
        self._compacted = max(self._compacted, min(revision, self.revision))

    def end_lists(self, before: Revision) -> None:
        """Show lists as they were before a revision no longer; those who follow changes go on."""
        self._lists_from = min(before, self.revision)

    def close(self) -> None:
        """End all watches."""
        for shelf in self._shelves.values():
            for watch in list(shelf.followers):
                watch.fail(UnavailableError("the API server is shutting down"))

    def _shelf(self, key: str) -> Shelf:
        name = key.partition("/")[0]
        shelf = self._shelves.get(name)
        if shelf is None:
            shelf = self._shelves[name] = Shelf()
        return shelf

    def _publish(self, shelf: Shelf, event: Event, size_bytes: int) -> None:
        self._window.append((event, size_bytes))
        self._window_bytes += size_bytes
        while len(self._window) > WINDOW_EVENTS or self._window_bytes > WINDOW_BYTES:
            self._forget_oldest()
        for watch, prefix in list(shelf.followers.items()):
            if event.key.startswith(prefix):
                watch.offer(event)

    def _forget_oldest(self) -> None:
        event, size_bytes = self._window.popleft()
        self._window_bytes -= size_bytes
        self._compacted = event.revision
        self._forgotten(event)


def _shared(value: Object, previous: Entry | None) -> Object:
    """Give a value that shares its equal parts with the one before: versions differ in little."""
    if previous is None:
        return value
    old = previous.value
    return {key: old[key] if key in old and old[key] == part else part for key, part in value.items()}
