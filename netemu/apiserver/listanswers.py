"""[IO] Lists over HTTP: in pieces, so that a long one keeps neither memory nor others waiting."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence

from aiohttp import web

from netemu.apiserver.answers import JSON, encode_json, warn
from netemu.apiserver.encodings import object_answer
from netemu.apiserver.forms import Listing

PIECE_BYTES = 64 << 10
"""How much is encoded ahead of a client, and before others get a turn."""


async def list_answer(
    request: web.BaseRequest, listing: Listing, *, warnings: Sequence[str] = ()
) -> web.StreamResponse:
    """Answer with a list. A long one is encoded as its client reads it."""
    if listing.encoding != "json":
        whole = {**listing.head, listing.name: list(listing.parts)}
        return object_answer(whole, listing.encoding, warnings=warnings)
    pieces = _pieces(listing)
    first, second = next(pieces), next(pieces, None)
    if second is None:
        short = web.Response(body=first, content_type=JSON)
        warn(short, warnings)
        return short
    answer = web.StreamResponse(headers={"Content-Type": JSON})
    warn(answer, warnings)
    await answer.prepare(request)
    await answer.write(first)
    await answer.write(second)
    for piece in pieces:
        await asyncio.sleep(0)
        await answer.write(piece)
    await answer.write_eof()
    return answer


def _pieces(listing: Listing) -> Iterator[bytes]:
    piece = [encode_json(listing.head)[:-1], b',"', listing.name.encode(), b'":[']
    size_bytes, comma = 0, b""
    for part in listing.parts:
        encoded = encode_json(part)
        piece += (comma, encoded)
        size_bytes, comma = size_bytes + len(encoded), b","
        if size_bytes >= PIECE_BYTES:
            yield b"".join(piece)
            piece, size_bytes = [], 0
    yield b"".join((*piece, b"]}"))
