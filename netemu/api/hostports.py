"""Ports of the node that pods take. Pure."""

from __future__ import annotations

from typing import NamedTuple

from netemu.api.views.core import Pod

ANY_IP = "0.0.0.0"


class HostPort(NamedTuple):
    """A port that a pod takes on its node; ``ip`` is 0.0.0.0 for all addresses."""

    protocol: str
    port: int
    ip: str


def host_ports(pod: Pod) -> tuple[HostPort, ...]:
    """Give the ports that a pod wants on its node; with hostNetwork, all its container ports."""
    sidecars = (each for each in pod.spec.init_containers if each.restart_policy == "Always")
    return tuple(
        HostPort(port.protocol, number, port.host_ip or ANY_IP)
        for container in (*pod.spec.containers, *sidecars)
        for port in container.ports
        if (number := port.host_port or (port.container_port if pod.spec.host_network else 0))
    )


def conflicts(wanted: HostPort, taken: HostPort) -> bool:
    """Tell whether two ports cannot be had on one node."""
    same = wanted.protocol == taken.protocol and wanted.port == taken.port
    return same and (wanted.ip == taken.ip or ANY_IP in (wanted.ip, taken.ip))
