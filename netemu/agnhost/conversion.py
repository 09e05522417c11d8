"""``agnhost crd-conversion-webhook``: ``hostPort`` of v1 is ``host`` and ``port`` of v2.

Source: Kubernetes ``test/images/agnhost/crd-conversion-webhook``.
"""

from __future__ import annotations

import json
from typing import Any

from netemu.agnhost.flags import parse_flags, parse_number_flag
from netemu.agnhost.golang import quoted
from netemu.agnhost.model import Listener, Request, Response, Setting, Surroundings, Tls

FLAGS = {"tls-cert-file": "", "tls-private-key-file": "", "port": "443"}

Json = dict[str, Any]


class _UnknownError(Exception):
    """An object that cannot be converted; the text says why."""


def build(setting: Setting, _surroundings: Surroundings) -> tuple[Listener, ...]:
    """Serve the webhook."""
    flags = parse_flags(setting.args, FLAGS)
    port = parse_number_flag("port", flags["port"])
    return (Listener(port, Tls(_answer, flags["tls-cert-file"], flags["tls-private-key-file"])),)


def _answer(request: Request) -> Response:
    if request.path == "/readyz":
        return Response(b"ok")
    if request.path != "/crdconvert":
        return Response(b"404 page not found\n", 404)
    try:
        review = json.loads(request.body)
        asked = review["request"]
        objects, wanted = asked["objects"], asked["desiredAPIVersion"]
    except (ValueError, KeyError, TypeError) as err:
        return Response(f"failed to deserialize body ({request.body!r}) with error {err}\n".encode(), 400)
    said = {key: review.get(key) for key in ("kind", "apiVersion")}
    response = {"uid": asked.get("uid"), **_converted_all(objects, wanted)}
    return Response(json.dumps({**said, "response": response}).encode(), content_type="application/json")


def _converted_all(objects: list[Json], wanted: str) -> Json:
    try:
        made = [_converted(obj, wanted) for obj in objects]
    except _UnknownError as err:
        result = {"metadata": {}, "status": "Failure", "message": str(err)}
        return {"convertedObjects": [], "result": result}
    return {"convertedObjects": made, "result": {"metadata": {}, "status": "Success"}}


def _converted(obj: Json, wanted: str) -> Json:
    given = obj.get("apiVersion", "")
    rest = {key: value for key, value in obj.items() if key not in ("hostPort", "host", "port")}
    rest["apiVersion"] = wanted
    match (given, wanted):
        case (same, other) if same == other:
            raise _UnknownError(f"conversion from a version to itself should not call the webhook: {wanted}")
        case ("stable.example.com/v1", "stable.example.com/v2"):
            if "hostPort" not in obj:
                return rest
            parts = str(obj["hostPort"]).split(":")
            if len(parts) != 2:
                raise _UnknownError(f"invalid hostPort value `{obj['hostPort']}`")
            return {**rest, "host": parts[0], "port": parts[1]}
        case ("stable.example.com/v2", "stable.example.com/v1"):
            if "host" not in obj and "port" not in obj:
                return rest
            return {**rest, "hostPort": f"{obj.get('host', '')}:{obj.get('port', '')}"}
        case ("stable.example.com/v1" | "stable.example.com/v2", _):
            raise _UnknownError(f"unexpected conversion version {quoted(wanted)}")
        case _:
            raise _UnknownError(f"unexpected conversion version {quoted(given)}")
