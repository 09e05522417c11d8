"""What a store is: etcd's verbs over JSON objects.

A store has one revision, which grows by one with each write and never goes back, also not when
it is closed and opened again. Keys are paths (``pods/default/web``); their first segment is the
kind, and a prefix names at least that segment with its slash (``pods/``), so that the cost of a
change grows with the watchers of its kind only.

Values are shared: a reader gets the very ``dict`` that was put and must never change it. The
store writes ``metadata.resourceVersion`` into a value as it takes it.
"""

from __future__ import annotations

from enum import Enum
from typing import Any, NamedTuple, Protocol

from netemu.naming import Revision
from netemu.store.watch import Watch

Object = dict[str, Any]

ABSENT = Revision(0)
"""The revision of a key that does not exist: what a write that creates expects."""


class Entry(NamedTuple):
    """A value and the revision of its last change (etcd's ``mod_revision``)."""

    value: Object
    revision: Revision


class Op(Enum):
    """What a write did to its key."""

    PUT = "put"
    DELETE = "delete"


class Event(NamedTuple):
    """One write.

    ``value`` of a DELETE is the last value with the deletion's revision; ``previous`` is
    ``None`` when the key did not exist before.
    """

    revision: Revision
    key: str
    op: Op
    value: Object
    previous: Object | None


class Listing(NamedTuple):
    """All values under a prefix, ordered by key, as they were at ``revision``."""

    values: list[Object]
    revision: Revision


class Store(Protocol):
    """Reads cost the size of their answer and never wait; writes are durable when they return."""

    @property
    def revision(self) -> Revision:
        """The revision of the last write."""
        ...

    def get(self, key: str) -> Entry | None:
        """Read one key."""
        ...

    def range(self, prefix: str, at: Revision | None = None) -> Listing:
        """Read all keys under a prefix, as they are or as they were at a revision.

        Raises:
            ExpiredError: writes after that revision are no longer all kept.

        """
        ...

    async def put(self, key: str, value: Object, *, expected: Revision | None = None) -> Entry:
        """Write one key.

        ``expected`` is the revision that the key must have now, 0 when it must not exist,
        ``None`` when it does not matter.

        Raises:
            CompareFailedError: the key has another revision.
            StoreError: the file cannot be written.

        """
        ...

    async def delete(self, key: str, *, expected: Revision | None = None) -> Entry:
        """Remove one key; give its last value with the revision of the deletion.

        Raises:
            CompareFailedError: the key has another revision, or does not exist.
            StoreError: the file cannot be written.

        """
        ...

    def watch(self, prefix: str, *, after: Revision) -> Watch[Event]:
        """Follow all writes under a prefix that come after a revision.

        Raises:
            ExpiredError: writes after that revision are no longer all kept.

        """
        ...

    def compact(self, revision: Revision) -> None:
        """Forget the events up to and including a revision."""
        ...

    def end_lists(self, before: Revision) -> None:
        """Refuse lists as they were before a revision; events are kept, for who follows them."""
        ...

    def close(self) -> None:
        """End all watches and let go of the file; twice is once."""
        ...


def stamped(value: Object, revision: Revision) -> Object:
    """Give a copy of ``value`` that carries another revision."""
    return {**value, "metadata": {**value["metadata"], "resourceVersion": str(revision)}}
