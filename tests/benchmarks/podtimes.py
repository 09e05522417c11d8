"""How long pods take to become Ready and to go, seen by a watch; and the floor under that."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import cluster
from results import MeasurementError

_FLOOR = Path(__file__).with_name("floor.py")
_PRIVATE = 'mount --make-rprivate / && mount -t tmpfs tmpfs /run && ip link set lo up && exec "$@"'
_PODS = "/api/v1/namespaces/default/pods?watch=1"
_DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments?watch=1"

Events = Iterator[tuple[float, dict[str, Any]]]


class Creation(NamedTuple):
    """What pods cost each: since the API had their Deployment, and since the command's start."""

    pods: int
    ready_ms: float
    command_ms: float


def create(api_socket: str, count: int, *, name: str = "load") -> tuple[Creation, Events]:
    """Create a Deployment and wait until its pods are Ready; the watch goes on."""
    events = cluster.watch(api_socket, _PODS)
    deployments = cluster.watch(api_socket, _DEPLOYMENTS)
    command_s = time.monotonic()
    argv = [str(cluster.PROGRAM), "--cluster", cluster.NAME, "apply", "-f", "-"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as apply:
        assert apply.stdin is not None, "it is piped"
        apply.stdin.write(json.dumps(cluster.deployment(name, count)))
        apply.stdin.close()
        created_s = _created(deployments, name)
        ready_s = all_ready(events, name, count)
    each_ms = 1000 / count
    return Creation(count, (ready_s - created_s) * each_ms, (ready_s - command_s) * each_ms), events


def delete(events: Events, count: int, *, name: str = "load") -> float:
    """Delete the Deployment; give the milliseconds for each pod until the last is gone."""
    command_s = time.monotonic()
    cluster.netemu("delete", "deployment", name, "--wait=false")
    gone = 0
    for moment_s, event in events:
        gone += event["type"] == "DELETED" and is_of(event["object"], name)
        if gone == count:
            return (moment_s - command_s) / count * 1000
    raise MeasurementError(f"only {gone} of {count} pods went")


def all_ready(events: Events, name: str, count: int) -> float:
    """Give the moment in which the last of ``count`` pods became Ready."""
    ready: set[str] = set()
    for moment_s, event in events:
        pod = event["object"]
        if event["type"] in ("ADDED", "MODIFIED") and is_of(pod, name) and is_ready(pod):
            ready.add(pod["metadata"]["name"])
        if len(ready) == count:
            return moment_s
    raise MeasurementError(f"only {len(ready)} of {count} pods became Ready")


def is_ready(pod: dict[str, Any]) -> bool:
    """Tell whether a pod is Ready."""
    conditions = pod.get("status", {}).get("conditions") or ()
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def is_of(pod: dict[str, Any], name: str) -> bool:
    """Tell whether a pod is of the Deployment ``name``."""
    return bool((pod["metadata"].get("labels") or {}).get("app") == name)


def floor_ms(count: int, nodes: int) -> float:
    """Measure what the bare kernel needs for a pod."""
    done = in_private(sys.executable, str(_FLOOR), str(count), str(nodes))
    return float(done["per_pod_ms"])


def in_private(*argv: str, timeout_s: float = 600.0) -> dict[str, Any]:
    """Run a script in namespaces of its own; give the JSON of its last line.

    Raises:
        MeasurementError: it failed.

    """
    private = ["unshare", "--net", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child"]
    whole = [*private, "sh", "-c", _PRIVATE, "sh", *argv]
    done = subprocess.run(whole, capture_output=True, text=True, check=False, timeout=timeout_s)
    if done.returncode != 0:
        raise MeasurementError(f"{argv[1]}: {done.stderr.strip()}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _created(events: Events, name: str) -> float:
    for moment_s, event in events:
        if event["object"]["metadata"]["name"] == name:
            return moment_s
    raise MeasurementError("the watch ended")
