"""A ``Client`` in memory: objects, revisions and watches, without defaulting or validation."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

from netemu.api.client import EventType, Object, ObjectList, PatchType, WatchEvent
from netemu.api.errors import AlreadyExistsError, ConflictError, NotFoundError, UnavailableError
from netemu.api.kinds import Kind
from netemu.naming import Revision


class FakeClient:
    """Keeps objects as they are given, with ``uid`` and ``resourceVersion`` added.

    ``go_away`` makes every call and every open watch fail until ``come_back``, as a daemon that
    died does. Deletion is immediate; patches are JSON merge patches; selectors are ``key=value``.
    """

    def __init__(self, *objects: tuple[Kind, Object]) -> None:
        self._objects: dict[tuple[Kind, str, str], Object] = {}
        self._history: list[tuple[Kind, WatchEvent]] = []
        self._happened = asyncio.Condition()
        self._away = False
        for kind, obj in objects:
            self._put(kind, obj, "ADDED")

    async def go_away(self) -> None:
        """Be unavailable from now on."""
        self._away = True
        await self._tell()

    def come_back(self) -> None:
        """Be available again; what was is still there."""
        self._away = False

    async def get(self, kind: Kind, namespace: str, name: str) -> Object:
        """Read one object."""
        self._check_available()
        return self._find(kind, namespace, name)

    async def list(
        self, kind: Kind, namespace: str = "", *, label_selector: str = "", field_selector: str = ""
    ) -> ObjectList:
        """Read the objects of a kind; selectors are comma-separated ``key=value``."""
        self._check_available()
        found = [
            obj
            for (its_kind, its_namespace, _), obj in self._objects.items()
            if its_kind == kind
            and namespace in ("", its_namespace)
            and _labels_match(label_selector, obj)
            and _fields_match(field_selector, obj)
        ]
        return ObjectList(found, self._revision)

    async def watch(
        self, kind: Kind, namespace: str = "", *, revision: Revision
    ) -> AsyncIterator[WatchEvent]:
        """Yield every change after ``revision``, for ever."""
        position = int(revision)
        while True:
            async with self._happened:
                while not self._away and position >= len(self._history):
                    await self._happened.wait()
            self._check_available()
            its_kind, event = self._history[position]
            position += 1
            if its_kind == kind and namespace in ("", event.object["metadata"].get("namespace", "")):
                yield event

    async def create(self, kind: Kind, obj: Object) -> Object:
        """Create an object."""
        self._check_available()
        meta = obj["metadata"]
        if "name" not in meta:
            obj = {**obj, "metadata": {**meta, "name": meta["generateName"] + uuid4().hex[:5]}}
        if _identity(kind, obj) in self._objects:
            raise AlreadyExistsError(f"{kind.key} {obj['metadata']['name']!r} already exists")
        return await self._write(kind, obj, "ADDED")

    async def update(self, kind: Kind, obj: Object, *, subresource: str = "") -> Object:
        """Replace an object, or only its status."""
        self._check_available()
        _, namespace, name = _identity(kind, obj)
        old = self._find(kind, namespace, name)
        expected = obj["metadata"].get("resourceVersion", old["metadata"]["resourceVersion"])
        if expected != old["metadata"]["resourceVersion"]:
            raise ConflictError(f"{kind.key} {name!r} was changed meanwhile")
        new = {**old, "status": obj.get("status", {})} if subresource == "status" else obj
        return await self._write(kind, new, "MODIFIED")

    async def patch(
        self,
        kind: Kind,
        namespace: str,
        name: str,
        patch: Any,
        *,
        patch_type: PatchType = "application/merge-patch+json",
        subresource: str = "",  # noqa: ARG002 (the Protocol's; a merge patch says what it changes)
    ) -> Object:
        """Merge ``patch`` into an object (RFC 7396)."""
        self._check_available()
        if patch_type != "application/merge-patch+json":
            raise NotImplementedError(f"the fake client knows merge patches, not {patch_type}")
        return await self._write(kind, _merged(self._find(kind, namespace, name), patch), "MODIFIED")

    async def delete(
        self,
        kind: Kind,
        namespace: str,
        name: str,
        *,
        uid: str = "",
        grace_period_s: int | None = None,  # noqa: ARG002 (deletion is immediate)
        propagation: str = "",  # noqa: ARG002 (there is no garbage collector)
    ) -> Object:
        """Delete an object at once."""
        self._check_available()
        obj = self._find(kind, namespace, name)
        if uid not in ("", obj["metadata"]["uid"]):
            raise ConflictError(f"{kind.key} {name!r} has another uid than {uid}")
        return await self._write(kind, obj, "DELETED")

    @property
    def _revision(self) -> Revision:
        return Revision(len(self._history))

    async def _write(self, kind: Kind, obj: Object, event: EventType) -> Object:
        written = self._put(kind, obj, event)
        await self._tell()
        return written

    def _put(self, kind: Kind, obj: Object, event: EventType) -> Object:
        key = _identity(kind, obj)
        old = self._objects.pop(key, None)
        uid = old["metadata"]["uid"] if old else str(uuid4())
        meta = {"uid": uid, **obj["metadata"], "resourceVersion": str(self._revision + 1)}
        new = {"apiVersion": kind.api_version, "kind": kind.kind, **obj, "metadata": meta}
        self._history.append((kind, WatchEvent(event, new)))
        if event != "DELETED":
            self._objects[key] = new
        return new

    def _find(self, kind: Kind, namespace: str, name: str) -> Object:
        try:
            return self._objects[kind, namespace, name]
        except KeyError:
            raise NotFoundError(f"{kind.key} {name!r} not found") from None

    def _check_available(self) -> None:
        if self._away:
            raise UnavailableError("the fake API went away")

    async def _tell(self) -> None:
        async with self._happened:
            self._happened.notify_all()


def _identity(kind: Kind, obj: Object) -> tuple[Kind, str, str]:
    meta = obj["metadata"]
    return kind, meta.get("namespace", ""), meta["name"]


def _merged(target: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = _merged(result.get(name), value)
    return result


def _pairs(selector: str) -> dict[str, str]:
    return dict(term.split("=", 1) for term in selector.split(",") if term)


def _labels_match(selector: str, obj: Object) -> bool:
    labels = obj["metadata"].get("labels") or {}
    return all(labels.get(key) == value for key, value in _pairs(selector).items())


def _fields_match(selector: str, obj: Object) -> bool:
    return all(_field(obj, path) == value for path, value in _pairs(selector).items())


def _field(obj: Any, path: str) -> str:
    for part in path.split("."):
        obj = obj.get(part, {}) if isinstance(obj, dict) else {}
    return obj if isinstance(obj, str) else ""
