"""Ten thousand pods made and deleted again: what stays behind of each."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cluster
import podtimes
from processes import pss_mb
from results import Result

CYCLES, AT_ONCE = 10_000, 200
# Then all that is bounded is full: 5,000 events in the store, of four a pod, and what recorders remember.
WARM = 2_000


def measure() -> Sequence[Result]:
    """Run a Deployment up and down; compare what there is after the first 2,000 with the end."""
    with cluster.running("--nodes", "2", "--max-pods", "110") as status:
        _cycle(status["apiSocket"], WARM)
        before = _inventory(status)
        _cycle(status["apiSocket"], CYCLES - WARM)
        after = _inventory(status)
    grown = {name: after[name] - before[name] for name in before}
    memory_mb = grown.pop("memory_mb")
    return [
        Result(
            name=f"left behind by {CYCLES:,} pods",
            measured=float(sum(max(value, 0) for value in grown.values())),
            unit="objects",
            aim=0.0,
            better="lower",
            detail=dict(grown),
        ),
        Result(
            name=f"memory grown over {CYCLES - WARM:,} pods",
            measured=memory_mb,
            unit="MB PSS",
            aim=5.0,
            better="lower",
            detail={"before_mb": before["memory_mb"]},
        ),
    ]


def _cycle(api_socket: str, pods: int) -> None:
    for number in range(pods // AT_ONCE):
        _created, events = podtimes.create(api_socket, AT_ONCE, name=f"load-{number}")
        podtimes.delete(events, AT_ONCE, name=f"load-{number}")


def _inventory(status: dict[str, Any]) -> dict[str, float]:
    """Count all that a pod makes: on the machine, in the nodes and in our processes."""
    pids = [process["pid"] for process in cluster.status()["processes"]]
    nodes = [f"ne-{cluster.NAME}-{node['name']}" for node in status["nodes"]]
    run, state = Path(status["runDirectory"]), Path(status["stateDirectory"])
    return {
        "namespaces": len([name for name in os.listdir("/run/netns") if cluster.NAME in name]),
        "links": sum(len(_lines(node, "ip", "-o", "link")) for node in nodes),
        "neighbours": sum(len(_lines(node, "ip", "-o", "neigh", "show", "nud", "all")) for node in nodes),
        "processes": float(len(pids)),
        "descriptors": sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in pids),
        "threads": sum(len(os.listdir(f"/proc/{pid}/task")) for pid in pids),
        "records": _files(run),
        "files": _files(state),
        "memory_mb": sum(pss_mb(pid) for pid in pids),
    }


def _lines(netns: str, *argv: str) -> list[str]:
    command = cluster.in_netns(netns, *argv)
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


def _files(directory: Path) -> int:
    return sum(len(files) for _path, _directories, files in os.walk(directory))
