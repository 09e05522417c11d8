"""A ``Store`` that forgets everything with its process."""

from __future__ import annotations

from netemu.naming import Revision
from netemu.store.state import State
from netemu.store.store import Entry, Event, Listing, Object
from netemu.store.watch import Watch


class MemoryStore:
    """The store for tests; passes the same contract as the one that keeps a file."""

    def __init__(self) -> None:
        self._state = State()

    @property
    def revision(self) -> Revision:
        """The revision of the last write."""
        return self._state.revision

    def get(self, key: str) -> Entry | None:
        """Read one key."""
        return self._state.get(key)

    def range(self, prefix: str, at: Revision | None = None) -> Listing:
        """Read all keys under a prefix; see ``Store.range``."""
        return self._state.range(prefix, at)

    async def put(self, key: str, value: Object, *, expected: Revision | None = None) -> Entry:
        """Write one key; see ``Store.put``."""
        previous = self._state.check(key, expected)
        value["metadata"]["resourceVersion"] = str(self._state.revision + 1)
        return self._state.record_put(key, value, previous, 0)

    async def delete(self, key: str, *, expected: Revision | None = None) -> Entry:
        """Remove one key; see ``Store.delete``."""
        return self._state.record_delete(key, self._state.check_exists(key, expected))

    def watch(self, prefix: str, *, after: Revision) -> Watch[Event]:
        """Follow a prefix; see ``Store.watch``."""
        return self._state.watch(prefix, after)

    def compact(self, revision: Revision) -> None:
        """Forget the events up to a revision."""
        self._state.compact(revision)

    def end_lists(self, before: Revision) -> None:
        """Show older lists no longer; see ``Store.end_lists``."""
        self._state.end_lists(before)

    def close(self) -> None:
        """End all watches."""
        self._state.close()
