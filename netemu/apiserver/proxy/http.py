"""[IO] Pass a request through to a pod, an endpoint of a Service or a node, and its answer back."""

from __future__ import annotations

import asyncio
import contextlib
import random
import zlib
from collections.abc import AsyncIterator

import h11
from aiohttp import web
from multidict import CIMultiDict

from netemu.api.errors import ApiError
from netemu.api.kinds import ENDPOINT_SLICE, NODE, POD
from netemu.apiserver.podaccess import PodAccess
from netemu.apiserver.proxy.backends import (
    Backend,
    is_slice_of,
    node_backend,
    pod_backend,
    service_backend,
    target_of,
)
from netemu.apiserver.proxy.exchange import Exchange, exchange
from netemu.apiserver.proxy.headers import Fields, forwarded_headers, request_headers, response_headers
from netemu.apiserver.proxy.links import LinkRewriter, Rewriting
from netemu.apiserver.proxy.splice import splice
from netemu.apiserver.reachpaths import ReachPath
from netemu.apiserver.registry import Registry
from netemu.apiserver.streams.failures import first_failure
from netemu.apiserver.streams.links import switched

_GZIP_OR_ZLIB = zlib.MAX_WBITS | 32
_DECODED = ("gzip", "deflate")
_NOTHING: Fields = []
_rng = random.Random()


async def proxy_answer(
    request: web.BaseRequest, path: ReachPath, registry: Registry, pod_access: PodAccess
) -> web.StreamResponse:
    """Answer a request with what its backend answers.

    Raises:
        ApiError: there is no backend, or it does not answer.

    """
    backend = find_backend(path, registry)
    if not path.rest and not _wanted_upgrade(request) and request.method in ("GET", "HEAD"):
        return _to_directory(request)
    async with exchange(backend, pod_access) as passing:
        return await pass_through(passing, request, path, backend.host)


async def pass_through(
    passing: Exchange, request: web.BaseRequest, path: ReachPath, host: str, *, more: Fields = _NOTHING
) -> web.StreamResponse:
    """Send a request on, with ``more`` headers, and answer it with what comes back from ``host``.

    Raises:
        UnavailableError: nothing does.

    """
    upgrade = _wanted_upgrade(request)
    await _ask(passing, request, path, upgrade, more)
    with first_failure():
        async with asyncio.TaskGroup() as group:
            asking = group.create_task(_send_body(passing, request, has_body=not upgrade))
            head = await passing.read_head()
            if isinstance(head, h11.InformationalResponse):
                answer = await _switch(passing, request, head)
            else:
                answer = await _answer(passing, request, head, _rewriting(request, path, host))
            asking.cancel()
            return answer


def find_backend(path: ReachPath, registry: Registry) -> Backend:
    """Decide where a request goes.

    Raises:
        ApiError: its name cannot be read, the object is not there, or nobody serves it.

    """
    target = target_of(path.kind, path.name)
    obj = registry.get(path.kind, path.namespace, target.name)
    if path.kind is POD:
        return pod_backend(obj, target)
    if path.kind is NODE:
        return node_backend(obj, target)
    slices = registry.list(ENDPOINT_SLICE, path.namespace).items
    return service_backend(obj, [each for each in slices if is_slice_of(target.name, each)], target, _rng)


async def _ask(
    passing: Exchange, request: web.BaseRequest, path: ReachPath, upgrade: str, more: Fields
) -> None:
    query = request.rel_url.raw_query_string
    forwarded = forwarded_headers(
        client=request.remote or "",
        given=request.headers.get("X-Forwarded-For", ""),
        host=request.host,
        scheme=request.scheme,
        uri=request.rel_url.raw_path,
    )
    headers = request_headers(request.headers.items(), upgrade=upgrade, forwarded=[*forwarded, *more])
    # The HTTP server has undone a body's compression, and with it its length.
    is_decoded = request.headers.get("Content-Encoding", "").lower() in _DECODED
    if is_decoded:
        headers = [
            field for field in headers if field[0].lower() not in ("content-encoding", "content-length")
        ]
    if request.body_exists and (is_decoded or request.content_length is None):
        headers.append(("Transfer-Encoding", "chunked"))
    target = f"{path.rest or '/'}?{query}" if query else path.rest or "/"
    await passing.send_head(request.method, target, headers)


