"""``hashicorp/http-echo``: one text for every request."""

from __future__ import annotations

from netemu.agnhost.flags import parse_flags, parse_port_flag
from netemu.agnhost.model import AppError, Http, Listener, Request, Response, Surroundings
from netemu.runtime.container import AppSpec
from netemu.standin.apps.ports import on_ports

_FLAGS = {"listen": ":5678", "text": "", "status-code": "200"}
_DEFAULT_TEXT = "hello-world"  # what the image sets as ECHO_TEXT


def build(spec: AppSpec, _surroundings: Surroundings) -> tuple[Listener, ...]:
    """Serve on the port of ``-listen``, and on the container's own."""
    flags = parse_flags(spec.args, _FLAGS)
    number = parse_port_flag("listen", flags["listen"].rpartition(":")[2])
    text = flags["text"] or spec.env.get("ECHO_TEXT", _DEFAULT_TEXT)
    status = _parse_status(flags["status-code"])
    service = Http(lambda request: answer(text, status, request))
    others = on_ports(spec, service)
    return (
        Listener(number, service),
        *(other for other in others if (other.number, other.protocol) != (number, "TCP")),
    )


def answer(text: str, status: int, request: Request) -> Response:
    """Say the text; ``/health`` says that all is well."""
    headers = (("X-App-Name", "http-echo"), ("X-App-Version", "netemu"))
    if request.path == "/health":
        return Response(b'{"status":"ok"}\n', headers=headers)
    return Response(f"{text}\n".encode(), status, headers=headers)


def _parse_status(text: str) -> int:
    if text.isdecimal() and 200 <= int(text) <= 599:
        return int(text)
    raise AppError(f'invalid argument "{text}" for "--status-code" flag: not from 200 to 599')
