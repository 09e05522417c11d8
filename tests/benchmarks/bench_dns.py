"""Queries a second that one DNS server answers over UDP, against an echo in the same language."""

from __future__ import annotations

import socket
import struct
import subprocess
import sys
import time
from collections.abc import Sequence
from statistics import median

import cluster
from results import MeasurementError, Result

SECONDS = 1.0
ROUNDS = 3
IN_FLIGHT = 32


def measure() -> Sequence[Result]:
    """Ask for one Service's name again and again, from the server pod's own namespace."""
    with cluster.running("--nodes", "1"):
        pod = cluster.get("pods", "-n", "kube-system", "-l", "k8s-app=kube-dns")["items"][0]
        netns = cluster.pod_netns(pod)
        pairs = [(_run(netns, "dns"), _run(netns, "echo")) for _ in range(ROUNDS)]
    answers, echoes = (median(values) for values in zip(*pairs, strict=True))
    return [
        Result(
            name="DNS answers over UDP",
            measured=median(a / b for a, b in pairs),
            unit="× an echo",
            aim=0.5,
            better="higher",
            detail={"answers_per_s": answers, "echoes_per_s": echoes},
        )
    ]


def _run(netns: str, what: str) -> float:
    argv = cluster.in_netns(netns, sys.executable, __file__, what)
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)
    if done.returncode != 0:
        raise MeasurementError(f"bench_dns.py {what}: {done.stderr.strip()[-300:]}")
    return float(done.stdout)


def _question() -> bytes:
    labels = b"kubernetes.default.svc.cluster.local".split(b".")
    name = b"".join(bytes((len(label),)) + label for label in labels)
    return struct.pack("!6H", 7, 0x0100, 1, 0, 0, 0) + name + b"\0" + struct.pack("!2H", 1, 1)


def _count(address: tuple[str, int]) -> float:
    """Keep some questions in flight and count answers; a lost one is made up for after a pause."""
    packet, answers = _question(), 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(address)
        sock.settimeout(0.1)
        for _ in range(IN_FLIGHT):
            sock.send(packet)
        start = time.monotonic()
        while time.monotonic() - start < SECONDS:
            try:
                sock.recv(512)
                answers += 1
            except TimeoutError:
                pass
            sock.send(packet)
        return answers / (time.monotonic() - start)


def _echo() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 5300))
        print("listening", flush=True)
        while True:
            packet, client = sock.recvfrom(512)
            sock.sendto(packet, client)


def _count_echoes() -> float:
    argv = [sys.executable, __file__, "echo-server"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as server:
        try:
            assert server.stdout is not None, "it is piped"
            server.stdout.readline()
            return _count(("127.0.0.1", 5300))
        finally:
            server.kill()


if __name__ == "__main__":
    if sys.argv[1] == "echo-server":
        _echo()
    print(_count(("127.0.0.1", 53)) if sys.argv[1] == "dns" else _count_echoes())
