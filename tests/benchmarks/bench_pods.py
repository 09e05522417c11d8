"""What a stand-in pod costs from its Deployment's creation to Ready, against the kernel's floor."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cluster
from results import MeasurementError, Result

FEW, MANY = 50, 300
_FLOOR = str(Path(__file__).with_name("floor.py"))
_PRIVATE = 'mount --make-rprivate / && mount -t tmpfs tmpfs /run && exec "$@"'


class Cost(NamedTuple):
    """What pods cost each: in netemu since the API had their Deployment, and in the bare kernel."""

    pods: int
    ready_ms: float
    command_ms: float
    floor_ms: float


def measure() -> Sequence[Result]:
    """Make few pods on one cluster and many on another, 3 nodes each."""
    few, many = _cost(FEW), _cost(MANY)
    growth = Result(
        name=f"growth of a pod's cost, {FEW} to {MANY}",
        measured=many.ready_ms / few.ready_ms,
        unit="×",
        aim=1.1,
        better="lower",
        detail={f"{cost.pods}_ms": cost.ready_ms for cost in (few, many)},
    )
    return [_against_floor(few), _against_floor(many), growth]


def _against_floor(cost: Cost) -> Result:
    return Result(
        name=f"create to Ready, {cost.pods} pods",
        measured=cost.ready_ms / cost.floor_ms,
        unit="× floor",
        aim=3.0,
        better="lower",
        detail={
            "per_pod_ms": cost.ready_ms,
            "from_the_command_ms": cost.command_ms,
            "floor_ms": cost.floor_ms,
        },
    )


def _cost(count: int) -> Cost:
    floor_ms = _floor_ms(count)
    with cluster.running("--nodes", "3", "--max-pods", "200") as status:
        return _time_pods(status["apiSocket"], count, floor_ms)


def _time_pods(api_socket: str, count: int, floor_ms: float) -> Cost:
    events = cluster.watch(api_socket, "/api/v1/namespaces/default/pods?watch=1")
    before = cluster.watch(api_socket, "/apis/apps/v1/namespaces/default/deployments?watch=1")
    command_s = time.monotonic()
    argv = [str(cluster.PROGRAM), "--cluster", cluster.NAME, "apply", "-f", "-"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as apply:
        assert apply.stdin is not None, "it is piped"
        apply.stdin.write(json.dumps(cluster.deployment("load", count)))
        apply.stdin.close()
        created_s, _ = next(before)
        ready_s = _all_ready(events, count)
    return Cost(count, (ready_s - created_s) / count * 1000, (ready_s - command_s) / count * 1000, floor_ms)


def _all_ready(events: Any, count: int) -> float:
    """Give the moment in which the last of ``count`` pods became Ready."""
    ready: set[str] = set()
    for moment_s, event in events:
        pod = event["object"]
        if event["type"] in ("ADDED", "MODIFIED") and _is_ready(pod):
            ready.add(pod["metadata"]["name"])
        if len(ready) == count:
            return float(moment_s)
    raise MeasurementError(f"only {len(ready)} of {count} pods became Ready")


def _is_ready(pod: dict[str, Any]) -> bool:
    conditions = pod.get("status", {}).get("conditions") or ()
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def _floor_ms(count: int) -> float:
    argv = ["unshare", "--net", "--mount", "sh", "-c", _PRIVATE, "sh", sys.executable, _FLOOR, str(count)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=120)
    if done.returncode != 0:
        raise MeasurementError(f"floor.py: {done.stderr.strip()}")
    return float(json.loads(done.stdout)["per_pod_ms"])
