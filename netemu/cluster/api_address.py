"""[IO] The address among the hosts where the API answers, and the making of the cluster's keys."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Interface

from netemu.cluster.processes import environment, python
from netemu.cluster.world import FABRIC_BRIDGE, World
from netemu.errors import NetemuError
from netemu.linux import messages, netns, process
from netemu.linux.netlink import Netlink
from netemu.linux.process import ProcessId
from netemu.pki.files import PkiFiles
from netemu.settings import Paths, Settings

API_PORT = 6443
KEYS_WITHIN_S = 30.0


class KeysError(NetemuError):
    """The cluster's keys could not be made."""

    code = "CLUSTER_KEYS_FAILED"


def api_address(settings: Settings) -> IPv4Interface:
    """Give the API server's address among the hosts: the second of the range."""
    return IPv4Interface((settings.hosts[2], settings.hosts.prefixlen))


def read_port(paths: Paths) -> int:
    """Read the port on the machine's loopback; 0 before it was chosen."""
    try:
        return int(paths.api_port.read_text())
    except (FileNotFoundError, ValueError):
        return 0


def ensure_address(world: World, settings: Settings, paths: Paths) -> None:
    """Put the API server's address on the fabric; idempotent."""
    with netns.opened(paths.netns / world.fabric) as ns_fd, Netlink.open(ns_fd) as fabric:
        index = fabric.link_index(FABRIC_BRIDGE)
        fabric.batch([messages.address(index, api_address(settings))])


def start_keys(settings: Settings, paths: Paths) -> ProcessId | None:
    """Start to make the cluster's keys, unless they are there; ``wait_keys`` tells when they are."""
    if PkiFiles(paths.pki).exist:
        return None
    names, addresses = server_names(settings)
    argv = python(
        "netemu.pki",
        *("--directory", str(paths.pki)),
        *(word for name in names for word in ("--dns", name)),
        *(word for address in addresses for word in ("--ip", str(address))),
    )
    return process.start_detached(argv, paths.run / "pki.log", env=environment())


def wait_keys(maker: ProcessId | None, paths: Paths) -> None:
    """Wait until the keys are made.

    Raises:
        KeysError: they were not.

    """
    if maker is not None:
        process.wait_gone(maker, KEYS_WITHIN_S)
    if not PkiFiles(paths.pki).exist:
        raise KeysError("the cluster's keys could not be made", hint=f"See {paths.run}/pki.log.")


def server_names(settings: Settings) -> tuple[list[str], list[IPv4Address]]:
    """Give all names and addresses by which clients know the API server."""
    names = ["kubernetes", "kubernetes.default", "kubernetes.default.svc"]
    names += [f"kubernetes.default.svc.{settings.cluster_domain}", "localhost"]
    return names, [IPv4Address("127.0.0.1"), settings.services[1], api_address(settings).ip]
