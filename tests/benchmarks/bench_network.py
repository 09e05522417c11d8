"""TCP between two pods of one node, against the same veth pairs and bridge made by hand."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from statistics import median

import cluster
from loads import ROUNDS, serving
from loads import measure as measure_load
from results import MeasurementError, Result

BY_HAND = f"hand-{os.getpid()}"


def measure() -> Sequence[Result]:
    """Measure both in turns, so that what else the machine does hits both."""
    with cluster.running("--nodes", "1"), _by_hand() as hand_server:
        cluster.apply(cluster.deployment("pair", 2))
        cluster.wait_ready("pair", 2)
        client, server = cluster.pods("pair")
        server_ip = server["status"]["podIP"]
        with serving(cluster.pod_netns(server)), serving(f"{BY_HAND}-b"):
            return [
                _ratio("TCP throughput", "bytes", cluster.pod_netns(client), server_ip, hand_server),
                _ratio("TCP round trips", "trips", cluster.pod_netns(client), server_ip, hand_server),
            ]


def _ratio(name: str, what: str, client: str, pod_ip: str, hand_ip: str) -> Result:
    pairs = [
        (measure_load(client, what, pod_ip), measure_load(f"{BY_HAND}-a", what, hand_ip))
        for _ in range(ROUNDS)
    ]
    pods, hand = (median(values) for values in zip(*pairs, strict=True))
    return Result(
        name=f"{name}, pod to pod",
        measured=median(a / b for a, b in pairs),
        unit="× by hand",
        aim=0.95,
        better="higher",
        detail={f"pods_{what}_per_s": pods, f"by_hand_{what}_per_s": hand},
    )


@contextmanager
def _by_hand() -> Iterator[str]:
    """Make two namespaces on a bridge in a third; give the second one's address."""
    names = [f"{BY_HAND}-{part}" for part in ("bridge", "a", "b")]
    try:
        for name in names:
            _ip("netns", "add", name)
        bridge = ("-netns", names[0])
        _ip(*bridge, "link", "add", "cni0", "type", "bridge")
        _ip(*bridge, "link", "set", "cni0", "up")
        for number, name in enumerate(names[1:], start=1):
            peer = ("peer", "name", "eth0", "netns", name)
            _ip(*bridge, "link", "add", f"ve{number}", "type", "veth", *peer)
            _ip(*bridge, "link", "set", f"ve{number}", "master", "cni0", "up")
            _ip("-netns", name, "address", "add", f"10.255.0.{number}/24", "dev", "eth0")
            _ip("-netns", name, "link", "set", "eth0", "up")
        yield "10.255.0.2"
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)


def _ip(*words: str) -> None:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise MeasurementError(f"ip {' '.join(words)}: {done.stderr.strip()}")
