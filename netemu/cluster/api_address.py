"""[IO] The addresses and names of the API, and the port that was chosen for it; imports nothing heavy."""

from __future__ import annotations

from ipaddress import ip_address

from netemu.cluster.world import Address, Interface, host_interface
from netemu.settings import Paths, Settings

LOOPBACK = "127.0.0.1"
API_PORT = 6443


def api_address(settings: Settings) -> Interface:
    """Give the API server's address among the hosts: the second of the range."""
    return host_interface(settings.hosts, 2)


def read_port(paths: Paths) -> int:
    """Read the port on the machine's loopback; 0 before it was chosen."""
    try:
        return int(paths.api_port.read_text())
    except (FileNotFoundError, ValueError):
        return 0


def server_names(settings: Settings) -> tuple[list[str], list[Address]]:
    """Give all names and addresses by which clients know the API server."""
    names = ["kubernetes", "kubernetes.default", "kubernetes.default.svc"]
    names += [f"kubernetes.default.svc.{settings.cluster_domain}", "localhost"]
    return names, [ip_address(LOOPBACK), settings.services[1], api_address(settings).ip]
