"""Endpoints that change 500 times a second for a minute, in a whole cluster, over its API."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from statistics import median

import cluster
from made_services import PORT, endpoint, service, slices, spare_endpoint
from probe import NUMBER, PATCH, SLICES
from processes import pss_mb
from progress import say
from raw_api import create_all, render_request, send_all
from results import MeasurementError, Result
from workers import Worker, working

SERVICES = 10_000
NODES = 3
PER_S = 500.0
SECONDS = 60
IN_FLIGHT = 32
PROBES = 15
PROBE_EVERY_S = 0.5
EDGE = 20  # probes at either end of the minute
GIVE_UP_S = 60.0
_TABLE = ("ip", "netemu-proxy")


def measure() -> Sequence[Result]:
    """Make the Services, change them, and look what every kernel has in the end."""
    with cluster.running("--nodes", str(NODES)) as status:
        api_socket = status["apiSocket"]
        (daemon,) = (entry["pid"] for entry in status["processes"] if entry["name"] == "daemon")
        _make(api_socket)
        places = [f"ne-{cluster.NAME}-node-{number}" for number in range(1, NODES + 1)]
        with working("probe.py", api_socket, *places) as probe:
            alone_ms = [probe.ask("probe") for _ in range(PROBES)]
            before_mb = pss_mb(daemon)
            say(f"{PER_S:.0f} changes a second for {SECONDS} s …")
            seen, half_mb, took_s = _storm(api_socket, probe, lambda: pss_mb(daemon))
            late_mb = pss_mb(daemon)
            last_ms = probe.ask("probe")
        lost = _lost(places)
    return list(_results(alone_ms, seen, took_s, (before_mb, half_mb, late_mb), last_ms, lost))


def _make(api_socket: str) -> None:
    say(f"{SERVICES:,} Services …")
    numbers = [*range(SERVICES), NUMBER]
    create_all(api_socket, "/api/v1/namespaces/default/services", map(service, numbers), IN_FLIGHT)
    made = (obj for number in range(SERVICES) for obj in slices(number))
    create_all(api_socket, SLICES, [*made, *slices(NUMBER, 1)], IN_FLIGHT)


def _storm(api_socket: str, probe: Worker, memory: Callable[[], float]) -> tuple[list[float], float, float]:
    """Give the probes' milliseconds, the megabytes at half time, and how long it took."""
    requests = [_change(turn) for turn in range(int(PER_S * SECONDS))]
    seen: list[float] = []
    start = time.monotonic()
    with ThreadPoolExecutor(1) as pool:
        took = pool.submit(_send, api_socket, requests)
        half_mb = 0.0
        while not took.done():
            seen.append(probe.ask("probe"))
            if not half_mb and time.monotonic() - start > SECONDS / 2:
                half_mb = memory()
            wait([took], PROBE_EVERY_S)
        return seen, half_mb, took.result()


def _send(api_socket: str, requests: Sequence[bytes]) -> float:
    start = time.monotonic()
    send_all(api_socket, requests, IN_FLIGHT, PER_S)
    return time.monotonic() - start


def _change(turn: int) -> bytes:
    number = turn % SERVICES
    obj = slices(number)[0]
    endpoints = [spare_endpoint(turn), *obj["endpoints"][1:]]
    body = json.dumps({"endpoints": endpoints}).encode()
    return render_request("PATCH", f"{SLICES}/{obj['metadata']['name']}", body, PATCH)


def _lost(places: Sequence[str]) -> int:
    """Count what the kernels miss of what was written, and have too much."""
    turns = int(PER_S * SECONDS)
    last = {turn % SERVICES: turn for turn in range(turns)}
    wanted = Counter[str]()
    for number in range(SERVICES):
        first = spare_endpoint(last[number]) if number in last else endpoint(number * 2)
        wanted.update(str(each["addresses"][0]) for each in (first, endpoint(number * 2 + 1)))
    return sum(_difference(wanted, _held(place)) for place in places)


def _difference(wanted: Counter[str], held: Counter[str]) -> int:
    return (wanted - held).total() + (held - wanted).total()


def _held(place: str) -> Counter[str]:
    argv = cluster.in_netns(place, "nft", "list", "map", *_TABLE, "ep")
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=GIVE_UP_S)
    if done.returncode != 0:
        raise MeasurementError(f"nft list map in {place}: {done.stderr.strip()[:300]}")
    found = re.findall(rf": (10\.244\.[\d.]+) \. {PORT}\b", done.stdout)
    return Counter(found)


def _results(
    alone_ms: Sequence[float],
    seen_ms: Sequence[float],
    took_s: float,
    memory_mb: tuple[float, float, float],
    last_ms: float,
    lost: int,
) -> Iterator[Result]:
    what = f"{SERVICES:,} Services, {NODES} nodes"
    yield Result(
        name=f"one endpoint changes, from the API's socket to all kernels, {what}",
        measured=median(alone_ms),
        unit="ms",
        aim=10.0,
        better="lower",
    )
    yield Result(
        name=f"changes absorbed, {what}",
        measured=PER_S * SECONDS / took_s,
        unit="/s",
        aim=PER_S * 0.98,
        better="higher",
    )
    yield Result(name="elements lost, or left over", measured=float(lost), unit="", aim=0.0, better="lower")
    yield Result(
        name="latency of a change at the end against the beginning",
        measured=median(seen_ms[-EDGE:]) / median(seen_ms[:EDGE]),
        unit="×",
        aim=1.5,
        better="lower",
        detail={
            "at_first_ms": median(seen_ms[:EDGE]),
            "at_last_ms": median(seen_ms[-EDGE:]),
            "worst_ms": max(seen_ms),
            "after_the_last_ms": last_ms,
        },
    )
    before_mb, half_mb, late_mb = memory_mb
    yield Result(
        name="memory of the daemon at the end against half time",
        measured=late_mb / half_mb,
        unit="×",
        aim=1.1,
        better="lower",
        detail={"before_mb": before_mb, "half_time_mb": half_mb, "end_mb": late_mb},
    )
