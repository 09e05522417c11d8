"""[IO] The ``Client`` of other processes: the REST API over the daemon's Unix socket."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import msgspec
from msgspec import Struct

from netemu import __version__
from netemu.api.client import Object, ObjectList, PatchType, WatchEvent
from netemu.api.kinds import Kind
from netemu.api.status import error_of
from netemu.apiclient.connection import Connection, ConnectionClosedError
from netemu.naming import Revision

JSON = "application/json"
MAX_IDLE = 4
USER_AGENT = f"netemu/{__version__}"
"""Also the name under which the API notes which fields this client sets."""

Query = Mapping[str, str] | list[tuple[str, str]]

_decode = msgspec.json.Decoder().decode


class Response(Struct, frozen=True):
    """An answer, whatever its status. Names of headers are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


class HttpClient:
    """Speaks to one cluster's API server. Connections are opened when needed and kept."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket
        self._idle: list[Connection] = []

    async def get(self, kind: Kind, namespace: str, name: str) -> Object:
        """Read one object; see ``Client.get``."""
        return await self._json("GET", path_of(kind, namespace, name))

    async def list(
        self, kind: Kind, namespace: str = "", *, label_selector: str = "", field_selector: str = ""
    ) -> ObjectList:
        """Read all objects of a kind; see ``Client.list``."""
        query = {"labelSelector": label_selector, "fieldSelector": field_selector}
        listing = await self._json("GET", path_of(kind, namespace), query=_given(query))
        return read_list(kind, listing)

    async def watch(
        self, kind: Kind, namespace: str = "", *, revision: Revision
    ) -> AsyncIterator[WatchEvent]:
        """Yield every change after ``revision``; see ``Client.watch``.

        The server ends a watch now and then: it is taken up again where it ended.
        """
        seen = str(revision)
        while True:
            query = {"watch": "1", "resourceVersion": seen, "allowWatchBookmarks": "true"}
            async with aclosing(self._events(path_of(kind, namespace), query)) as events:
                async for event in events:
                    seen = event.object["metadata"]["resourceVersion"]
                    if event.type != "BOOKMARK":
                        yield event

    async def create(self, kind: Kind, obj: Object) -> Object:
        """Create an object; see ``Client.create``."""
        namespace = obj["metadata"].get("namespace", "") if kind.namespaced else ""
        return await self._json("POST", path_of(kind, namespace), body=obj)

    async def update(self, kind: Kind, obj: Object, *, subresource: str = "") -> Object:
        """Replace an object or a part of it; see ``Client.update``.

        ``subresource`` may also be ``finalize``, ``scale`` and ``binding``.
        """
        meta = obj["metadata"]
        path = path_of(kind, meta.get("namespace", ""), meta["name"], subresource)
        return await self._json("POST" if subresource == "binding" else "PUT", path, body=obj)

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
        path = path_of(kind, namespace, name, subresource)
        return await self._json("PATCH", path, body=patch, content_type=patch_type)

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
        """Delete an object; see ``Client.delete``. Gives a Status when the server gives no object."""
        options: Object = {"kind": "DeleteOptions", "apiVersion": "v1"}
        if grace_period_s is not None:
            options["gracePeriodSeconds"] = grace_period_s
        if propagation:
            options["propagationPolicy"] = propagation
        if uid:
            options["preconditions"] = {"uid": uid}
        return await self._json("DELETE", path_of(kind, namespace, name), body=options)

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """Send one request and read its answer, whatever its status.

        Raises:
            UnavailableError: the server cannot be reached or went away.

        """
        connection, head = await self._send(method, path, query, body, headers)
        try:
            content = b"".join([piece async for piece in connection.pieces()])
        except BaseException:
            connection.close()
            raise
        self._put_back(connection)
        return Response(head.status_code, _lowered(head), content)

    async def stream(
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> AsyncGenerator[bytes]:
        """Send one request and yield the body of its answer in pieces, as they come.

        Raises:
            ApiError: the server refuses; it comes before the first piece.
            UnavailableError: the server cannot be reached or went away.

        """
        connection, head = await self._send(method, path, query, b"", headers)
        try:
            if head.status_code >= 300:
                content = b"".join([piece async for piece in connection.pieces()])
                raise error_of(_status(content), head.status_code)
            async for piece in connection.pieces():
                yield piece
        finally:
            connection.close()

    async def close(self) -> None:
        """Let go of the connections that are kept."""
        while self._idle:
            self._idle.pop().close()

    async def _json(
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        body: Any = None,
        content_type: str = JSON,
    ) -> Object:
        encoded = b"" if body is None else msgspec.json.encode(body)
        headers = {"Content-Type": content_type} if encoded else None
        response = await self.request(method, path, query=query, body=encoded, headers=headers)
        if response.status >= 300:
            raise error_of(_status(response.body), response.status)
        answer: Object = _decode(response.body)
        return answer

    async def _events(self, path: str, query: Query) -> AsyncGenerator[WatchEvent]:
        rest = b""
        async with aclosing(self.stream("GET", path, query=query)) as pieces:
            async for piece in pieces:
                *lines, rest = (rest + piece).split(b"\n")
                for line in lines:
                    event = _decode(line)
                    if event["type"] == "ERROR":
                        raise error_of(event["object"])
                    yield WatchEvent(event["type"], event["object"])

    async def _send(
        self, method: str, path: str, query: Query | None, body: bytes, headers: Mapping[str, str] | None
    ) -> tuple[Connection, Any]:
        target = f"{path}?{urlencode(query)}" if query else path
        sent = [
            ("Host", "netemu"),
            *({"User-Agent": USER_AGENT, "Accept": JSON} | dict(headers or {})).items(),
        ]
        if body:
            sent.append(("Content-Length", str(len(body))))
        idle = self._take_idle()
        if idle is not None:
            try:
                return idle, await idle.send(method, target, sent, body)
            except ConnectionClosedError:
                if method != "GET":  # it may have been fulfilled: only the caller can tell
                    raise
        connection = await Connection.open(self._socket)
        return connection, await connection.send(method, target, sent, body)

    def _take_idle(self) -> Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if connection.is_idle:
                return connection
            connection.close()
        return None

    def _put_back(self, connection: Connection) -> None:
        connection.reuse()
        if connection.is_idle and len(self._idle) < MAX_IDLE:
            self._idle.append(connection)
        else:
            connection.close()


def read_list(kind: Kind, listing: Object) -> ObjectList:
    """Read a list. Its items do not say what they are where the list does: they are told here."""
    names = {"kind": kind.kind, "apiVersion": kind.api_version}
    items = [{**names, **item} for item in listing["items"]]
    return ObjectList(items, Revision(int(listing["metadata"].get("resourceVersion") or "0")))


def path_of(kind: Kind, namespace: str = "", name: str = "", subresource: str = "") -> str:
    """Give the path of a collection, an object or a subresource."""
    root = f"/apis/{kind.group}/{kind.version}" if kind.group else f"/api/{kind.version}"
    parts = [root]
    if kind.namespaced and namespace:
        parts += ["namespaces", quote(namespace, safe="")]
    parts.append(kind.resource)
    parts += [quote(part, safe="") for part in (name, subresource) if part]
    return "/".join(parts)


def _given(query: dict[str, str]) -> dict[str, str]:
    return {key: value for key, value in query.items() if value}


def _lowered(head: Any) -> dict[str, str]:
    lowered: dict[str, str] = {}
    for raw_name, raw_value in head.headers:
        name, value = raw_name.decode().lower(), raw_value.decode("latin-1")
        lowered[name] = f"{lowered[name]}, {value}" if name in lowered else value
    return lowered


def _status(body: bytes) -> Object:
    try:
        status = _decode(body)
    except msgspec.DecodeError:
        status = None
    return status if isinstance(status, dict) else {"message": body.decode(errors="replace").strip()}
