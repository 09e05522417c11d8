"""``agnhost grpc-health-checking`` and ``h2c-server``: what gRPC probes and HTTP/2 clients ask.

Source of the messages: grpc/grpc-proto, grpc/health/v1/health.proto.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from netemu.agnhost.flags import parse_flags, parse_number_flag, parse_port_flag
from netemu.agnhost.golang import render_duration
from netemu.agnhost.hpack import Headers
from netemu.agnhost.http2 import Answer
from netemu.agnhost.model import Http, Http2, Listener, Request, Response, Setting, Surroundings

FLAGS = {
    "port": "5000",
    "http-port": "8080",
    "delay-unhealthy-sec": "-1",
    "service": "",
    "tls-cert-file": "",
    "tls-private-key-file": "",
}
H2C_FLAGS = {"port": "80"}

SERVING, NOT_SERVING = 1, 2

_GRPC = (("content-type", "application/grpc"),)
_CHECK = "/grpc.health.v1.Health/Check"
_UNIMPLEMENTED = (("grpc-status", "12"), ("grpc-message", "unimplemented"))
_NOT_FOUND = (("grpc-status", "5"), ("grpc-message", "unknown service"))
_PREFIX_BYTES = 5


def build(
    setting: Setting, surroundings: Surroundings, clock: Callable[[], float] = time.monotonic
) -> tuple[Listener, ...]:
    """Serve health checks on ``--port``, and what changes them on ``--http-port``."""
    flags = parse_flags(setting.args, FLAGS)
    delay_s = parse_number_flag("delay-unhealthy-sec", flags["delay-unhealthy-sec"])
    health = Health(flags["service"], delay_s, surroundings, clock)
    grpc, http = (parse_port_flag(name, flags[name]) for name in ("port", "http-port"))
    service = Http2(health.check, flags["tls-cert-file"], flags["tls-private-key-file"])
    return (Listener(http, Http(health.answer, access_log=False)), Listener(grpc, service))


def build_h2c(setting: Setting, _surroundings: Surroundings) -> tuple[Listener, ...]:
    """Say ok to everything over HTTP/2 without TLS."""
    number = parse_port_flag("port", parse_flags(setting.args, H2C_FLAGS)["port"])
    said = Answer((("content-type", "text/plain"),), b"ok")
    return (Listener(number, Http2(lambda _headers, _body: said)),)


class Health:
    """The health of one service: by time, until somebody decides it."""

    def __init__(
        self, service: str, delay_s: int, surroundings: Surroundings, clock: Callable[[], float]
    ) -> None:
        self._service = service
        self._delay_s = delay_s
        self._surroundings = surroundings
        self._clock = clock
        self._started_s = clock()
        self._forced: bool | None = None

    def check(self, headers: Headers, message: bytes) -> Answer:
        """Answer a HealthCheckRequest, as it is framed in gRPC."""
        if dict(headers).get(":path") != _CHECK:
            return Answer(_GRPC, trailers=_UNIMPLEMENTED)
        self._surroundings.log("Serving the Check request for health check")
        if asked_service(message[_PREFIX_BYTES:]) != self._service:
            return Answer(_GRPC, trailers=_NOT_FOUND)
        status = NOT_SERVING if self._is_unhealthy() else SERVING
        body = bytes((0x08, status))
        return Answer(_GRPC, b"\0" + len(body).to_bytes(4, "big") + body, (("grpc-status", "0"),))

    def answer(self, request: Request) -> Response:
        """Decide by hand."""
        if request.path not in {"/make-not-serving", "/make-serving"}:
            return Response(b"404 page not found\n", 404)
        self._forced = request.path == "/make-not-serving"
        self._surroundings.log(f"Mark as {'un' if self._forced else ''}healthy")
        return Response(render_duration(self._passed_s()).encode())

    def _is_unhealthy(self) -> bool:
        return bool(self._forced) or 0 <= self._delay_s <= self._passed_s()

    def _passed_s(self) -> float:
        return self._clock() - self._started_s


def asked_service(message: bytes) -> str:
    """Read the one field of a HealthCheckRequest; empty for anything else."""
    if len(message) < 2 or message[0] != 0x0A:
        return ""
    return message[2 : 2 + message[1]].decode(errors="replace")
