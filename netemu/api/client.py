"""The one way in which controllers, agents, proxies and DNS see the API.

The adapters are in ``netemu.apiserver`` (in process) and ``netemu.apiclient`` (HTTP). Objects
are the JSON that the API holds, as ``dict``; they are shared and must never be mutated by a
reader: build a new one, or read a typed view of it (``netemu.api.views``).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Literal, NamedTuple, Protocol

from netemu.api.kinds import Kind
from netemu.naming import Revision

Object = dict[str, Any]

PatchType = Literal[
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
]
EventType = Literal["ADDED", "MODIFIED", "DELETED", "BOOKMARK"]


class ObjectList(NamedTuple):
    """Objects of one kind, as they all were at one revision."""

    items: list[Object]
    revision: Revision


class WatchEvent(NamedTuple):
    """One change; for DELETED, the last state with the revision of the deletion."""

    type: EventType
    object: Object


class Client(Protocol):
    """Kubernetes' verbs. Every method may raise a subclass of ``netemu.api.errors.ApiError``."""

    async def get(self, kind: Kind, namespace: str, name: str) -> Object:
        """Read one object; ``namespace`` is empty for cluster-scoped kinds.

        Raises:
            NotFoundError: there is none.

        """
        ...

    async def list(
        self, kind: Kind, namespace: str = "", *, label_selector: str = "", field_selector: str = ""
    ) -> ObjectList:
        """Read all objects of a kind, of one namespace or (empty) of all."""
        ...

    def watch(self, kind: Kind, namespace: str = "", *, revision: Revision) -> AsyncIterator[WatchEvent]:
        """Yield every change after ``revision``, in order, until closed.

        Raises:
            ExpiredError: ``revision`` is older than what is kept.
            UnavailableError: the server went away.

        """
        ...

    async def create(self, kind: Kind, obj: Object) -> Object:
        """Create an object; ``metadata.generateName`` is honoured.

        Raises:
            AlreadyExistsError, InvalidError: as Kubernetes.

        """
        ...

    async def update(self, kind: Kind, obj: Object, *, subresource: str = "") -> Object:
        """Replace an object, or only its ``status``.

        With ``metadata.resourceVersion`` set, only if it is still the current one.

        Raises:
            ConflictError: it is not; NotFoundError; InvalidError.

        """
        ...

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
        """Change parts of an object."""
        ...

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
        """Delete an object, gracefully where its kind says so (Pod), when finalizers allow.

        ``propagation`` says what becomes of its dependents: Background, Foreground, Orphan, or (empty)
        what the object's finalizers say. ``uid``, if given, is a precondition (ConflictError when
        another object has the name).
        """
        ...
