"""[IO] ``netemu node stop`` and ``start``: turn a node's switch, and wait until it did what it says."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from netemu.cluster.places import NoPlaceError, world_of
from netemu.cluster.processes import DAEMON, find_process, shim_name
from netemu.cluster.ready import ask_node_ready
from netemu.cluster.record import Record
from netemu.cluster.switches import off_nodes, switch_off, switch_on
from netemu.errors import NetemuError, PermissionDeniedError
from netemu.settings import Paths

WITHIN_S = 60.0
LOOK_EVERY_S = 0.05


class SwitchError(NetemuError):
    """A node did not stop or start."""

    code = "CLUSTER_SWITCH_FAILED"


def stop_node(name: str, paths: Paths, node: str) -> bool:
    """Switch a node off, as if its power was cut; ``False`` if it was off already.

    Raises:
        NoClusterError, NoPlaceError, PermissionDeniedError, SwitchError.

    """
    record = _checked(name, paths, node)
    was_on = node not in off_nodes(paths)
    switch_off(paths, node)
    _wait(lambda: record.facts("process", shim_name(node)) is None, f"{node} does not stop", paths)
    return was_on


def start_node(name: str, paths: Paths, node: str) -> bool:
    """Switch a node on and wait until it says that it is ready; ``False`` if it was on already.

    Raises:
        NoClusterError, NoPlaceError, PermissionDeniedError, SwitchError.

    """
    record = _checked(name, paths, node)
    if node not in off_nodes(paths):
        return False
    switch_on(paths, node)

    def is_there() -> bool:
        return find_process(record, shim_name(node)) is not None and ask_node_ready(paths.api_socket, node)

    _wait(is_there, f"{node} does not start", paths)
    return True


def _checked(name: str, paths: Paths, node: str) -> Record:
    nodes = [place.name for place in world_of(name, paths).nodes]
    if node not in nodes:
        raise NoPlaceError(
            f"cluster {name!r} has no node named {node!r}", hint="Its nodes: " + ", ".join(nodes)
        )
    if os.geteuid() != 0:
        raise PermissionDeniedError("only root may stop and start nodes", hint="sudo netemu node …")
    record = Record(paths.run)
    if find_process(record, DAEMON) is None:
        raise SwitchError(f"cluster {name!r} does not run", hint=f"netemu up --name {name}")
    return record


def _wait(done: Callable[[], bool], problem: str, paths: Paths) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not done():
        if time.monotonic() > deadline:
            raise SwitchError(f"{problem} within {WITHIN_S:.0f} s", hint=f"See {paths.run}/daemon.log.")
        time.sleep(LOOK_EVERY_S)
