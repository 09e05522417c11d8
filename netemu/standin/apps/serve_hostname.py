"""``agnhost serve-hostname``: the host name over HTTP, or raw over TCP and UDP.

Source of flags and words: kubernetes, test/images/agnhost/serve-hostname.
"""

from __future__ import annotations

from netemu.runtime.container import AppSpec, Port
from netemu.standin.apps.flags import parse_flags, parse_port_flag
from netemu.standin.apps.model import AppError, Datagrams, Greet, Http, Listener, Response, Surroundings

_FLAGS = {"port": "9376", "http": "true", "tcp": "false", "udp": "false", "close": "false"}


def build(spec: AppSpec, _surroundings: Surroundings) -> tuple[Listener, ...]:
    """Serve on ``--port`` what the flags say."""
    flags = parse_flags(spec.args, _FLAGS)
    number = parse_port_flag("port", flags["port"])
    name = spec.hostname.encode()
    http, tcp, udp, close = (flags[key] == "true" for key in ("http", "tcp", "udp", "close"))
    if http and (tcp or udp):
        raise AppError("Can't server TCP/UDP mode and HTTP mode at the same time")
    listeners = []
    if http:
        listeners.append(Listener(Port(number=number), Http(lambda _: Response(name, close=close))))
    if tcp:
        listeners.append(Listener(Port(number=number), Greet(name)))
    if udp:
        listeners.append(Listener(Port(number=number, protocol="UDP"), Datagrams(lambda *_: name)))
    return tuple(listeners)
