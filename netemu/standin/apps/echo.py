"""``echo``: every byte and every datagram comes back."""

from __future__ import annotations

from netemu.agnhost.model import EchoStream, Listener, Surroundings
from netemu.runtime.container import AppSpec
from netemu.standin.apps.ports import on_ports


def build(spec: AppSpec, _surroundings: Surroundings) -> tuple[Listener, ...]:
    """Echo on every port."""
    return on_ports(spec, EchoStream())
