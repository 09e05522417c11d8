"""The ``Client`` of everything that shares the API server's process: calls, no serialization."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

from netemu.api.client import Object, ObjectList, PatchType, WatchEvent
from netemu.api.kinds import Kind
from netemu.apiserver.options import DeleteOptions, Preconditions
from netemu.apiserver.registry import Registry
from netemu.apiserver.selection import EVERYTHING, parse_selection, watch_event
from netemu.naming import Revision


class LocalClient:
    """Speaks to a registry directly. Objects that it is given are not compared with the schema."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    async def get(self, kind: Kind, namespace: str, name: str) -> Object:
        """Read one object; see ``Client.get``."""
        return self._registry.get(kind, namespace, name)

    async def list(
        self, kind: Kind, namespace: str = "", *, label_selector: str = "", field_selector: str = ""
    ) -> ObjectList:
        """Read all objects of a kind; see ``Client.list``."""
        return self._registry.list(kind, namespace, parse_selection(kind, label_selector, field_selector))

    async def watch(
        self, kind: Kind, namespace: str = "", *, revision: Revision
    ) -> AsyncIterator[WatchEvent]:
        """Yield every change after ``revision``; see ``Client.watch``."""
        async with aclosing(self._registry.watch(kind, namespace, revision=revision).events()) as events:
            async for event in events:
                seen = watch_event(EVERYTHING, event)
                if seen is not None:
                    yield seen

    async def create(self, kind: Kind, obj: Object) -> Object:
        """Create an object; see ``Client.create``."""
        return await self._registry.create(kind, obj)

    async def update(self, kind: Kind, obj: Object, *, subresource: str = "") -> Object:
        """Replace an object or a part of it; see ``Client.update``.

        ``subresource`` may also be ``finalize`` (a Namespace), ``scale`` (``obj`` is a Scale) and
        ``binding`` (``obj`` is a core/v1 Binding with the Pod's name).
        """
        return await self._registry.update(kind, obj, subresource=subresource)

    async def patch(
        self,
        kind: Kind,
        namespace: str,
        name: str,
        patch: Any,
        *,
        patch_type: PatchType = "application/merge-patch+json",
        subresource: str = "",
    ) -> Object:
        """Change parts of an object; see ``Client.patch``."""
        return await self._registry.patch(
            kind, namespace, name, patch, patch_type=patch_type, subresource=subresource
        )

    async def delete(
        self,
        kind: Kind,
        namespace: str,
        name: str,
        *,
        uid: str = "",
        grace_period_s: int | None = None,
        propagation: str = "",
    ) -> Object:
        """Delete an object; see ``Client.delete``."""
        options = DeleteOptions(
            grace_period_seconds=grace_period_s,
            preconditions=Preconditions(uid=uid),
            propagation_policy=propagation or None,
        )
        return (await self._registry.delete(kind, namespace, name, options)).object
