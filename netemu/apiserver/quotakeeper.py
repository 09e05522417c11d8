"""Which quotas hold where, whether a write fits, and which must be counted again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from netemu.api.client import Object
from netemu.api.kinds import RESOURCE_QUOTA, Kind
from netemu.apiserver import quotas

Lister = Callable[[Kind, str], Iterable[Object]]
"""Gives all objects of a kind in a namespace."""


class Quotas:
    """The quotas of all namespaces. What nobody limits costs one look-up a write."""

    def __init__(self, objects: Lister, kinds: Callable[[], Iterable[Kind]]) -> None:
        self._objects = objects
        self._kinds = kinds
        self._quotas: dict[str, dict[str, Object]] = {}
        self._changed: dict[str, None] = {}
        self._wake = asyncio.Event()

    def note(self, kind: Kind, old: Object | None, new: Object | None) -> None:
        """Take in a write: ``None`` stands for an object that does not exist."""
        obj = new if new is not None else old
        assert obj is not None
        namespace = obj["metadata"].get("namespace", "")
        if kind is RESOURCE_QUOTA:
            here = self._quotas.setdefault(namespace, {})
            here.pop(obj["metadata"]["name"], None)
            if new is not None:
                here[obj["metadata"]["name"]] = new
            if not here:
                del self._quotas[namespace]
        if namespace in self._quotas and namespace:
            self._changed[namespace] = None
            self._wake.set()

    def check(self, kind: Kind, new: Object, old: Object | None) -> None:
        """Refuse a write that a quota has no room for.

        Raises:
            ForbiddenError: as Kubernetes says it.

        """
        if old is not None and "deletionTimestamp" in new["metadata"]:
            return
        namespace = new["metadata"].get("namespace", "")
        for quota in tuple(self._quotas.get(namespace, {}).values()):
            more = quotas.asked(kind, new, old, quota)
            if more:
                quotas.check(kind, new, quota, more, self.used(quota))

    def used(self, quota: Object) -> quotas.Usage:
        """Add up what is used of a quota now."""
        namespace = quota["metadata"]["namespace"]
        kinds = [kind for kind in self._kinds() if kind.namespaced]
        return quotas.total(quota, lambda kind: self._objects(kind, namespace), kinds)

    async def wait(self) -> None:
        """Return when there is a namespace to look at."""
        await self._wake.wait()
        self._wake.clear()

    def take(self) -> tuple[Object, ...]:
        """Take the quotas of all namespaces in which something changed."""
        changed, self._changed = self._changed, {}
        return tuple(quota for name in changed for quota in self._quotas.get(name, {}).values())

    def look_at(self, namespace: str) -> None:
        """Note that a namespace must be counted again."""
        self._changed[namespace] = None
        self._wake.set()
