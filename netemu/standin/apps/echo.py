"""``echo``: every byte and every datagram comes back."""

from __future__ import annotations

from netemu.runtime.container import AppSpec
from netemu.standin.apps.model import EchoStream, Listener, Surroundings, on_ports


def build(spec: AppSpec, _surroundings: Surroundings) -> tuple[Listener, ...]:
    """Echo on every port."""
    return on_ports(spec, EchoStream())
