"""The memory of all our processes with 3 nodes and 300 stand-in pods."""

from __future__ import annotations

from collections.abc import Sequence

import cluster
from processes import pss_mb
from results import Result

PODS = 300


def measure() -> Sequence[Result]:
    """Sum the proportional set sizes of the processes that ``netemu status`` lists."""
    with cluster.running("--nodes", "3", "--max-pods", "200"):
        empty = sizes_mb()
        cluster.apply(cluster.deployment("load", PODS))
        cluster.wait_ready("load", PODS)
        full = sizes_mb()
    return [
        Result(
            name=f"memory, 3 nodes and {PODS} pods",
            measured=sum(full.values()),
            unit="MB PSS",
            aim=120.0,
            better="lower",
            detail={"without_pods": sum(empty.values()), **full},
        )
    ]


def sizes_mb() -> dict[str, float]:
    """Give the megabytes of each process; processes of one name are added up."""
    sizes: dict[str, float] = {}
    for process in cluster.status()["processes"]:
        sizes[process["name"]] = sizes.get(process["name"], 0.0) + pss_mb(process["pid"])
    return sizes
