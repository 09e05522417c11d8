"""A thousand stand-in pods on ten nodes: made, kept in memory, and taken away again."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

import bench_memory
import cluster
import podtimes
from results import MeasurementError, Result

FEW, MANY, NODES = 100, 1000, 10


def measure() -> Sequence[Result]:
    """Make few, then many, delete them; the floor and Mininet with as many in the same run."""
    options = ("--nodes", str(NODES), "--max-pods", "110")
    with cluster.running(*options) as status:
        few, events = podtimes.create(status["apiSocket"], FEW)
        podtimes.delete(events, FEW)
    with cluster.running(*options) as status:
        many, events = podtimes.create(status["apiSocket"], MANY)
        sizes = bench_memory.sizes_mb()
        gone_ms = podtimes.delete(events, MANY)
    floor_ms = podtimes.floor_ms(MANY, NODES)
    return [
        Result(
            name=f"apply to Ready, {MANY} pods on {NODES} nodes",
            measured=many.command_ms / floor_ms,
            unit="× floor",
            aim=2.5,
            better="lower",
            detail={"per_pod_ms": many.command_ms, "floor_ms": floor_ms},
        ),
        _against_mininet(many.command_ms),
        Result(
            name=f"growth of a pod's cost, {FEW} to {MANY}",
            measured=many.command_ms / few.command_ms,
            unit="×",
            aim=1.2,
            better="lower",
            detail={f"{cost.pods}_ms": cost.command_ms for cost in (few, many)},
        ),
        Result(
            name=f"deleting {MANY} pods",
            measured=gone_ms / many.command_ms,
            unit="× creating",
            aim=1.0,
            better="lower",
            detail={"per_pod_ms": gone_ms},
        ),
        Result(
            name=f"memory with {MANY} pods on {NODES} nodes",
            measured=sum(sizes.values()),
            unit="MB PSS",
            aim=250.0,
            better="lower",
            detail=dict(sizes),
        ),
    ]


def _against_mininet(per_pod_ms: float) -> Result:
    fetch = cluster.ROOT / "scripts" / "mininet"
    fetched = subprocess.run([str(fetch)], capture_output=True, text=True, check=False)
    if fetched.returncode != 0:
        raise MeasurementError(f"{fetch}: {fetched.stderr.strip()}")
    script = str(cluster.ROOT / "tests" / "benchmarks" / "mininet_hosts.py")
    unpacked = str(cluster.ROOT / ".cache" / "mininet")
    # Its launcher is for the system's Python, which Debian's packages are made for.
    done = podtimes.in_private("/usr/bin/python3", script, unpacked, str(MANY))
    return Result(
        name=f"a pod against a host of Mininet, {MANY} of each",
        measured=per_pod_ms / done["per_host_ms"],
        unit="× Mininet",
        aim=0.1,
        better="lower",
        detail={"mininet_ms": done["per_host_ms"], "mininet_stop_ms": done["per_host_stop_ms"]},
    )
