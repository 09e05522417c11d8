"""[IO] Answers over HTTP: JSON, warnings, and errors as Status."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from aiohttp import web

from netemu.api.errors import ApiError
from netemu.api.status import status_of

encode_json = msgspec.json.Encoder().encode

JSON = "application/json"


def json_answer(value: object, *, status: int = 200, warnings: Sequence[str] = ()) -> web.Response:
    """Answer with JSON; each warning becomes a header that kubectl prints."""
    answer = web.Response(body=encode_json(value), status=status, content_type=JSON)
    warn(answer, warnings)
    return answer


def warn(answer: web.StreamResponse, warnings: Sequence[str]) -> None:
    """Say something beside the answer: a header that kubectl prints."""
    for warning in warnings:
        answer.headers.add("Warning", f'299 - "{_quoted(warning)}"')


def error_answer(error: ApiError) -> web.Response:
    """Answer with a Status."""
    return json_answer(status_of(error), status=error.http_status)


def text_answer(text: str, *, status: int = 200) -> web.Response:
    """Answer with plain text."""
    return web.Response(text=text, status=status)


def _quoted(text: str) -> str:
    printable = "".join(c if c.isprintable() else " " for c in text)
    return printable.replace("\\", "\\\\").replace('"', '\\"')
