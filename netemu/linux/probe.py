"""What this machine and its kernel offer, tried for real, and the command that mends what is missing.

Everything that makes something is tried in a child, inside namespaces that end with it.
"""

from __future__ import annotations

import ctypes
import os
import resource
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from netemu.errors import NetemuError
from netemu.linux import iptables, process

_TRIAL_TIMEOUT_S = 20.0
_FILES_WANTED = 4096
_NEIGHBOURS = Path("/proc/sys/net/ipv4/neigh/default/gc_thresh3")
_PATH = os.defpath + ":/usr/local/sbin:/usr/sbin:/sbin"

# What each trial of ``trials.py`` means, and what to do when it fails.
_TRIALS = {
    "network namespaces": "Run as root, or allow unprivileged user namespaces.",
    "veth": "modprobe veth",
    "bridge": "modprobe bridge",
    "vxlan": "modprobe vxlan, or start the cluster with --overlay host-gw",
    "nftables nat": "modprobe nft_chain_nat; apt-get install nftables libnftables1",
    "iptables": "Needed only with --proxy-mode iptables. " + iptables.HINT,
    "overlayfs": "modprobe overlay (containers do without it)",
    "bridge netfilter": "Not needed: pods are then routed through their node.",
}
_OPTIONAL = {"iptables", "overlayfs", "bridge netfilter", "user namespaces"}
_USER_NAMESPACES_HINT = "sysctl kernel.unprivileged_userns_clone=1 (only needed without root)"

_PROGRAMS = {
    "ip": "iproute2",
    "nft": "nftables",
    "bwrap": "bubblewrap",
    "nsenter": "util-linux",
    "unshare": "util-linux",
    "ping": "iputils-ping",
    "ps": "procps",
}
_OPTIONAL_PROGRAMS = {
    "runc": ("runc", "needed only to run images (netemu image load)"),
    "zstd": ("zstd", "needed only to load images that are compressed with it"),
}
_LIBRARIES = {"nftables": ("libnftables.so.1", "libnftables1")}


class Check(NamedTuple):
    """One fact: whether it is as netemu wants it, what was seen, and what mends it.

    netemu works without what is not ``required``, in another way.
    """

    name: str
    ok: bool
    detail: str
    remedy: str = ""
    required: bool = True


def probe() -> tuple[Check, ...]:
    """Look at everything; takes about half a second, changes nothing, leaves nothing."""
    return (
        check_kernel(os.uname().release),
        *check_trials(_run_trials()),
        _check_user_namespaces(),
        *_check_programs(),
        check_file_limit(*resource.getrlimit(resource.RLIMIT_NOFILE)),
        *_check_neighbours(),
    )


def check_kernel(release: str) -> Check:
    """Judge the kernel's version: 5.10 is the oldest that has all of what is used."""
    major, minor = (int("".join(c for c in part if c.isdigit()) or 0) for part in release.split(".")[:2])
    return Check("kernel", (major, minor) >= (5, 10), release, "Use Linux 5.10 or later (Debian 11+).")


def check_trials(output: Mapping[str, str]) -> Iterator[Check]:
    """Judge what the trials wrote: an empty word is a success, others say what was refused."""
    for name, remedy in _TRIALS.items():
        said = output.get(name, "was not tried: the trials ended early")
        yield Check(name, not said, said or "works", remedy if said else "", name not in _OPTIONAL)


def check_file_limit(soft: int, hard: int) -> Check:
    """Judge how many files and sockets one process may open."""
    enough = hard == resource.RLIM_INFINITY or hard >= _FILES_WANTED
    return Check(
        "open files", enough, f"{soft} now, {hard} at most", "" if enough else f"ulimit -Hn {_FILES_WANTED}"
    )


def check_neighbours(limit: int, used: int) -> Check:
    """Judge the machine's neighbour table, which all network namespaces share."""
    enough = used < limit * 3 // 4
    remedy = "" if enough else f"sysctl net.ipv4.neigh.default.gc_thresh3={limit * 4}"
    return Check("neighbour table", enough, f"{used} of {limit} entries in use", remedy)


def check_program(name: str, found: str | None, package: str) -> Check:
    """Judge whether a program is there."""
    return Check(
        f"program {name}",
        found is not None,
        found or "not found",
        "" if found else f"apt-get install {package}",
    )


def find_program(name: str) -> str | None:
    """Find a program; also where only root's PATH leads, which ``su`` does not set."""
    return shutil.which(name, path=os.environ.get("PATH", "") + ":" + _PATH)


def parse_trials(output: str) -> dict[str, str]:
    """Read what the trials wrote: a line for each, name, tab, complaint."""
    return dict(line.split("\t", 1) for line in output.splitlines() if "\t" in line)


def _run_trials() -> dict[str, str]:
    """Run the trials in a child that first leaves the machine's namespaces."""
    argv = [sys.executable, "-P", "-m", "netemu.linux.trials"]
    env = {"PATH": _PATH, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    try:
        done = process.run(argv, env=env, timeout_s=_TRIAL_TIMEOUT_S)
    except NetemuError as err:
        return dict.fromkeys(_TRIALS, err.message)
    return parse_trials(done.stdout.decode(errors="replace"))


def _check_user_namespaces() -> Check:
    try:
        argv = ["unshare", "--user", "--map-root-user", "true"]
        done = process.run(argv, env={"PATH": _PATH}, timeout_s=_TRIAL_TIMEOUT_S)
    except NetemuError as err:
        return Check("user namespaces", False, err.message, err.hint, required=False)
    said = done.stderr.decode(errors="replace").strip()
    ok = done.exit_code == 0
    return Check("user namespaces", ok, said or "works", "" if ok else _USER_NAMESPACES_HINT, required=False)


def _check_programs() -> Iterator[Check]:
    for name, package in _PROGRAMS.items():
        yield check_program(name, find_program(name), package)
    for name, (package, why) in _OPTIONAL_PROGRAMS.items():
        check = check_program(name, find_program(name), package)
        detail = check.detail if check.ok else f"{check.detail}: {why}"
        yield check._replace(required=False, detail=detail)
    for name, (file, package) in _LIBRARIES.items():
        found = _is_loadable(file)
        yield Check(
            f"library {name}",
            found,
            file if found else "not found",
            "" if found else f"apt-get install {package}",
        )


def _is_loadable(file: str) -> bool:
    try:
        ctypes.CDLL(file)
    except OSError:
        return False
    return True


def _check_neighbours() -> Iterator[Check]:
    if _NEIGHBOURS.exists():
        yield check_neighbours(int(_NEIGHBOURS.read_text()), _neighbours_in_use())


def _neighbours_in_use() -> int:
    """Read the number of entries of all namespaces: the first column of each line is the total."""
    lines = Path("/proc/net/stat/arp_cache").read_text().splitlines()
    return int(lines[1].split()[0], 16) if len(lines) > 1 else 0