async def _send_body(passing: Exchange, request: web.BaseRequest, *, has_body: bool) -> None:
    if not has_body:
        return
    if request.headers.get("Expect", "").lower() == "100-continue" and request.transport is not None:
        request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    # A backend that reads no further may have answered all the same; a client that has gone is
    # what the handler is cancelled for.
    with contextlib.suppress(ApiError, ConnectionError, web.RequestPayloadError):
        await passing.send_body(_pieces(request))


async def _pieces(request: web.BaseRequest) -> AsyncIterator[bytes]:
    async for piece in request.content.iter_any():
        yield piece


async def _answer(
    passing: Exchange, request: web.BaseRequest, head: h11.Response, rewriting: Rewriting
) -> web.StreamResponse:
    """Pass an answer on; once its head is sent, all that can go wrong is that it breaks off."""
    headers = CIMultiDict(response_headers(_fields(head)))
    if "Location" in headers:
        headers["Location"] = rewriting.rewrite(headers["Location"])
    is_page = headers.get("Content-Type", "").partition(";")[0].strip().lower() == "text/html"
    encoding = headers.get("Content-Encoding", "").lower()
    pieces = passing.pieces()
    if is_page and encoding in ("", *_DECODED):
        headers.popall("Content-Length", None)
        headers.popall("Content-Encoding", None)
        pieces = _rewritten(_decoded(pieces, encoding), LinkRewriter(rewriting))
    reason = head.reason.decode("latin-1")
    answer = web.StreamResponse(status=head.status_code, reason=reason, headers=headers)
    if "Content-Length" not in headers and request.method != "HEAD" and head.status_code not in (204, 304):
        answer.enable_chunked_encoding()
    await answer.prepare(request)
    try:
        async for piece in pieces:
            await answer.write(piece)
        await answer.write_eof()
    except (ApiError, ConnectionError, zlib.error):
        if request.transport is not None:
            request.transport.abort()  # the only way left to say that this was not all
    return answer


async def _switch(
    passing: Exchange, request: web.BaseRequest, head: h11.InformationalResponse
) -> web.StreamResponse:
    """Let client and backend speak as they agreed, until either has no more to say."""
    answer = web.StreamResponse()
    fields = [field for field in _fields(head) if field[0].lower() not in ("connection", "content-length")]
    async with switched(request, answer, dict(fields)) as client:
        await client.write(passing.early())
        await splice(client, passing)
    return answer


async def _decoded(pieces: AsyncIterator[bytes], encoding: str) -> AsyncIterator[bytes]:
    if not encoding:
        async for piece in pieces:
            yield piece
        return
    inflating = zlib.decompressobj(_GZIP_OR_ZLIB)
    async for piece in pieces:
        left = piece
        while left:  # in bounded pieces: a little can become very much
            yield inflating.decompress(left, 1 << 20)
            left = inflating.unconsumed_tail
    yield inflating.flush()


async def _rewritten(pieces: AsyncIterator[bytes], rewriter: LinkRewriter) -> AsyncIterator[bytes]:
    async for piece in pieces:
        yield rewriter.feed(piece)
    yield rewriter.end()


def _to_directory(request: web.BaseRequest) -> web.Response:
    """Send the client to the same path with a slash, so that relative links work."""
    query = request.rel_url.raw_query_string
    location = f"{request.rel_url.raw_path}/" + (f"?{query}" if query else "")
    return web.Response(status=301, headers={"Location": location})


def _rewriting(request: web.BaseRequest, path: ReachPath, host: str) -> Rewriting:
    prefix = request.rel_url.raw_path.removesuffix(path.rest)
    return Rewriting(prefix, host, request.host)


def _wanted_upgrade(request: web.BaseRequest) -> str:
    tokens = request.headers.get("Connection", "").lower().replace(" ", "").split(",")
    return request.headers.get("Upgrade", "") if "upgrade" in tokens else ""


def _fields(head: h11.Response | h11.InformationalResponse) -> Fields:
    raw = head.headers.raw_items()
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in raw]
