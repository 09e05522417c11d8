"""The local copy: objects by kind and key, with indexes that events keep up to date."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, TypeVar

from netemu.api.client import Object
from netemu.api.kinds import Kind
from netemu.api.views import view
from netemu.logs import Log
from netemu.naming import Revision

log = Log(__name__)

T = TypeVar("T")

IndexFunction = Callable[[Object], Iterable[str]]


class Key(NamedTuple):
    """An object's identity within its kind; ``namespace`` is empty for cluster-scoped kinds."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}" if self.namespace else self.name


Keys = list[Key]  # a name that the method Cache.list does not shadow


class Change(NamedTuple):
    """What one event did to the cache; ``old`` or ``new`` is ``None`` at either end of a life."""

    kind: Kind
    key: Key
    old: Object | None
    new: Object | None


def key_of(obj: Object) -> Key:
    """Give the key of an object."""
    meta = obj["metadata"]
    return Key(meta.get("namespace", ""), meta["name"])


def revision_of(obj: Object) -> Revision:
    """Give the revision at which an object was written; 0 when it was not stored yet."""
    return Revision(int(obj["metadata"].get("resourceVersion") or 0))


class Cache:
    """Objects by kind and key.

    Reads cost the size of their answer: ``list`` of a namespace and ``by_index`` look only at
    what they return. Objects and views are shared and must not be mutated.
    """

    def __init__(self) -> None:
        self._objects: dict[Kind, dict[Key, Object]] = {}
        self._by_namespace: dict[Kind, dict[str, dict[Key, None]]] = {}
        self._functions: dict[Kind, dict[str, IndexFunction]] = {}
        self._indexes: dict[Kind, dict[str, dict[str, dict[Key, None]]]] = {}
        self._views: dict[tuple[Kind, Key], tuple[Object, Any]] = {}
        self._revisions: dict[Kind, Revision] = {}

    def revision(self, kind: Kind) -> Revision:
        """Tell up to which revision this copy of ``kind`` is complete; 0 before it was listed.

        Events come in order, so a write of a lower or equal revision is in the copy already.
        """
        return self._revisions.get(kind, Revision(0))

    def set_revision(self, kind: Kind, revision: Revision) -> None:
        """Note that every change of ``kind`` up to ``revision`` was applied."""
        self._revisions[kind] = revision

    def add_index(self, kind: Kind, name: str, function: IndexFunction) -> None:
        """Index ``kind`` by the values that ``function`` gives for an object.

        Adding the same index twice is a no-op; objects already here are indexed at once.
        """
        functions = self._functions.setdefault(kind, {})
        if name in functions:
            return
        functions[name] = function
        index = self._indexes.setdefault(kind, {}).setdefault(name, {})
        for key, obj in self._objects.get(kind, {}).items():
            for value in _values(function, obj):
                index.setdefault(value, {})[key] = None

    def get(self, kind: Kind, key: Key) -> Object | None:
        """Read one object."""
        return self._objects.get(kind, {}).get(key)

    def find(self, kind: Kind, key: Key, as_type: type[T]) -> T | None:
        """Read one object as a typed view, made once per version of the object."""
        obj = self.get(kind, key)
        if obj is None:
            return None
        made = self._views.get((kind, key))
        if made is not None and made[0] is obj and type(made[1]) is as_type:
            return made[1]
        typed = view(as_type, obj)
        self._views[kind, key] = (obj, typed)
        return typed

    def keys(self, kind: Kind, namespace: str = "") -> list[Key]:
        """Give the keys of a kind, of one namespace or (empty) of all."""
        if namespace:
            return list(self._by_namespace.get(kind, {}).get(namespace, ()))
        return list(self._objects.get(kind, ()))

    def list(self, kind: Kind, namespace: str = "") -> list[Object]:
        """Read the objects of a kind, of one namespace or (empty) of all."""
        objects = self._objects.get(kind, {})
        return [objects[key] for key in self.keys(kind, namespace)]

    def by_index(self, kind: Kind, index: str, value: str) -> Keys:
        """Give the keys of the objects for which the index function gave ``value``.

        Raises:
            KeyError: there is no such index.

        """
        return list(self._indexes[kind][index].get(value, ()))

    def apply(self, kind: Kind, new: Object | None, *, key: Key | None = None) -> Change | None:
        """Put ``new``, or remove ``key``; ``None`` when nothing changed."""
        if new is not None:
            key = key_of(new)
        assert key is not None, "a removal needs its key"
        objects = self._objects.setdefault(kind, {})
        old = objects.get(key)
        if old is new or (old is None and new is None):
            return None
        self._reindex(kind, key, old, new)
        if new is None:
            del objects[key]
            self._views.pop((kind, key), None)
        else:
            objects[key] = new
        return Change(kind, key, old, new)

    def _reindex(self, kind: Kind, key: Key, old: Object | None, new: Object | None) -> None:
        if old is None or new is None:
            namespaces = self._by_namespace.setdefault(kind, {})
            if new is not None:
                namespaces.setdefault(key.namespace, {})[key] = None
            else:
                _discard(namespaces, key.namespace, key)
        for name, function in self._functions.get(kind, {}).items():
            index = self._indexes[kind][name]
            before = _values(function, old)
            after = _values(function, new)
            if before == after:
                continue
            for value in before - after:
                _discard(index, value, key)
            for value in after - before:
                index.setdefault(value, {})[key] = None


def _values(function: IndexFunction, obj: Object | None) -> set[str]:
    if obj is None:
        return set()
    try:
        return set(function(obj))
    except Exception as err:  # one odd object must not keep all others from those who read them
        log.error("cache.unindexed", exc=err, kind=obj.get("kind", ""), key=key_of(obj))
        return set()


def _discard(index: dict[str, dict[Key, None]], value: str, key: Key) -> None:
    keys = index.get(value)
    if keys is not None:
        keys.pop(key, None)
        if not keys:
            del index[value]
