"""Answers with objects in the encoding that their client reads: JSON unless it takes none."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web

from netemu.api.client import EventType, Object
from netemu.api.errors import NotAcceptableError
from netemu.apiserver.answers import JSON, encode_json, json_answer, warn
from netemu.apiserver.forms import Encoding

YAML = "application/yaml"
PROTOBUF = "application/vnd.kubernetes.protobuf"
STREAM_TYPES: dict[Encoding, str] = {"json": JSON, "yaml": JSON, "protobuf": f"{PROTOBUF};stream=watch"}


def object_answer(
    obj: Object, encoding: Encoding, *, status: int = 200, warnings: Sequence[str] = ()
) -> web.Response:
    """Answer with an object.

    Raises:
        NotAcceptableError: it has no protobuf messages.

    """
    match encoding:
        case "json":
            return json_answer(obj, status=status, warnings=warnings)
        case "yaml":  # JSON is YAML
            answer = web.Response(body=encode_json(obj), status=status, content_type=YAML)
        case "protobuf":
            answer = web.Response(body=_protobuf(obj), status=status, content_type=PROTOBUF)
    warn(answer, warnings)
    return answer


def encode_event(type_: EventType | str, obj: Object, encoding: Encoding) -> bytes:
    """Write an event of a watch.

    Raises:
        NotAcceptableError: the object has no protobuf messages.

    """
    if encoding != "protobuf":
        return encode_json({"type": type_, "object": obj}) + b"\n"
    from netemu.api import protobuf

    encoded = protobuf.encode_event(type_, obj)
    if encoded is None:
        raise no_protobuf()
    return encoded


def no_protobuf() -> NotAcceptableError:
    """Say that there are no messages for what is asked for: users' own kinds have none."""
    return NotAcceptableError(
        "only the following media types are accepted: application/json, application/yaml"
    )


def _protobuf(obj: Object) -> bytes:
    from netemu.api import protobuf

    encoded = protobuf.encode_object(obj)
    if encoded is None:
        raise no_protobuf()
    return encoded
