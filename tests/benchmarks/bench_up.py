"""How long ``netemu up`` takes until DNS answers through its ClusterIP."""

from __future__ import annotations

import time
from collections.abc import Sequence
from statistics import median

from cluster import netemu, running
from results import Result

RUNS = 3


def measure() -> Sequence[Result]:
    """Bring a cluster of 3 nodes up and down, a few times."""
    times_s = [_once() for _ in range(RUNS)]
    detail = {"first_s": times_s[0], "fastest_s": min(times_s), "runs": RUNS}
    return [
        Result(
            name="up to DNS answering, 3 nodes",
            measured=median(times_s),
            unit="s",
            aim=1.5,
            better="lower",
            detail=detail,
        )
    ]


def _once() -> float:
    start = time.monotonic()
    with running("--nodes", "3"):
        netemu("status")
        return time.monotonic() - start
