"""[IO] What the API needs before it can start: its address on the fabric, and the cluster's keys."""

from __future__ import annotations

from netemu.cluster.api_address import api_address, server_names
from netemu.cluster.processes import environment, python
from netemu.cluster.world import FABRIC_BRIDGE, World
from netemu.errors import NetemuError
from netemu.linux import messages, netns, process
from netemu.linux.netlink import Netlink
from netemu.linux.process import ProcessId
from netemu.pki.files import PkiFiles
from netemu.settings import Paths, Settings

KEYS_WITHIN_S = 30.0


class KeysError(NetemuError):
    """The cluster's keys could not be made."""

    code = "CLUSTER_KEYS_FAILED"


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
    return process.start_copied(argv, paths.run / "pki.log", env=environment())


def wait_keys(maker: ProcessId | None, paths: Paths) -> None:
    """Wait until the keys are made.

    Raises:
        KeysError: they were not.

    """
    if maker is not None:
        process.wait_gone(maker, KEYS_WITHIN_S)
    if not PkiFiles(paths.pki).exist:
        raise KeysError("the cluster's keys could not be made", hint=f"See {paths.run}/pki.log.")
