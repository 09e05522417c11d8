"""[IO] A command's conversation with the API of one cluster."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import quote

import msgspec

from netemu.api.client import Object, ObjectList, PatchType, WatchEvent
from netemu.api.errors import NotFoundError
from netemu.api.kinds import Kind
from netemu.apiclient.http import HttpClient
from netemu.cli.resources import Query
from netemu.cli.tables import TABLE_ACCEPT
from netemu.cli.target import Target
from netemu.errors import NetemuError, PermissionDeniedError

T = TypeVar("T")


class NotRunningError(NetemuError):
    """Nobody answers for this cluster."""

    code = "CLI_CLUSTER_NOT_RUNNING"


class Session:
    """kubectl's requests: by query, with selectors, as objects or as tables.

    Every method may raise a subclass of ``netemu.api.errors.ApiError``.
    """

    def __init__(self, http: HttpClient) -> None:
        self.http = http

    async def find(self, query: Query, *, ignore_not_found: bool = False) -> list[Object]:
        """Read the object that a query names, or all that it selects.

        Raises:
            NotFoundError: it names one that is not there.

        """
        if not query.name:
            return (await self.list(query)).items
        try:
            return [await self.http.get(query.kind, query.namespace, query.name)]
        except NotFoundError:
            if ignore_not_found:
                return []
            raise

    async def list(self, query: Query) -> ObjectList:
        """Read the objects that a query selects."""
        return await self.http.list(
            query.kind,
            query.namespace,
            label_selector=query.label_selector,
            field_selector=query.field_selector,
        )

    async def table(self, query: Query, *, ignore_not_found: bool = False) -> Object | None:
        """Read a query's objects as a Table; ``None`` for a missing one where that is no error."""
        try:
            return await self._request("GET", path_of(query), _selectors(query), accept=TABLE_ACCEPT)
        except NotFoundError:
            if ignore_not_found:
                return None
            raise

    async def watch(
        self, query: Query, *, revision: str, as_table: bool = False
    ) -> AsyncGenerator[WatchEvent, None]:
        """Yield every change of what a query selects after ``revision``; a table's rows, if asked for."""
        parameters = {**_selectors(query), "watch": "true", "resourceVersion": revision}
        accept = TABLE_ACCEPT if as_table else "application/json"
        rest = b""
        async for chunk in self.http.stream(path_of(query), parameters, accept=accept):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in filter(None, lines):
                yield _event(msgspec.json.decode(line))

    async def create(self, kind: Kind, obj: Object, *, dry_run: bool = False) -> Object:
        """Create an object."""
        namespace = obj["metadata"].get("namespace", "")
        path = path_of(Query(kind=kind, namespace=namespace))
        return await self._request("POST", path, _dry_run(dry_run), body=obj)

    async def patch(
        self,
        query: Query,
        patch: Object,
        *,
        patch_type: PatchType = "application/merge-patch+json",
        subresource: str = "",
        dry_run: bool = False,
    ) -> Object:
        """Change parts of the object that a query names."""
        path = path_of(query, subresource)
        return await self._request("PATCH", path, _dry_run(dry_run), body=patch, content_type=patch_type)

    async def delete(self, query: Query, *, grace_period_s: int | None = None) -> Object:
        """Delete the object that a query names; the answer is the object, or a Status about it."""
        options: Object = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background"}
        if grace_period_s is not None:
            options["gracePeriodSeconds"] = grace_period_s
        return await self._request("DELETE", path_of(query), {}, body=options)

    def log(self, pod: Query, parameters: Mapping[str, str]) -> AsyncIterator[bytes]:
        """Yield what a container wrote, as it comes."""
        return self.http.stream(path_of(pod, "log"), parameters)

    async def _request(
        self,
        method: str,
        path: str,
        parameters: Mapping[str, str],
        *,
        body: Object | None = None,
        content_type: str = "application/json",
        accept: str = "application/json",
    ) -> Object:
        return await self.http.request(
            method, path, parameters, body=body, content_type=content_type, accept=accept
        )


def run_with_session(target: Target, command: Callable[[Session], Awaitable[T]]) -> T:
    """Run a command against the target's API.

    Raises:
        NotRunningError, PermissionDeniedError: nobody answers, or not to this user.

    """
    from netemu.cluster.places import paths_for

    socket = paths_for(target.cluster).api_socket
    _check_socket(socket, target)

    async def converse() -> T:
        async with HttpClient(socket) as http:
            return await command(Session(http))

    return asyncio.run(converse())


def path_of(query: Query, subresource: str = "") -> str:
    """Give the path of a collection, an object or a subresource."""
    kind = query.kind
    parts = ["apis", kind.group, kind.version] if kind.group else ["api", kind.version]
    if kind.namespaced and query.namespace:
        parts += ["namespaces", query.namespace]
    parts += [part for part in (kind.resource, query.name, subresource) if part]
    return "/" + "/".join(quote(part, safe="") for part in parts)


def _selectors(query: Query) -> dict[str, str]:
    selectors = {"labelSelector": query.label_selector, "fieldSelector": query.field_selector}
    return {key: value for key, value in selectors.items() if value}


def _dry_run(dry_run: bool) -> dict[str, str]:
    return {"dryRun": "All"} if dry_run else {}


def _event(raw: dict[str, Any]) -> WatchEvent:
    if raw["type"] == "ERROR":
        from netemu.api.status import error_of

        raise error_of(raw["object"])
    return WatchEvent(raw["type"], raw["object"])


def _check_socket(socket: Any, target: Target) -> None:
    """Tell apart, before anything heavy happens, why nobody would answer."""
    try:
        found = socket.exists()
    except PermissionError:
        raise PermissionDeniedError(
            f"the API of cluster {target.cluster!r} belongs to another user", hint="sudo netemu …"
        ) from None
    if not found:
        name = "" if target.cluster == "netemu" else f" --name {target.cluster}"
        raise NotRunningError(
            f"cluster {target.cluster!r} does not run: there is no {socket}", hint=f"netemu up{name}"
        )
