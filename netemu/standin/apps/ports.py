"""Apps that listen where their container says. Pure."""

from __future__ import annotations

from netemu.agnhost.model import Datagrams, Listener, Service, echo_datagram
from netemu.runtime.container import AppSpec


def on_ports(spec: AppSpec, service: Service) -> tuple[Listener, ...]:
    """Serve on all TCP ports of a spec; all its UDP ports echo."""
    echo = Datagrams(echo_datagram)
    return tuple(
        Listener(port.number, service if port.protocol == "TCP" else echo, port.protocol, port.implied)
        for port in spec.ports
    )
