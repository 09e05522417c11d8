"""The API over its Unix socket: starting, creating, getting, listing, watching, and its memory."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import cluster
from processes import pss_mb
from raw_api import RawConnection, create_all, render_request
from results import MeasurementError, Result

IN_FLIGHT = 32
CREATES = 6_000
CREATES_PER_S = 1_000.0
PACED_CREATES = 3_000
PODS = (1_000, 10_000)
SERVICES = 10_000
WATCHERS = CHANGES = 1_000
ALONE_S = 1.0
STARTS = 3
LISTS = 3
POLL_S = 0.005
GIVE_UP_S = 60.0

_CORE = "/api/v1/namespaces/default"


def measure() -> Sequence[Result]:
    """Measure in clusters of their own what must not see what another left behind."""
    return [*_start(), *_load(), _services()]


# --- starting -------------------------------------------------------------------------------------


def _start() -> Iterator[Result]:
    with cluster.running("--nodes", "3"):
        api_socket = cluster.status()["apiSocket"]
    starts = [_start_once(api_socket) for _ in range(STARTS)]
    ready_s, dns_s, size_mb = (median(values) for values in zip(*starts, strict=True))
    yield Result(
        name="/readyz after the daemon's start, 3 nodes",
        measured=ready_s,
        unit="s",
        aim=0.5,
        better="lower",
        detail={"dns_answers_s": dns_s, "runs": STARTS, "kubernetes_s": "2.7 to 4.1"},
    )
    yield Result(
        name="memory of the daemon, empty cluster of 3 nodes",
        measured=size_mb,
        unit="MB PSS",
        aim=100.0,
        better="lower",
        detail={"kubernetes_mb": "272 + 45 (etcd)"},
    )


def _start_once(api_socket: str) -> tuple[float, float, float]:
    """Give the seconds until the API was ready and until the cluster was, and then the daemon's megabytes."""
    seen: list[float] = []
    asker = threading.Thread(target=_ask_until_ready, args=(api_socket, seen), daemon=True)
    asker.start()
    with cluster.running("--nodes", "3") as status:
        asker.join(GIVE_UP_S)
        if len(seen) != 2:
            raise MeasurementError(f"{api_socket} was never ready")
        pid = _daemon(status)
        ticks = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
        began_s = ticks / os.sysconf("SC_CLK_TCK")  # since the machine's start, as is what was seen
        return seen[0] - began_s, seen[1] - began_s, pss_mb(pid)


def _ask_until_ready(api_socket: str, seen: list[float]) -> None:
    """Note when the API first said that it is ready, and when that the cluster is."""
    give_up_s = time.monotonic() + GIVE_UP_S
    for path in ("/readyz", "/readyz/cluster"):
        while _status(api_socket, path) != 200:
            if time.monotonic() > give_up_s:
                return
            time.sleep(POLL_S)
        seen.append(time.clock_gettime(time.CLOCK_BOOTTIME))


def _status(api_socket: str, path: str) -> int:
    try:
        connection = RawConnection(api_socket)
    except OSError:
        return 0
    try:
        return connection.ask(render_request("GET", path)).status
    finally:
        connection.close()


def _daemon(status: dict[str, Any]) -> int:
    (pid,) = (entry["pid"] for entry in status["processes"] if entry["name"] == "daemon")
    return int(pid)


# --- creating, getting, watching, listing ---------------------------------------------------------


def _load() -> Iterator[Result]:
    with cluster.running("--nodes", "1") as status:
        api_socket = status["apiSocket"]
        yield from _creates(api_socket)
        yield from _watches(api_socket)
        yield from _lists(api_socket)


def _creates(api_socket: str) -> Iterator[Result]:
    create_all(api_socket, f"{_CORE}/configmaps", [_config_map("got")], 1)
    alone_ms = _p99(_gets_alone(api_socket))
    took_s, times_ms = _create_and_get(api_socket, "fast", CREATES)
    yield Result(
        name=f"ConfigMaps created, {IN_FLIGHT} in flight",
        measured=CREATES / took_s,
        unit="/s",
        aim=CREATES_PER_S,
        better="higher",
        detail={"created": CREATES, "kubernetes_per_s": 289},
    )
    yield _get_result("a get while as many are created as can be, p99", times_ms, alone_p99_ms=alone_ms)
    took_s, times_ms = _create_and_get(api_socket, "paced", PACED_CREATES, CREATES_PER_S)
    name = f"a get while {CREATES_PER_S:,.0f}/s are created, p99"
    yield _get_result(name, times_ms, alone_p99_ms=alone_ms, created_per_s=PACED_CREATES / took_s)


def _create_and_get(
    api_socket: str, prefix: str, count: int, per_s: float = math.inf
) -> tuple[float, list[float]]:
    """Give the seconds that the creates took, and the milliseconds of each get meanwhile."""
    objects = [_config_map(f"{prefix}-{number}") for number in range(count)]
    with _getting(api_socket) as times_ms:
        start = time.monotonic()
        create_all(api_socket, f"{_CORE}/configmaps", objects, IN_FLIGHT, per_s)
        took_s = time.monotonic() - start
    return took_s, times_ms


def _gets_alone(api_socket: str) -> list[float]:
    """Give the milliseconds of gets when nobody else asks: what the machine itself adds."""
    with _getting(api_socket) as times_ms:
        time.sleep(ALONE_S)
    return times_ms


