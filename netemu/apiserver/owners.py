"""Who owns what: kept up to date by every write, so that a question costs the size of its answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from netemu.api.client import Object
from netemu.api.kinds import Kind
from netemu.api.served import ServedKinds

ORPHAN = "orphan"
FOREGROUND = "foregroundDeletion"
"""The finalizers with which an object waits for the garbage collector: to let its dependents go, or
to see them go."""


class Node(NamedTuple):
    """One object, by where it is stored; ``kind`` is the kind's key."""

    kind: str
    namespace: str
    name: str


Read = Callable[[Kind, str, str], Object | None]


class Owners:
    """The owner references of all objects, the other way round, and which objects to look at."""

    def __init__(self, kinds: ServedKinds, read: Read) -> None:
        self._kinds = kinds
        self._read = read
        self._dependents: dict[str, dict[Node, None]] = {}
        self._waiting: dict[Node, None] = {}
        self._wake = asyncio.Event()
        self._by_key: dict[str, Kind] = {}
        self._generation = -1

    def note(self, kind: Kind, old: Object | None, new: Object | None) -> None:
        """Take in a write: ``None`` stands for an object that does not exist."""
        before = old["metadata"].get("ownerReferences") if old is not None else None
        after = new["metadata"].get("ownerReferences") if new is not None else None
        obj = new if new is not None else old
        assert obj is not None
        node = Node(kind.key, obj["metadata"].get("namespace", ""), obj["metadata"]["name"])
        if before != after:
            self._index(node, before or (), after or ())
            self._look_at_owners(obj, before or ())
            self.look_at(node)
        if new is None:
            self._waiting.pop(node, None)
            for dependent in self._dependents.get(obj["metadata"]["uid"], ()):
                self.look_at(dependent)
        elif awaits_collector(new):
            self.look_at(node)

    def look_at(self, node: Node) -> None:
        """Note that an object may have something to be done about it."""
        self._waiting[node] = None
        self._wake.set()

    def take(self) -> Node | None:
        """Take one of the objects to look at, if there is one."""
        node = next(iter(self._waiting), None)
        if node is not None:
            del self._waiting[node]
        return node

    async def wait(self) -> None:
        """Return when there is something to look at, or someone wakes who waits."""
        await self._wake.wait()
        self._wake.clear()

    def wake(self) -> None:
        """Let ``wait`` return."""
        self._wake.set()

    def find(self, node: Node) -> tuple[Kind, Object] | None:
        """Read an object."""
        kind = self._kind(node.kind)
        obj = self._read(kind, node.namespace, node.name) if kind is not None else None
        return (kind, obj) if kind is not None and obj is not None else None

    def dependents(self, uid: str) -> Iterator[tuple[Node, Object]]:
        """Give all that refers to an owner."""
        for node in list(self._dependents.get(uid, ())):
            found = self.find(node)
            if found is not None:
                yield node, found[1]

    def owner(self, obj: Object, ref: dict[str, Any]) -> Node | None:
        """Say where the owner of an object would be; ``None`` for a kind that is not served."""
        group, _, version = str(ref.get("apiVersion", "")).rpartition("/")
        kind = self._kinds.find_kind(group, version, str(ref.get("kind", "")))
        if kind is None:
            return None
        namespace = obj["metadata"].get("namespace", "") if kind.namespaced else ""
        return Node(kind.key, namespace, str(ref.get("name", "")))

    def _kind(self, key: str) -> Kind | None:
        if self._generation != self._kinds.generation:
            self._by_key = {kind.key: kind for kind in self._kinds.stored()}
            self._generation = self._kinds.generation
        return self._by_key.get(key)

    def _index(self, node: Node, before: Iterable[dict[str, Any]], after: Iterable[dict[str, Any]]) -> None:
        for ref in before:
            nodes = self._dependents.get(ref["uid"], {})
            nodes.pop(node, None)
            if not nodes:
                self._dependents.pop(ref["uid"], None)
        for ref in after:
            self._dependents.setdefault(ref["uid"], {})[node] = None

    def _look_at_owners(self, obj: Object, refs: Iterable[dict[str, Any]]) -> None:
        """Look at the owners that an object has no more: they may wait for that."""
        for ref in refs:
            node = self.owner(obj, ref)
            found = self.find(node) if node is not None else None
            if node is not None and found is not None and awaits_collector(found[1]):
                self.look_at(node)


def is_ending(obj: Object) -> bool:
    """Tell whether an object is being deleted."""
    return bool(obj["metadata"].get("deletionTimestamp"))


def awaits(obj: Object, finalizer: str) -> bool:
    """Tell whether an object that is being deleted waits for one of its finalizers."""
    return is_ending(obj) and finalizer in (obj["metadata"].get("finalizers") or ())


def awaits_collector(obj: Object) -> bool:
    """Tell whether an object that is being deleted waits for the garbage collector."""
    return awaits(obj, FOREGROUND) or awaits(obj, ORPHAN)
