"""[IO] netemu's own words, handed to ``netemu.cluster``; what comes back is printed."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from netemu.cli.resources import UsageError
from netemu.cli.tables import render_rows
from netemu.errors import PermissionDeniedError

if TYPE_CHECKING:
    from netemu.linux.probe import Check

PLACE_COLUMNS = ("ADDRESS", "PODS", "NAMESPACE", "ZONE", "STATE")


def bring_up(config: Path | None, options: Mapping[str, Any], kubeconfig: str = "") -> None:
    """Start or bring back a cluster, telling on standard error what is being waited for."""
    from netemu.cluster.configure import load_settings, settings_in
    from netemu.cluster.places import paths_for
    from netemu.cluster.up import up

    settings = load_settings(config, options)
    given = frozenset(options) | (settings_in(config) if config else frozenset())
    name = "" if settings.name == "netemu" else f" --name {settings.name}"
    try:
        up(settings, paths_for(settings.name), given=given, progress=tell, kubeconfig=kubeconfig)
    except KeyboardInterrupt:
        tell(f"\ninterrupted: netemu{name} up goes on, netemu{name} down removes what is there")
        raise
    print(f"Cluster {settings.name} is up: netemu{name} get nodes")


def show_kubeconfig(name: str) -> None:
    """Print a kubeconfig of one cluster."""
    from netemu.cluster.kubeconfig_file import print_kubeconfig
    from netemu.cluster.places import paths_for

    try:
        print(print_kubeconfig(name, paths_for(name)), end="")
    except PermissionError as err:
        raise PermissionDeniedError(
            f"the keys of cluster {name!r} belong to another user", hint="sudo netemu kubeconfig"
        ) from err


def take_down(name: str) -> None:
    """Remove a cluster."""
    from netemu.cluster.down import down
    from netemu.cluster.places import paths_for

    down(name, paths_for(name), progress=tell)


def show_status(name: str, output: str) -> bool:
    """Print what a cluster is; false when it does not run."""
    from netemu.cluster.places import paths_for
    from netemu.cluster.status import read_status

    found = read_status(name, paths_for(name))
    if _wants_json(output):
        print(json.dumps(found, indent=2))
    else:
        print("\n".join(status_lines(found)))
    return bool(found["state"] == "running")


def status_lines(found: Mapping[str, Any]) -> list[str]:
    """Lay out a status for people."""
    settings = found["settings"]
    waits = f" (waits for {found['waitsFor']})" if found.get("waitsFor") else ""
    facts = [
        ("Cluster:", f"{found['name']}, {found['state']}{waits}"),
        ("Ranges:", _ranges(settings)),
        ("Domain:", settings["clusterDomain"]),
        ("API:", " and ".join(filter(None, (found.get("apiServer"), found["apiSocket"])))),
        ("State:", found["stateDirectory"]),
    ]
    places = [("PLACE", *PLACE_COLUMNS), *(_place_row(row) for row in found["nodes"])]
    processes = [("PROCESS", "PID"), *((each["name"], str(each["pid"])) for each in found["processes"])]
    return [*render_rows(facts), "", *render_rows(places), "", *render_rows(processes)]


def show_doctor() -> bool:
    """Print what the machine offers; false when something that netemu needs is missing."""
    from netemu.cluster.doctor import examine

    checks = examine()
    print("\n".join(doctor_lines(checks)))
    return all(check.ok for check in checks if check.required)


def doctor_lines(checks: Sequence[Check]) -> list[str]:
    """Lay out what a machine offers, then what mends each gap; netemu does without optional things."""
    words = {True: "MISSING", False: "optional"}
    rows = [("", "CHECK", "FOUND")]
    rows += [("ok" if check.ok else words[check.required], check.name, check.detail) for check in checks]
    remedies = [f"\n{check.name}:\n  {check.remedy}" for check in checks if not check.ok and check.remedy]
    return [*render_rows(rows), *remedies]


def list_nodes(name: str, output: str) -> None:
    """Print the places of a cluster."""
    from netemu.cluster.places import node_rows, paths_for

    rows = node_rows(name, paths_for(name))
    if _wants_json(output):
        print(json.dumps(rows, indent=2))
        return
    print("\n".join(render_rows([("NAME", *PLACE_COLUMNS), *map(_place_row, rows)])))


def stop_node(name: str, node: str) -> None:
    """Cut a node off."""
    from netemu.cluster.places import paths_for
    from netemu.cluster.switching import stop_node as stop

    print(f"{node} stopped" if stop(name, paths_for(name), node) else f"{node} is stopped already")


def start_node(name: str, node: str) -> None:
    """Bring a node back."""
    from netemu.cluster.places import paths_for
    from netemu.cluster.switching import start_node as start

    print(f"{node} started" if start(name, paths_for(name), node) else f"{node} runs already")


def ask_router(name: str, place: str, command: str) -> None:
    """Print what a router says to a command."""
    from netemu.cluster.asking import ask_router as ask
    from netemu.cluster.places import paths_for

    print(ask(name, paths_for(name), place, command).strip())


def exec_in_place(name: str, place: str, argv: Sequence[str]) -> NoReturn:
    """Become a program in a node's namespaces."""
    from netemu.cluster.places import exec_in, paths_for

    exec_in(paths_for(name), name, place, list(argv))


def tell(text: str) -> None:
    """Say what is being done, where it does not mix with results."""
    print(text, file=sys.stderr, flush=True)


def _wants_json(output: str) -> bool:
    if output not in {"", "json"}:
        raise UsageError(f"unknown output format {output!r}", hint="-o json")
    return output == "json"


def _ranges(settings: Mapping[str, Any]) -> str:
    parts = (("hosts", "hostCidr"), ("pods", "podCidr"), ("services", "serviceCidr"))
    return ", ".join(f"{word} {','.join(settings[key])}" for word, key in parts)


def _place_row(row: Mapping[str, Any]) -> tuple[str, ...]:
    named = (row["name"], row["address"], row["podCIDR"], row["netns"], row["zone"], row["state"])
    return tuple(text or "-" for text in named)


def install_cni(name: str, file: str) -> None:
    """Put a CNI configuration list into every node; without a file, netemu's own."""
    from netemu.cluster.cni_files import CniFiles, install_cni, read_cni
    from netemu.cluster.network import CONFIGURATION, default_configuration
    from netemu.cluster.places import paths_for, world_of
    from netemu.cluster.saved import get_saved

    paths = paths_for(name)
    world, settings = world_of(name, paths), get_saved(name, paths)
    given = read_cni(Path(file)) if file else None
    for place in world.nodes:
        files = given or CniFiles(CONFIGURATION, default_configuration(place, settings), ())
        try:
            path = install_cni(files, place, paths.node_state(place.name))
        except PermissionError as err:
            raise PermissionDeniedError(
                f"{paths.state} belongs to another user", hint="sudo netemu cni install"
            ) from err
        print(f"{place.name}: /etc/cni/net.d/{path.name} written")
