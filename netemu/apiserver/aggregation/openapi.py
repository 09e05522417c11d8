"""[IO] What other API servers say of their schemas, for the OpenAPI documents of the whole cluster.

Version 3 is one document for each group: theirs are asked for at their servers, here is only where they
are. Of version 2 there is one document for all, so their parts of it are fetched when somebody asks.

Source: kube-aggregator ``pkg/controllers/openapi``, ``openapiv3/aggregator``.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, NamedTuple

import msgspec

from netemu.api.errors import ApiError
from netemu.api.openapi import gnostic
from netemu.apiserver.aggregation.remotes import Remote, Remotes, is_available, remote_of

KEPT_S = 10.0
WITHIN_S = 5.0
REF = "#/definitions/"
INDEX, WHOLE = "/openapi/v3", "/openapi/v2"

Json = dict[str, Any]
Get = Callable[[Remote, str], Awaitable[tuple[int, bytes]]]

_OPERATION: Json = {
    **{key: [] for key in ("tags", "produces", "consumes", "parameters", "schemes")},
    **dict.fromkeys(("description", "operationId"), ""),
    "responses": {},
}
_PARAMETER: Json = {"description": "", "type": "string"}


class Part(NamedTuple):
    """What others add to the document of version 2; ``digest`` tells it from another."""

    paths: Json
    definitions: Json
    digest: str = ""


NOTHING = Part({}, {})


class RemoteDocuments:
    """Asks other API servers for their documents, and keeps the answers for some seconds."""

    def __init__(self, remotes: Remotes, get: Get, clock: Callable[[], float] = time.monotonic) -> None:
        self._remotes = remotes
        self._get = get
        self._clock = clock
        self._kept: dict[tuple[str, str], tuple[float, Json]] = {}

    async def paths(self) -> Json:
        """Give the entries of the index of version 3."""
        found: Json = {}
        for remote in self._available():
            index = (await self._document(remote, INDEX)).get("paths")
            key = remote.path.removeprefix("/")
            entry = index.get(key) if isinstance(index, dict) else None
            if isinstance(entry, dict) and isinstance(entry.get("serverRelativeURL"), str):
                found[key] = entry
        return found

    async def part(self) -> Part:
        """Give what belongs into the document of version 2."""
        paths: Json = {}
        definitions: Json = {}
        for remote in self._available():
            more = part_of(await self._document(remote, WHOLE), remote.path)
            paths |= more.paths
            definitions |= more.definitions
        if not paths:
            return NOTHING
        digest = hashlib.sha256(msgspec.json.encode([paths, definitions], order="deterministic"))
        return Part(paths, definitions, digest.hexdigest())

    def _available(self) -> Iterator[Remote]:
        return (remote_of(service) for service in self._remotes.all() if is_available(service))

    async def _document(self, remote: Remote, path: str) -> Json:
        key, now_s = (remote.name, path), self._clock()
        until_s, document = self._kept.get(key, (0.0, {}))
        if now_s >= until_s:
            document = await self._fetched(remote, path)
            self._kept = {each: kept for each, kept in self._kept.items() if kept[0] > now_s}
            self._kept[key] = now_s + KEPT_S, document
        return document

    async def _fetched(self, remote: Remote, path: str) -> Json:
        try:
            async with asyncio.timeout(WITHIN_S):
                status, body = await self._get(remote, path)
            return msgspec.json.decode(body, type=Json) if status == 200 else {}
        except (TimeoutError, ApiError, msgspec.DecodeError):
            return {}  # a server without documents is one whose objects nobody can explain


def part_of(document: Json, root: str) -> Part:
    """Give the part of a document of version 2 that is about one group and version."""
    given, known = document.get("paths"), document.get("definitions")
    if not isinstance(given, dict) or not isinstance(known, dict):
        return NOTHING
    own = {path: item for path, item in given.items() if path == root or path.startswith(f"{root}/")}
    paths = {path: made for path, item in own.items() if (made := _written(item)) is not None}
    names: dict[str, None] = {}
    _follow(paths, known, names)
    definitions = {name: known[name] for name in names if _can_be_written(known[name])}
    return Part(paths, definitions)


def _written(item: Any) -> Json | None:
    """Give a path's operations with all that they may leave out; ``None`` if they are none."""
    try:
        shared = item.get("parameters") or []
        made = {
            method: {
                **_OPERATION,
                **operation,
                "parameters": [
                    {**_PARAMETER, **each} if each["in"] != "body" else {"schema": {}, **each}
                    for each in (*shared, *(operation.get("parameters") or ()))
                ],
                "responses": {
                    code: {"description": "", **answer} for code, answer in operation["responses"].items()
                },
            }
            for method, operation in item.items()
            if method in gnostic.METHODS
        }
        gnostic.render_path(made)
    except (AttributeError, KeyError, TypeError, ValueError):
        return None
    return made


def _can_be_written(schema: Any) -> bool:
    try:
        gnostic.render_schema(schema)
    except (AttributeError, KeyError, TypeError, ValueError):
        return False
    return True


def _follow(value: Any, known: Json, names: dict[str, None]) -> None:
    """Note all definitions that a value refers to, and those that they refer to."""
    if isinstance(value, list):
        for each in value:
            _follow(each, known, names)
    if not isinstance(value, dict):
        return
    name = str(value.get("$ref", "")).removeprefix(REF)
    if name in known and name not in names:
        names[name] = None
        _follow(known[name], known, names)
    for each in value.values():
        _follow(each, known, names)
