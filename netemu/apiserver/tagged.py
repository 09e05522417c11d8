"""[IO] Answers that a client who has them already need not get again, and small ones."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Mapping

from aiohttp import web

COMPRESSED_FROM_BYTES = 128 << 10


def tagged_answer(request: web.BaseRequest, body: bytes, content_type: str) -> web.Response:
    """Answer with a body, or with 304 to who has it."""
    etag = f'"{hashlib.sha256(body).hexdigest().upper()}"'
    headers = {"ETag": etag, "Vary": "Accept", "Cache-Control": "no-cache, private"}
    if has_already(request, etag):
        return web.Response(status=304, headers=headers)
    return body_answer(request, body, content_type, headers)


def body_answer(
    request: web.BaseRequest, body: bytes, content_type: str, headers: Mapping[str, str]
) -> web.Response:
    """Answer with a body, compressed when it is long and the client can read that."""
    more = {**headers, "Content-Type": content_type}
    if len(body) >= COMPRESSED_FROM_BYTES and takes_gzip(request):
        return packed_answer(gzip.compress(body, 1), content_type, headers)
    return web.Response(body=body, headers=more)


def packed_answer(packed: bytes, content_type: str, headers: Mapping[str, str]) -> web.Response:
    """Answer with a body that is compressed already."""
    return web.Response(
        body=packed, headers={**headers, "Content-Type": content_type, "Content-Encoding": "gzip"}
    )


def takes_gzip(request: web.BaseRequest) -> bool:
    """Tell whether the client can read compressed bodies."""
    return "gzip" in request.headers.get("Accept-Encoding", "")


def has_already(request: web.BaseRequest, etag: str) -> bool:
    """Tell whether the client has what the tag stands for."""
    said = request.headers.get("If-None-Match", "")
    return etag in (part.strip().removeprefix("W/") for part in said.split(","))
