"""[IO] Where a cluster's files are, and how to run a program in one of its places."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NoReturn

from netemu.cluster.processes import find_process, shim_name
from netemu.cluster.record import Record
from netemu.cluster.saved import get_saved
from netemu.cluster.switches import off_nodes
from netemu.cluster.world import FABRIC, OUTSIDE, World, plan_world
from netemu.errors import NetemuError, PermissionDeniedError
from netemu.naming import place_netns
from netemu.settings import Paths


class NoPlaceError(NetemuError):
    """The cluster has no node of that name, or it is not there now."""

    code = "CLUSTER_PLACE_NOT_FOUND"


def paths_for(name: str) -> Paths:
    """Say where the files of a cluster are.

    root: /var/lib/netemu and /run/netemu; another user: XDG_STATE_HOME and XDG_RUNTIME_DIR.
    NETEMU_STATE_DIR and NETEMU_RUN_DIR override both.
    """
    if os.geteuid() == 0:
        state, run = "/var/lib/netemu", "/run/netemu"
    else:
        state = os.path.join(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state", "netemu")
        run = os.path.join(os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.geteuid()}", "netemu")
    return Paths(
        state=Path(os.environ.get("NETEMU_STATE_DIR", state)).absolute() / name,
        run=Path(os.environ.get("NETEMU_RUN_DIR", run)).absolute() / name,
    )


def world_of(name: str, paths: Paths) -> World:
    """Read which places an existing cluster has.

    Raises:
        NoClusterError: it was never brought up, or it was taken down.

    """
    return plan_world(get_saved(name, paths))


def node_rows(name: str, paths: Paths) -> list[dict[str, Any]]:
    """List the places of a cluster as rows of name, address, pod range, namespace, zone and state.

    Addresses and ranges of both families are joined by a comma.

    A node's ``state`` is "on" or "stopped" (``netemu node stop``).
    """
    world = world_of(name, paths)
    off = off_nodes(paths)
    rows: list[dict[str, Any]] = [
        {
            "name": node.name,
            "address": ",".join(map(str, node.ips)),
            "podCIDR": ",".join(map(str, node.pod_cidrs)),
            "netns": node.netns,
            "zone": node.zone,
            "state": "stopped" if node.name in off else "on",
        }
        for node in world.nodes
    ]
    rows.append(
        {
            "name": OUTSIDE,
            "address": ",".join(str(address.ip) for address in world.outside_addresses),
            "podCIDR": "",
            "netns": world.outside,
            "zone": "",
            "state": "on",
        }
    )
    rows.append(
        {"name": FABRIC, "address": "", "podCIDR": "", "netns": world.fabric, "zone": "", "state": "on"}
    )
    return rows


def exec_in(paths: Paths, name: str, place: str, argv: list[str]) -> NoReturn:
    """Replace this process by ``argv`` in a place's namespaces.

    A node has network, mount and uts namespaces; ``outside`` and ``fabric`` a network one.

    Raises:
        NoPlaceError, NoClusterError, PermissionDeniedError, NetemuError.

    """
    if os.geteuid() != 0:
        raise PermissionDeniedError("only root may enter a node's namespaces", hint="sudo netemu node exec …")
    world = world_of(name, paths)
    known = world.places()
    if place not in known:
        raise NoPlaceError(
            f"cluster {name!r} has no node named {place!r}", hint="Its names: " + ", ".join(known)
        )
    if place in off_nodes(paths):
        raise NoPlaceError(f"{place} is stopped", hint=f"netemu node start {place}")
    enter = _enter(paths, place, paths.netns / place_netns(world.cluster, place))
    try:
        os.execvp("nsenter", ["nsenter", *enter, "--", *argv])
    except FileNotFoundError as err:
        raise NetemuError("nsenter is not installed", hint="apt-get install util-linux") from err


def _enter(paths: Paths, place: str, netns: Path) -> list[str]:
    if not netns.exists():
        raise NoPlaceError(f"{place} is not there: no {netns}", hint="netemu up brings it back")
    if place in (FABRIC, OUTSIDE):
        return [f"--net={netns}"]
    shim = find_process(Record(paths.run), shim_name(place))
    if shim is None:
        raise NoPlaceError(f"the shim of {place} is not running", hint="netemu up brings it back")
    return ["--target", str(shim.pid), "--net", "--mount", "--uts"]
