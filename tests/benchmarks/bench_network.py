"""TCP between two pods of one node, against the same veth pairs and bridge made by hand."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import cluster
from loads import compare, serving
from results import MeasurementError, Result

BY_HAND = f"hand-{os.getpid()}"
NETNS = Path("/run/netns")
NAMES = {"TCP throughput": "bytes", "TCP round trips": "trips"}

Way = tuple[Path, str]
"""The namespace of a client, and where it connects to."""


def measure() -> Sequence[Result]:
    """Measure both in turns, so that what else the machine does hits both."""
    with cluster.running("--nodes", "1"), _by_hand() as hand_server:
        cluster.apply(cluster.deployment("pair", 2))
        cluster.wait_ready("pair", 2)
        client, server = cluster.pods("pair")
        pods = NETNS / cluster.pod_netns(client), server["status"]["podIP"]
        by_hand = NETNS / f"{BY_HAND}-a", hand_server
        with serving(NETNS / cluster.pod_netns(server)), serving(NETNS / f"{BY_HAND}-b"):
            return [_ratio(name, what, pods, by_hand) for name, what in NAMES.items()]


def _ratio(name: str, what: str, pods: Way, hand: Way) -> Result:
    seen = compare(what, pods, hand)
    return Result(
        name=f"{name}, pod to pod",
        measured=seen["ratio"],
        unit="× by hand",
        aim=0.95,
        better="higher",
        detail={f"pods_{what}_per_s": seen["first"], f"by_hand_{what}_per_s": seen["second"]},
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
