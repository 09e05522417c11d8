"""Containers with a command of their own: until they run, and a command run inside a pod."""

from __future__ import annotations

import http.client
import json
import socket
import statistics
import struct
import time
from collections.abc import Sequence
from typing import BinaryIO

import cluster
from results import MeasurementError, Result

TIMES = 20
_PODS = "/api/v1/namespaces/default/pods"
_EXEC = "{pods}/{pod}/exec?command=true&container=main&stdout=true"
_STATUS_CHANNEL = 3


def measure() -> Sequence[Result]:
    """Ask the API itself, and take medians; our own program's time is shown beside."""
    with cluster.running("--nodes", "1") as status:
        api_socket = status["apiSocket"]
        running_ms = [_until_running(api_socket, f"command-{n}") for n in range(TIMES)]
        exec_ms = [_exec(api_socket, f"command-{n % 3}") for n in range(TIMES)]
        program_ms = [_program(f"command-{n % 3}") for n in range(5)]
    return [
        Result(
            name="a pod with a command, created to Running",
            measured=statistics.median(running_ms),
            unit="ms",
            aim=150.0,
            better="lower",
            detail={"most_ms": max(running_ms)},
        ),
        Result(
            name="exec of true in a pod",
            measured=statistics.median(exec_ms),
            unit="ms",
            aim=50.0,
            better="lower",
            detail={"most_ms": max(exec_ms), "netemu_exec_ms": statistics.median(program_ms)},
        ),
    ]


def _until_running(api_socket: str, name: str) -> float:
    container = {"name": "main", "image": "busybox", "command": ["sleep", "1000"]}
    spec = {"containers": [container], "terminationGracePeriodSeconds": 0}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}
    events = cluster.watch(api_socket, f"{_PODS}?watch=1")
    connection = cluster.UnixConnection(api_socket)
    start_s = time.monotonic()
    connection.request("POST", _PODS, json.dumps(pod), {"Content-Type": "application/json"})
    connection.getresponse().read()
    for moment_s, event in events:
        statuses = event["object"].get("status", {}).get("containerStatuses") or ()
        if event["object"]["metadata"]["name"] == name and statuses and "running" in statuses[0]["state"]:
            return (moment_s - start_s) * 1000
    raise MeasurementError("the watch ended")


def _exec(api_socket: str, pod: str) -> float:
    """Run ``true`` over a WebSocket, as kubectl does, until its status is there."""
    start_s = time.monotonic()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(cluster.TIMEOUT_S)
        sock.connect(api_socket)
        sock.sendall(
            f"GET {_EXEC.format(pods=_PODS, pod=pod)} HTTP/1.1\r\nHost: localhost\r\n"
            "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
            "Sec-WebSocket-Protocol: v5.channel.k8s.io\r\n\r\n".encode()
        )
        with sock.makefile("rb") as stream:
            if b" 101 " not in stream.readline():
                raise MeasurementError(f"exec in {pod} was refused: {stream.read(300)!r}")
            http.client.parse_headers(stream)
            while (frame := _frame(stream))[:1] != bytes([_STATUS_CHANNEL]):
                pass
    if json.loads(frame[1:])["status"] != "Success":
        raise MeasurementError(f"exec in {pod}: {frame[1:]!r}")
    return (time.monotonic() - start_s) * 1000


def _frame(stream: BinaryIO) -> bytes:
    """Read one unmasked frame of a server (RFC 6455, section 5.2)."""
    read = stream.read
    _opcode, length = read(2)
    if length == 126:
        (length,) = struct.unpack(">H", read(2))
    return bytes(read(length))


def _program(pod: str) -> float:
    start_s = time.monotonic()
    cluster.netemu("exec", pod, "--", "true")
    return (time.monotonic() - start_s) * 1000
