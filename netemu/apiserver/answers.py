"""[IO] Answers over HTTP: JSON, Tables for those who ask for them, and errors as Status."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from aiohttp import web

from netemu.api.client import Object, ObjectList
from netemu.api.errors import ApiError
from netemu.api.kinds import Kind
from netemu.api.status import status_of
from netemu.apiserver.tables import IncludeObject, table

encode_json = msgspec.json.Encoder().encode

JSON = "application/json"


def json_answer(value: object, *, status: int = 200, warnings: Sequence[str] = ()) -> web.Response:
    """Answer with JSON; each warning becomes a header that kubectl prints."""
    answer = web.Response(body=encode_json(value), status=status, content_type=JSON)
    for warning in warnings:
        answer.headers.add("Warning", f'299 - "{_quoted(warning)}"')
    return answer


def error_answer(error: ApiError) -> web.Response:
    """Answer with a Status."""
    return json_answer(status_of(error), status=error.http_status)


def text_answer(text: str, *, status: int = 200) -> web.Response:
    """Answer with plain text."""
    return web.Response(text=text, status=status)


def list_object(kind: Kind, listing: ObjectList) -> Object:
    """Give a collection as the API writes it."""
    return {
        "kind": f"{kind.kind}List",
        "apiVersion": kind.api_version,
        "metadata": {"resourceVersion": str(listing.revision)},
        "items": listing.items,
    }


def wants_table(accept: str) -> bool:
    """Tell whether a client asks for a ``meta.k8s.io/v1`` Table before anything else it takes."""
    first = accept.split(",", 1)[0].replace(" ", "")
    return "as=Table" in first and "v=v1;" in first + ";" and "g=meta.k8s.io" in first


def include_object(text: str) -> IncludeObject:
    """Read the query's ``includeObject``; rows carry metadata unless told otherwise."""
    return text if text in ("None", "Object") else "Metadata"  # type: ignore[return-value]


def collection_answer(
    kind: Kind, listing: ObjectList, *, as_table: IncludeObject | None, now_s: float
) -> web.Response:
    """Answer with a collection."""
    if as_table is None:
        return json_answer(list_object(kind, listing))
    meta = {"resourceVersion": str(listing.revision)}
    return json_answer({**table(kind, listing.items, now_s, as_table), "metadata": meta})


def object_answer(kind: Kind, obj: Object, *, as_table: IncludeObject | None, now_s: float) -> web.Response:
    """Answer with one object."""
    if as_table is None:
        return json_answer(obj)
    meta = {"resourceVersion": obj["metadata"]["resourceVersion"]}
    return json_answer({**table(kind, [obj], now_s, as_table), "metadata": meta})


def _quoted(text: str) -> str:
    printable = "".join(c if c.isprintable() else " " for c in text)
    return printable.replace("\\", "\\\\").replace('"', '\\"')
