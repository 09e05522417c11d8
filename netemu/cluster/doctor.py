"""[IO] What this kernel and machine offer, what is missing, and the command that mends it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from netemu.cluster.frr import HOMES, find_frr
from netemu.errors import MissingProgramError
from netemu.linux.probe import Check, probe
from netemu.runtime.cgroups import Hierarchy, find_hierarchies
from netemu.runtime.pidlimits import is_bounded_by_namespaces

_LIMITED = {"pids": "processes", "memory": "memory", "cpu": "processor time"}


def examine() -> list[Check]:
    """Try everything that netemu needs; nothing is left behind."""
    return [*probe(), check_limits(find_hierarchies()), check_frr()]


def check_frr(homes: Sequence[Path] = HOMES) -> Check:
    """Look for what only ``--load-balancer bgp`` needs."""
    try:
        return Check("FRR, for BGP", True, str(find_frr(homes)), required=False)
    except MissingProgramError as err:
        return Check(
            "FRR, for BGP", False, "not there", f"For --load-balancer bgp only: {err.hint}", required=False
        )


def check_limits(hierarchies: list[Hierarchy], *, bounded: bool | None = None) -> Check:
    """Judge what of a machine containers can be kept from using up.

    ``bounded`` says whether this kernel bounds processes without control groups too; ``None``: look.
    """
    controllers = {name for each in hierarchies for name in each.controllers}
    if is_bounded_by_namespaces() if bounded is None else bounded:
        controllers.add("pids")
    missing = [word for name, word in _LIMITED.items() if name not in controllers]
    if not missing:
        version = 2 if any(each.is_unified for each in hierarchies) else 1
        return Check("container limits", True, f"control groups, version {version}", required=False)
    return Check(
        "container limits",
        False,
        f"containers have no limit of {', '.join(missing)}: /sys/fs/cgroup cannot be written, "
        "or hands no such controller down",
        f"Not needed, but {_harm(missing)}. In a container, run it with --cgroupns=host "
        "and /sys/fs/cgroup writable.",
        required=False,
    )


def _harm(missing: Sequence[str]) -> str:
    """Say what one container does to all others that may use up what is missing."""
    bomb = ", and a fork bomb in one stops the machine (Linux 6.14 bounds it without control groups)"
    return "what one uses up all others lack" + (bomb if _LIMITED["pids"] in missing else "")
