"""``agnhost porter``: what the environment says, on the ports that it names."""

from __future__ import annotations

import json

from netemu.agnhost.flags import parse_flags
from netemu.agnhost.golang import content_type
from netemu.agnhost.model import (
    Address,
    Datagrams,
    Http,
    HttpAnswer,
    Listener,
    Messages,
    Request,
    Response,
    Setting,
    Surroundings,
    Tls,
)

FLAGS = {"json-response": "false"}

_EVERYWHERE = "0.0.0.0"  # of IPv4 only, as the original
_PREFIXES = ("SERVE_TCP_PORT_", "SERVE_UDP_PORT_", "SERVE_TLS_PORT_", "SERVE_SCTP_PORT_", "SERVE_PORT_")


def build(setting: Setting, surroundings: Surroundings) -> tuple[Listener, ...]:
    """Serve a port for each variable; what is no port is said and left out."""
    in_json = parse_flags(setting.args, FLAGS)["json-response"] == "true"
    listeners = []
    for name, text in setting.env.items():
        prefix = next((each for each in _PREFIXES if name.startswith(each)), None)
        if prefix is None:
            continue
        port = name.removeprefix(prefix)
        if port.isdecimal() and 1 <= int(port) <= 65535:
            listeners.append(_listener(prefix, int(port), text, setting, in_json=in_json))
        else:
            surroundings.log(f'server on port "{port}" failed: listen tcp: lookup tcp/{port}: unknown port')
    return tuple(listeners)


def _listener(prefix: str, port: int, text: str, setting: Setting, *, in_json: bool) -> Listener:
    def said(_data: bytes, _client: Address) -> bytes:
        return text.encode()

    match prefix:
        case "SERVE_UDP_PORT_":
            why = f"UDP: failed to listen on port {port}: "
            return Listener(port, Datagrams(said), "UDP", host=_EVERYWHERE, complaint=why)
        case "SERVE_SCTP_PORT_":
            served, why = Messages(said, greeting=text.encode()), "Failed to listen SCTP. error:"
            return Listener(port, served, "SCTP", host=_EVERYWHERE, complaint=why)
        case "SERVE_TLS_PORT_":
            certificate = setting.env.get("CERT_FILE") or "localhost.crt"
            key = setting.env.get("KEY_FILE") or "localhost.key"
            return Listener(port, Tls(_answer(text, in_json=in_json), certificate, key), host=_EVERYWHERE)
        case _:
            return Listener(port, Http(_answer(text, in_json=in_json), access_log=False), host=_EVERYWHERE)


def _answer(text: str, *, in_json: bool) -> HttpAnswer:
    def answer(request: Request) -> Response:
        if not in_json:
            return Response(text.encode(), content_type=content_type(text.encode()))
        document = {"Method": request.method, "Body": text}
        return Response(json.dumps(document, separators=(",", ":")).encode(), content_type="application/json")

    return answer
