"""``echo-basic``, the server of Gateway API's conformance tests: what was asked, as JSON.

Source of the document and the variables: kubernetes-sigs/gateway-api, conformance/echo-basic;
``agnhost http-echo`` is a smaller one.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Coroutine, Mapping

from netemu.agnhost import grpc_echo, websocket
from netemu.agnhost.flags import parse_flags, parse_port_flag
from netemu.agnhost.golang import parse_duration
from netemu.agnhost.hpack import Headers
from netemu.agnhost.http2 import Answer, HeadersAnswer
from netemu.agnhost.model import (
    Address,
    Http,
    Http2,
    HttpAnswer,
    Listener,
    Request,
    Response,
    Setting,
    Surroundings,
    Tls,
)
from netemu.agnhost.tls import TlsState

AGNHOST_FLAGS = {"port": "8080"}

_CONTEXT = {"namespace": "NAMESPACE", "ingress": "INGRESS_NAME", "service": "SERVICE_NAME", "pod": "POD_NAME"}
_JSON = "application/json"
_SOMEBODY = Address("::", 0)  # HTTP/2's streams do not tell whose connection they are on
_NO_SNIFF = ("X-Content-Type-Options", "nosniff")


def build(setting: Setting, surroundings: Surroundings) -> tuple[Listener, ...]:
    """Serve HTTP on HTTP_PORT, and HTTPS on HTTPS_PORT if there is a certificate; or gRPC."""
    env = setting.env
    if grpc_echo.is_asked(env):
        return grpc_echo.build(setting, surroundings)
    http = env.get("HTTP_PORT") or "3000"
    answer = answering(env, http, tuple(_CONTEXT), surroundings.say)
    h2c = parse_port_flag("H2C_PORT", env.get("H2C_PORT") or "3001")
    listeners = [
        Listener(parse_port_flag("HTTP_PORT", http), Http(answer, access_log=False)),
        Listener(h2c, Http2(answering_http2(answer))),
    ]
    if env.get("TLS_SERVER_CERT") and env.get("TLS_SERVER_PRIVKEY"):
        https = parse_port_flag("HTTPS_PORT", env.get("HTTPS_PORT") or "8443")
        files = (env["TLS_SERVER_CERT"], env["TLS_SERVER_PRIVKEY"], env.get("TLS_CLIENT_CACERTS", ""))
        listeners.append(Listener(https, Tls(answer, *files)))
    return tuple(listeners)


def build_http_echo(setting: Setting, surroundings: Surroundings) -> tuple[Listener, ...]:
    """Serve the same on ``--port``, as agnhost does."""
    port = parse_flags(setting.args, AGNHOST_FLAGS)["port"]
    answer = answering(setting.env, port, ("namespace", "pod"), surroundings.log)
    return (Listener(parse_port_flag("port", port), Http(answer, access_log=False)),)


def answering(
    env: Mapping[str, str], port: str, context: tuple[str, ...], say: Callable[[str], None]
) -> HttpAnswer:
    """Give what answers; ``context`` are the facts of the environment that it tells."""
    facts = {name: env.get(_CONTEXT[name], "") for name in context}

    def answer(request: Request) -> Response | Awaitable[Response]:
        path = request.path.replace("//", "/")
        if path == "/health":
            return Response(b"OK")
        if path == "/ws":
            return websocket.echo(request)
        if path.startswith("/status/"):
            return Response(status=_status(request.target))
        if delay := request.form.get("delay", ""):
            return _later(delay, request)
        return _echo(request)

    def _echo(request: Request) -> Response:
        say(f"Echoing back request made to {request.target} to client ({request.client})")
        document = {
            "path": request.target,
            "host": request.header("host"),
            "method": request.method,
            "proto": f"HTTP/{request.version}",
            "headers": dict(sorted(request.grouped_headers().items())),
            "httpPort": port,
            **facts,
            **({"tls": tls_facts(request.tls)} if request.tls is not None else {}),
        }
        if context == tuple(_CONTEXT):
            asks = request.tls is not None and "backendTLS" in request.target
            document["sni"] = request.tls.server_name if request.tls is not None and asks else ""
        body = json.dumps(document, indent=1, ensure_ascii=False).encode()
        return Response(body, content_type=_JSON, headers=(*asked_headers(request), _NO_SNIFF))

    async def _later(delay: str, request: Request) -> Response:
        try:
            await asyncio.sleep(max(0.0, parse_duration(delay)))
        except ValueError as err:
            return Response(json.dumps({"message": str(err)}).encode(), 500, _JSON, (_NO_SNIFF,))
        return _echo(request)

    return answer


def answering_http2(answer: HttpAnswer) -> HeadersAnswer:
    """Give what answers the same over HTTP/2, but for what takes time."""

    def answered(headers: Headers, body: bytes) -> Answer:
        pseudo = {name: value for name, value in headers if name.startswith(":")}
        own = tuple((name, value) for name, value in headers if not name.startswith(":"))
        host = (("host", pseudo.get(":authority", "")),)
        method, target = pseudo.get(":method", "GET"), pseudo.get(":path", "/")
        request = Request(method, target, host + own, client=_SOMEBODY, body=body, version="2.0")
        response = answer(request)
        if not isinstance(response, Response):
            if isinstance(response, Coroutine):
                response.close()
            return Answer((), status=501)
        told = (("content-type", response.content_type), *response.headers)
        return Answer(
            tuple((name.lower(), value) for name, value in told), response.body, status=response.status
        )

    return answered


def tls_facts(state: TlsState) -> dict[str, object]:
    """Give what the document says of TLS; what is empty is left out as by the original."""
    return {
        "version": state.version,
        **({"peerCertificates": list(state.certificates)} if state.certificates else {}),
        "serverName": state.server_name,
        **({"negotiatedProtocol": state.protocol} if state.protocol else {}),
        "cipherSuite": state.cipher_suite,
    }


def asked_headers(request: Request) -> tuple[tuple[str, str], ...]:
    """Give the headers that ``X-Echo-Set-Header: NAME:VALUE, …`` asks for."""
    found: dict[str, str] = {}
    for pairs in request.grouped_headers().get("X-Echo-Set-Header", ()):
        for pair in pairs.split(","):
            name, _, value = pair.strip().partition(":")
            found[name] = f"{found[name]},{value.strip()}" if name in found else value
    return tuple((name, value.strip()) for name, value in found.items() if name)


def _status(target: str) -> int:
    text = target.removeprefix("/status/")
    return int(text) if len(text) == 3 and text.isdecimal() and int(text) >= 200 else 400
