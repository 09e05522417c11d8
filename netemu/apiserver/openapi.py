"""[IO] Requests for OpenAPI documents."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Callable
from typing import NamedTuple

from aiohttp import web

from netemu.api.openapi import gnostic, v2, v3
from netemu.api.resources import group_versions, kinds_of, served_paths
from netemu.api.served import ServedKinds
from netemu.apiserver import answers, discovery
from netemu.apiserver.aggregation.openapi import Part, RemoteDocuments
from netemu.apiserver.negotiation import JSON, MediaType, choose
from netemu.apiserver.routes import nothing_there
from netemu.apiserver.tagged import body_answer, has_already, packed_answer, tagged_answer, takes_gzip

_PLAIN = MediaType(JSON, {})
_V2 = (_PLAIN, MediaType(gnostic.ACCEPTED, {}))
_VARY = {"Vary": "Accept, Accept-Encoding"}
_YEAR_S = 31_536_000


class _Packed(NamedTuple):
    etag: str
    body: bytes


class OpenApiRequests:
    """Answers requests below ``/openapi``.

    Documents are made anew for each request. Only what old kubectls ask for before every write
    (version 2 in protobuf) is kept, compressed, once it was asked for.
    """

    def __init__(self, kinds: Callable[[], ServedKinds], others: RemoteDocuments) -> None:
        self._kinds = kinds
        self._others = others
        self._packed = _Packed("", b"")

    async def answer(self, request: web.BaseRequest, parts: tuple[str, ...]) -> web.Response:
        """Answer a request; ``parts`` is its path below ``/openapi``.

        Raises:
            NotFoundError, NotAcceptableError: there is no such document, or not in that form.

        """
        kinds = self._kinds()
        match parts:
            case ("v2",):
                wanted = choose(request.headers.get("Accept", ""), _V2)
                more = await self._others.part()
                return await (_v2_json if wanted is _PLAIN else self._v2_protobuf)(request, kinds, more)
            case ("v3",):
                paths = {**await self._others.paths(), **_v3_index(kinds)}
                return tagged_answer(request, answers.encode_json({"paths": paths}), JSON)
            case ("v3", "api", version) if version in kinds.versions(""):
                return await _v3_answer(request, kinds, "", version)
            case ("v3", "apis", group, version) if version in group_versions(kinds).get(group, ()):
                return await _v3_answer(request, kinds, group, version)
        raise nothing_there()

    async def _v2_protobuf(self, request: web.BaseRequest, kinds: ServedKinds, more: Part) -> web.Response:
        etag = f'"{v3.kinds_digest(kinds.all, "protobuf", more.digest)}"'
        headers = {**_VARY, "ETag": etag}
        if has_already(request, etag):
            return web.Response(status=304, headers=headers)
        if not takes_gzip(request):
            body = await asyncio.to_thread(gnostic.render_document, kinds, discovery.RELEASE, more[:2])
            return web.Response(body=body, headers={**headers, "Content-Type": gnostic.CONTENT_TYPE})
        if self._packed.etag != etag:
            self._packed = _Packed(etag, await asyncio.to_thread(_packed_v2, kinds, more))
        return packed_answer(self._packed.body, gnostic.CONTENT_TYPE, headers)


def _packed_v2(kinds: ServedKinds, more: Part) -> bytes:
    return gzip.compress(gnostic.render_document(kinds, discovery.RELEASE, more[:2]), 6)


async def _v2_json(request: web.BaseRequest, kinds: ServedKinds, more: Part) -> web.Response:
    etag = f'"{v3.kinds_digest(kinds.all, "json", more.digest)}"'
    headers = {**_VARY, "ETag": etag}
    if has_already(request, etag):
        return web.Response(status=304, headers=headers)
    body = await asyncio.to_thread(v2.render_document, kinds, discovery.RELEASE, more[:2])
    return body_answer(request, body, JSON, headers)


async def _v3_answer(request: web.BaseRequest, kinds: ServedKinds, group: str, version: str) -> web.Response:
    """Answer with one group's document; with its hash in the query it may be kept for good."""
    choose(request.headers.get("Accept", ""), (_PLAIN,))
    chosen = kinds_of(kinds, group, version)
    digest, asked = v3.kinds_digest(chosen, group, version), request.query.get("hash", "")
    if asked and asked != digest:
        return web.Response(status=301, headers={"Location": f"{request.path}?hash={digest}"})
    headers = {**_VARY, "ETag": f'"{digest}"', "Cache-Control": _freshness(bool(asked))}
    if has_already(request, headers["ETag"]):
        return web.Response(status=304, headers=headers)
    body = await asyncio.to_thread(v3.render_document, group, version, chosen, discovery.RELEASE)
    return body_answer(request, body, JSON, headers)


def _freshness(is_immutable: bool) -> str:
    return f"public, max-age={_YEAR_S}, immutable" if is_immutable else "no-cache, private"


def _v3_index(kinds: ServedKinds) -> dict[str, dict[str, str]]:
    digests = {
        path: v3.kinds_digest(kinds_of(kinds, *pair), *pair) for path, pair in served_paths(kinds).items()
    }
    return {
        path.removeprefix("/"): {"serverRelativeURL": f"/openapi/v3{path}?hash={digest}"}
        for path, digest in digests.items()
    }
