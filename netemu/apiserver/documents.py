"""[IO] Requests for what the API says about itself: health, discovery, OpenAPI."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
from collections.abc import Callable, Mapping

from aiohttp import web

from netemu.api.errors import MethodNotAllowedError
from netemu.api.openapi import gnostic, v2, v3
from netemu.api.resources import group_versions, kinds_of
from netemu.api.served import ServedKinds
from netemu.apiserver import answers, discovery, health
from netemu.apiserver.negotiation import JSON, MediaType, choose, render
from netemu.apiserver.routes import nothing_there

AGGREGATED = "APIGroupDiscoveryList"
COMPRESSED_FROM_BYTES = 128 << 10

_PLAIN = MediaType(JSON, {})
_DISCOVERY = (
    *(MediaType(JSON, {"g": "apidiscovery.k8s.io", "v": v, "as": AGGREGATED}) for v in ("v2", "v2beta1")),
    _PLAIN,
)
_OPENAPI_V2 = (_PLAIN, MediaType(gnostic.ACCEPTED, {}))
_YEAR_S = 31_536_000

Parts = tuple[str, ...]


class DocumentRequests:
    """Answers requests for documents; ``kinds`` gives the kinds that are served at that moment."""

    def __init__(self, kinds: Callable[[], ServedKinds], waits_for: Callable[[], str]) -> None:
        self._kinds = kinds
        self._waits_for = waits_for

    async def answer(self, request: web.BaseRequest) -> web.Response | None:
        """Answer a request for a document; ``None`` when the path is no document's.

        Raises:
            ApiError: there is no such document, or not in the form that the client wants.

        """
        parts = tuple(part for part in request.path.split("/") if part)
        if parts and parts[0] in health.PROBES and len(parts) <= 2:
            return self._probe(_readable(request), parts)
        if parts[:1] == ("openapi",):
            return await self._openapi(_readable(request), parts[1:])
        found = self._discovery(request, parts)
        return None if found is None else _tagged(_readable(request), *found)

    def _probe(self, request: web.BaseRequest, parts: Parts) -> web.Response:
        name, check = (*parts, "")[:2]
        query = request.query
        excluded = frozenset(query.getall("exclude", []))
        found = health.probe(name, check, self._waits_for(), verbose="verbose" in query, excluded=excluded)
        return answers.text_answer(found.text, status=200 if found.is_ok else 503)

    def _discovery(self, request: web.BaseRequest, parts: Parts) -> tuple[bytes, str] | None:
        kinds = self._kinds()
        match parts:
            case ():
                return _encoded({"paths": _paths(kinds)})
            case ("version",):
                return _encoded(discovery.version())
            case ("api",):
                return self._root(request, discovery.core_versions(), core=True)
            case ("apis",):
                return self._root(request, discovery.group_list(kinds), core=False)
            case ("api", version):
                return _encoded(discovery.find_resources(kinds, "", version))
            case ("apis", group):
                return _encoded(discovery.find_group(kinds, group))
            case ("apis", group, version):
                return _encoded(discovery.find_resources(kinds, group, version))
        return None

    def _root(
        self, request: web.BaseRequest, legacy: discovery.Document, *, core: bool
    ) -> tuple[bytes, str] | None:
        wanted = choose(request.headers.get("Accept", ""), _DISCOVERY)
        if wanted is _PLAIN:
            return _encoded(legacy)
        document = discovery.aggregated(self._kinds(), wanted.parameters["v"], core=core)
        return answers.encode_json(document), render(wanted)

    async def _openapi(self, request: web.BaseRequest, parts: Parts) -> web.Response:
        kinds = self._kinds()
        match parts:
            case ("v2",):
                return await _v2_answer(request, kinds)
            case ("v3",):
                return _tagged(request, answers.encode_json({"paths": _v3_index(kinds)}), JSON)
            case ("v3", "api", version) if version in kinds.versions(""):
                return await _v3_answer(request, kinds, "", version)
            case ("v3", "apis", group, version) if version in group_versions(kinds).get(group, ()):
                return await _v3_answer(request, kinds, group, version)
        raise nothing_there()


async def _v2_answer(request: web.BaseRequest, kinds: ServedKinds) -> web.Response:
    wanted = choose(request.headers.get("Accept", ""), _OPENAPI_V2)
    make, content_type = v2.render_document, JSON
    if wanted is not _PLAIN:
        make, content_type = gnostic.render_document, gnostic.CONTENT_TYPE
    etag = f'"{v3.kinds_digest(kinds.all)}-{"json" if content_type is JSON else "protobuf"}"'
    headers = {"ETag": etag, "Vary": "Accept, Accept-Encoding"}
    if _has(request, etag):
        return web.Response(status=304, headers=headers)
    body = await asyncio.to_thread(make, kinds, discovery.RELEASE)
    return _body(request, body, content_type, headers)


async def _v3_answer(request: web.BaseRequest, kinds: ServedKinds, group: str, version: str) -> web.Response:
    """Answer with one group's document; with its hash in the query it may be kept for good."""
    choose(request.headers.get("Accept", ""), (_PLAIN,))
    chosen = kinds_of(kinds, group, version)
    digest, asked = v3.kinds_digest(chosen, group, version), request.query.get("hash", "")
    if asked and asked != digest:
        return web.Response(status=301, headers={"Location": f"{request.path}?hash={digest}"})
    headers = {"ETag": f'"{digest}"', "Vary": "Accept, Accept-Encoding", **_freshness(bool(asked))}
    if _has(request, headers["ETag"]):
        return web.Response(status=304, headers=headers)
    body = await asyncio.to_thread(v3.render_document, group, version, chosen, discovery.RELEASE)
    return _body(request, body, JSON, headers)