@contextmanager
def _getting(api_socket: str) -> Iterator[list[float]]:
    """Get an object while the block runs; afterwards the list has the milliseconds of each get."""
    times_ms: list[float] = []
    argv = [sys.executable, _beside("api_gets.py"), api_socket, f"{_CORE}/configmaps/got"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as getter:
        assert getter.stdout is not None, "it is piped"
        try:
            getter.stdout.readline()
            yield times_ms
            times_ms += json.loads(getter.communicate(timeout=GIVE_UP_S)[0] or "[]")
        finally:
            getter.kill()
    if len(times_ms) < 2:
        raise MeasurementError("gets failed")


def _p99(times_ms: list[float]) -> float:
    return quantiles(times_ms, n=100, method="inclusive")[98]


def _get_result(name: str, times_ms: list[float], **detail: Any) -> Result:
    return Result(
        name=name,
        measured=_p99(times_ms),
        unit="ms",
        aim=5.0,
        better="lower",
        detail={
            "median_ms": median(times_ms),
            "slowest_ms": max(times_ms),
            "gets": len(times_ms),
            **detail,
        },
    )


def _watches(api_socket: str) -> Iterator[Result]:
    create_all(api_socket, f"{_CORE}/services", [_service("watched")], 1)
    path = f"{_CORE}/services?watch=true&fieldSelector=metadata.name%3Dwatched"
    argv = [sys.executable, _beside("api_watchers.py"), api_socket, path, str(WATCHERS), str(CHANGES)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as watchers:
        assert watchers.stdout is not None, "it is piped"
        try:
            if watchers.stdout.readline().strip() != "watching":
                raise MeasurementError("the watches did not begin")
            start = time.monotonic()
            _change(api_socket)
            changed_s = time.monotonic() - start
            seen = json.loads(watchers.communicate(timeout=2 * GIVE_UP_S)[0])
        finally:
            watchers.kill()
    took_s = seen["ended_s"] - start
    yield Result(
        name=f"{WATCHERS:,} watchers of a Service: who saw {CHANGES:,} changes in order",
        measured=float(seen["complete"]),
        unit="watchers",
        aim=float(WATCHERS),
        better="higher",
        detail={"changes_written_s": changed_s},
    )
    yield Result(
        name="until the last watcher saw the last change",
        measured=took_s,
        unit="s",
        better="lower",
        detail={"events_per_s": WATCHERS * CHANGES / took_s},
    )


def _change(api_socket: str) -> None:
    """Change the Service, one change after the other."""
    connection = RawConnection(api_socket)
    for number in range(1, CHANGES + 1):
        body = json.dumps({"metadata": {"annotations": {"n": f"{number:04}"}}}).encode()
        path = f"{_CORE}/services/watched"
        answer = connection.ask(render_request("PATCH", path, body, "application/merge-patch+json"))
        if answer.status != 200:
            raise MeasurementError(f"change {number}: {answer.status} {answer.body[:300]!r}")
    connection.close()


def _lists(api_socket: str) -> Iterator[Result]:
    made, created_s = 0, 0.0
    for count in PODS:
        start = time.monotonic()
        create_all(api_socket, f"{_CORE}/pods", [_pod(number) for number in range(made, count)], IN_FLIGHT)
        created_s += time.monotonic() - start
        made = count
        times_s, size_bytes = _list_pods(api_socket, count)
        yield Result(
            name=f"list of {count:,} Pods that no node runs",
            measured=median(times_s),
            unit="s",
            better="lower",
            detail={
                "fastest_s": min(times_s),
                "runs": LISTS,
                "MB": size_bytes / 1e6,
                "created_per_s": count / created_s,
            },
        )


def _list_pods(api_socket: str, count: int) -> tuple[list[float], int]:
    """Give the seconds of each list, from the request to the last byte, and the bytes of one."""
    connection, times_s, body = RawConnection(api_socket), [], b""
    for _ in range(LISTS):
        start = time.monotonic()
        body = connection.ask(render_request("GET", f"{_CORE}/pods")).body
        times_s.append(time.monotonic() - start)
    connection.close()
    listed = len(json.loads(body)["items"])
    if listed != count:
        raise MeasurementError(f"{listed} of {count} Pods were listed")
    return times_s, len(body)


# --- memory ---------------------------------------------------------------------------------------


def _services() -> Result:
    with cluster.running("--nodes", "1") as status:
        start = time.monotonic()
        services = [_service(f"service-{number}") for number in range(SERVICES)]
        create_all(status["apiSocket"], f"{_CORE}/services", services, IN_FLIGHT)
        created_s = time.monotonic() - start
        return Result(
            name=f"memory of the daemon, {SERVICES:,} Services",
            measured=pss_mb(_daemon(status)),
            unit="MB PSS",
            aim=596.0 + 132.0,
            better="lower",
            detail={"created_per_s": SERVICES / created_s, "kubernetes_mb": "596 + 132 (etcd)"},
        )


def _beside(name: str) -> str:
    return str(Path(__file__).with_name(name))


def _config_map(name: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name},
        "data": {"key": "value" * 20},
    }


def _service(name: str) -> dict[str, Any]:
    spec = {"selector": {"app": name}, "ports": [{"name": "http", "port": 80}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


def _pod(number: int) -> dict[str, Any]:
    spec = {
        "schedulingGates": [{"name": "example.com/never"}],
        "containers": [{"name": "web", "image": "nginx", "ports": [{"containerPort": 80}]}],
    }
    metadata = {"name": f"pod-{number}", "labels": {"app": "listed"}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
