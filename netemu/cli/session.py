"""[IO] A command's conversation with the API of one cluster."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

if "asyncio" not in sys.modules:
    sys.modules["ssl"] = None  # type: ignore[assignment]  # asyncio does without, and starts 10 ms sooner
import asyncio

import msgspec

from netemu.api.client import Object, ObjectList, PatchType, WatchEvent
from netemu.api.kinds import Kind
from netemu.api.status import error_of
from netemu.apiclient.http import JSON, HttpClient, path_of, read_list
from netemu.cli.resources import Query
from netemu.cli.tables import TABLE_ACCEPT
from netemu.cli.target import DEFAULT_CLUSTER, Target
from netemu.errors import NetemuError, PermissionDeniedError

T = TypeVar("T")


_WARNING = re.compile(r'299 \S+ "((?:\\.|[^"\\])*)"')
_ESCAPED = re.compile(r"\\(.)")


class NotRunningError(NetemuError):
    """Nobody answers for this cluster."""

    code = "CLI_CLUSTER_NOT_RUNNING"


class Session:
    """kubectl's requests: by query, with selectors, as objects or as tables.

    Every method may raise a subclass of ``netemu.api.errors.ApiError``.
    """

    def __init__(self, http: HttpClient, socket: Path) -> None:
        self.socket = socket
        self._http = http
        self._warned: set[str] = set()

    async def find(self, query: Query) -> list[Object]:
        """Read the object that a query names, or all that it selects.

        Raises:
            NotFoundError: it names one that is not there.

        """
        if not query.name:
            return (await self.list(query)).items
        return [await self.send("GET", path_of(query.kind, query.namespace, query.name))]

    async def list(self, query: Query) -> ObjectList:
        """Read the objects that a query selects."""
        listing = await self.send("GET", path_of(query.kind, query.namespace), _selectors(query))
        return read_list(query.kind, listing)

    async def table(self, query: Query, *, whole: bool = False) -> Object:
        """Read a query's objects as a Table; ``whole`` objects go with its rows.

        Raises:
            NotFoundError: it names one that is not there.

        """
        path = path_of(query.kind, query.namespace, query.name)
        parameters = {**_selectors(query), **({"includeObject": "Object"} if whole else {})}
        return await self.send("GET", path, parameters, accept=TABLE_ACCEPT)

    async def watch(
        self, query: Query, *, revision: str, as_table: bool = False
    ) -> AsyncGenerator[WatchEvent, None]:
        """Yield every change of what a query selects after ``revision``, as objects or as Tables.

        The server ends a watch now and then: it is taken up again where it ended.

        Raises:
            ExpiredError: ``revision`` is no longer kept.

        """
        path, seen = path_of(query.kind, query.namespace), revision
        accept = {"Accept": TABLE_ACCEPT if as_table else JSON}
        while True:
            parameters = {**_selectors(query), "watch": "1", "resourceVersion": seen}
            async for line in _lines(self._http.stream("GET", path, query=parameters, headers=accept)):
                event = _event(msgspec.json.decode(line))
                seen = _revision(event.object) or seen
                yield event

    async def create(self, kind: Kind, obj: Object, *, dry_run: bool = False) -> Object:
        """Create an object."""
        path = path_of(kind, obj["metadata"].get("namespace", ""))
        return await self.send("POST", path, _dry_run(dry_run), body=obj)

    async def replace(self, kind: Kind, obj: Object, *, dry_run: bool = False) -> Object:
        """Put an object in the place of the one that has its name."""
        meta = obj["metadata"]
        path = path_of(kind, meta.get("namespace", ""), meta["name"])
        return await self.send("PUT", path, _dry_run(dry_run), body=obj)

    async def patch(
        self,
        query: Query,
        patch: Any,
        *,
        patch_type: PatchType = "application/merge-patch+json",
        subresource: str = "",
        dry_run: bool = False,
    ) -> Object:
        """Change parts of the object that a query names."""
        path = path_of(query.kind, query.namespace, query.name, subresource)
        return await self.send("PATCH", path, _dry_run(dry_run), body=patch, content_type=patch_type)

    async def delete(self, query: Query, *, grace_period_s: int | None = None) -> Object:
        """Delete the object that a query names; the answer is the object, or a Status about it."""
        options: Object = {
            "kind": "DeleteOptions",
            "apiVersion": "v1",
            "propagationPolicy": "Background",
        }
        if grace_period_s is not None:
            options["gracePeriodSeconds"] = grace_period_s
        path = path_of(query.kind, query.namespace, query.name)
        return await self.send("DELETE", path, body=options)

    def log(self, pod: Query, parameters: Mapping[str, str]) -> AsyncIterator[bytes]:
        """Yield what a container wrote, as it comes."""
        path = path_of(pod.kind, pod.namespace, pod.name, "log")
        return self._http.stream("GET", path, query=parameters, headers={"Accept": "*/*"})

    async def read(self, path: str) -> bytes:
        """Read whatever is at a path (with its query), as it is.

        Raises:
            ApiError: the API refuses.

        """
        response = await self._http.request("GET", path, headers={"Accept": "*/*"})
        if response.status >= 300:
            raise error_of(_status(response.body), response.status)
        return response.body

    async def send(
        self,
        method: str,
        path: str,
        parameters: Mapping[str, str] | None = None,
        *,
        body: Any = None,
        content_type: str = JSON,
        accept: str = JSON,
        headers: Mapping[str, str] | None = None,
    ) -> Object:
        """Make any request, print what the API warns of, and give its answer."""
        headers = {"Accept": accept, **(headers or {})}
        encoded = b""
        if body is not None:
            encoded = msgspec.json.encode(body)
            headers["Content-Type"] = content_type
        response = await self._http.request(method, path, query=parameters, body=encoded, headers=headers)
        self._warn(response.headers.get("warning", ""))
        if response.status >= 300:
            raise error_of(_status(response.body), response.status)
        answer: Object = msgspec.json.decode(response.body)
        return answer

    def _warn(self, header: str) -> None:
        """Print each warning once, as kubectl does."""
        for match in _WARNING.finditer(header):
            text = _ESCAPED.sub(r"\1", match[1])
            if text not in self._warned:
                self._warned.add(text)
                print(f"Warning: {text}", file=sys.stderr)


def run_with_session(target: Target, command: Callable[[Session], Awaitable[T]]) -> T:
    """Run a command against the target's API.

    Raises:
        NotRunningError, PermissionDeniedError: nobody answers, or not to this user.

    """
    from netemu.cluster.places import paths_for

    socket = paths_for(target.cluster).api_socket
    check_socket(socket, target)

    async def converse() -> T:
        http = HttpClient(socket)
        try:
            return await command(Session(http, socket))
        finally:
            await http.close()

    return asyncio.run(converse())


def check_socket(socket: Path, target: Target) -> None:
    """Tell apart, before anything is tried, why nobody would answer.

    Raises:
        NotRunningError, PermissionDeniedError: see ``run_with_session``.

    """
    try:
        if socket.exists():
            return
    except PermissionError as err:
        raise PermissionDeniedError(
            f"the API of cluster {target.cluster!r} belongs to another user", hint="sudo netemu …"
        ) from err
    name = "" if target.cluster == DEFAULT_CLUSTER else f" --name {target.cluster}"
    hint = f"netemu up{name}" if os.geteuid() == 0 else f"sudo netemu … if root started it; netemu up{name}"
    raise NotRunningError(f"cluster {target.cluster!r} does not run: there is no {socket}", hint=hint)


async def _lines(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    rest = b""
    async for piece in pieces:
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            yield line


def _event(raw: Mapping[str, Any]) -> WatchEvent:
    if raw["type"] == "ERROR":
        raise error_of(raw["object"])
    return WatchEvent(raw["type"], raw["object"])


def _revision(obj: Object) -> str:
    """Read the revision of an object, or of the newest row of a Table."""
    metas = [obj.get("metadata") or {}]
    metas += [(row.get("object") or {}).get("metadata") or {} for row in obj.get("rows") or ()]
    return next((meta["resourceVersion"] for meta in reversed(metas) if meta.get("resourceVersion")), "")


def _selectors(query: Query) -> dict[str, str]:
    selectors = {"labelSelector": query.label_selector, "fieldSelector": query.field_selector}
    return {key: value for key, value in selectors.items() if value}


def _status(body: bytes) -> Object:
    """Read a refusal; one that is no JSON is its own message."""
    try:
        status = msgspec.json.decode(body)
    except msgspec.DecodeError:
        status = None
    return status if isinstance(status, dict) else {"message": body.decode(errors="replace").strip()}


def _dry_run(dry_run: bool) -> dict[str, str]:
    return {"dryRun": "All"} if dry_run else {}