def _freshness(is_immutable: bool) -> dict[str, str]:
    if not is_immutable:
        return {"Cache-Control": "no-cache, private"}
    return {"Cache-Control": f"public, max-age={_YEAR_S}, immutable"}


def _v3_index(kinds: ServedKinds) -> dict[str, dict[str, str]]:
    digests = {_path_of(*pair): v3.kinds_digest(kinds_of(kinds, *pair), *pair) for pair in _pairs(kinds)}
    return {
        path.removeprefix("/"): {"serverRelativeURL": f"/openapi/v3{path}?hash={digest}"}
        for path, digest in digests.items()
    }


def _paths(kinds: ServedKinds) -> list[str]:
    probes = [f"/{name}" for name in health.PROBES]
    return sorted(
        ["/api", "/apis", "/openapi/v2", "/openapi/v3", "/version", *probes]
        + [f"/apis/{group}" for group in group_versions(kinds) if group]
        + [_path_of(*pair) for pair in _pairs(kinds)]
    )


def _path_of(group: str, version: str) -> str:
    return f"/apis/{group}/{version}" if group else f"/api/{version}"


def _pairs(kinds: ServedKinds) -> list[tuple[str, str]]:
    return [(group, version) for group, versions in group_versions(kinds).items() for version in versions]


def _readable(request: web.BaseRequest) -> web.BaseRequest:
    if request.method not in ("GET", "HEAD"):
        raise MethodNotAllowedError("the server does not allow this method on the requested resource")
    return request


def _encoded(document: Mapping[str, object] | None) -> tuple[bytes, str] | None:
    return None if document is None else (answers.encode_json(document), JSON)


def _tagged(request: web.BaseRequest, body: bytes, content_type: str) -> web.Response:
    """Answer with a body that a client who has it already need not get again."""
    etag = f'"{hashlib.sha256(body).hexdigest().upper()}"'
    headers = {"ETag": etag, "Vary": "Accept", "Cache-Control": "no-cache, private"}
    if _has(request, etag):
        return web.Response(status=304, headers=headers)
    return _body(request, body, content_type, headers)


def _body(
    request: web.BaseRequest, body: bytes, content_type: str, headers: Mapping[str, str]
) -> web.Response:
    more = {**headers, "Content-Type": content_type}
    if len(body) >= COMPRESSED_FROM_BYTES and "gzip" in request.headers.get("Accept-Encoding", ""):
        body, more = gzip.compress(body, 1), {**more, "Content-Encoding": "gzip"}
    return web.Response(body=body, headers=more)


def _has(request: web.BaseRequest, etag: str) -> bool:
    said = request.headers.get("If-None-Match", "")
    return etag in (part.strip().removeprefix("W/") for part in said.split(","))
