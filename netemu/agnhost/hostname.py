"""``agnhost serve-hostname``: the host name over HTTP, or raw over TCP and UDP."""

from __future__ import annotations

from netemu.agnhost.flags import parse_flags, parse_port_flag
from netemu.agnhost.model import (
    Address,
    AppError,
    Datagrams,
    Greet,
    Http,
    Listener,
    Request,
    Response,
    Setting,
    Surroundings,
)

FLAGS = {"tcp": "false", "udp": "false", "http": "true", "close": "false", "port": "9376"}


def build(setting: Setting, surroundings: Surroundings) -> tuple[Listener, ...]:
    """Serve on ``--port`` what the flags say."""
    flags = parse_flags(setting.args, FLAGS)
    number = parse_port_flag("port", flags["port"])
    name = setting.hostname.encode()
    http, tcp, udp, close = (flags[key] == "true" for key in ("http", "tcp", "udp", "close"))
    if http and (tcp or udp):
        raise AppError("Can't server TCP/UDP mode and HTTP mode at the same time")

    def answer(request: Request) -> Response:
        surroundings.log(f"HTTP request from {request.client}")
        return Response(name, close=close)

    def answer_datagram(_data: bytes, client: Address) -> bytes:
        surroundings.log(f"UDP request from {client}")
        return name

    listeners = []
    if tcp:
        listeners.append(Listener(number, Greet(name)))
    if udp:
        listeners.append(Listener(number, Datagrams(answer_datagram), "UDP"))
    if http:
        listeners.append(Listener(number, Http(answer, access_log=False)))
    return tuple(listeners)
