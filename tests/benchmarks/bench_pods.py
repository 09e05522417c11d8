"""What a stand-in pod costs from its Deployment's creation to Ready, against the kernel's floor."""

from __future__ import annotations

from collections.abc import Sequence

import cluster
import podtimes
from podtimes import Creation
from results import Result

FEW, MANY, NODES = 50, 300, 3


def measure() -> Sequence[Result]:
    """Make few pods on one cluster and many on another, 3 nodes each."""
    few, many = _cost(FEW), _cost(MANY)
    growth = Result(
        name=f"growth of a pod's cost, {FEW} to {MANY}",
        measured=many[0].ready_ms / few[0].ready_ms,
        unit="×",
        aim=1.1,
        better="lower",
        detail={f"{cost.pods}_ms": cost.ready_ms for cost, _ in (few, many)},
    )
    return [_against_floor(*few), _against_floor(*many), growth]


def _against_floor(cost: Creation, floor_ms: float) -> Result:
    return Result(
        name=f"create to Ready, {cost.pods} pods",
        measured=cost.ready_ms / floor_ms,
        unit="× floor",
        aim=3.0,
        better="lower",
        detail={
            "per_pod_ms": cost.ready_ms,
            "from_the_command_ms": cost.command_ms,
            "floor_ms": floor_ms,
        },
    )


def _cost(count: int) -> tuple[Creation, float]:
    floor_ms = podtimes.floor_ms(count, NODES)
    with cluster.running("--nodes", str(NODES), "--max-pods", "200") as status:
        created, _events = podtimes.create(status["apiSocket"], count)
    return created, floor_ms
