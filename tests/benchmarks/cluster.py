"""A cluster, driven from outside: the command line, and its API over the Unix socket."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from results import MeasurementError

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ROOT / ".venv" / "bin" / "netemu"
TIMEOUT_S = 300.0
NAME = f"bench-{os.getpid()}"


def netemu(*words: str, stdin: str = "", cluster: str = NAME) -> str:
    """Run the program and give its standard output.

    Raises:
        MeasurementError: it failed; its words are in the message.

    """
    argv = [str(PROGRAM), "--cluster", cluster, *words]
    try:
        done = subprocess.run(
            argv,
            input=stdin,
            env={**os.environ, "KUBECONFIG": f"/tmp/{cluster}.kubeconfig"},  # never the user's own
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as err:
        raise MeasurementError(f"netemu {' '.join(words)}: {err}") from err
    if done.returncode != 0:
        raise MeasurementError(
            f"netemu {' '.join(words)} ended with {done.returncode}: {done.stderr.strip()}"
        )
    return done.stdout


@contextmanager
def running(*options: str) -> Iterator[dict[str, Any]]:
    """Have a cluster for the length of a block; give its status."""
    try:
        netemu("up", *options)
        yield status()
    finally:
        netemu("down")


def status() -> dict[str, Any]:
    """Read ``netemu status -o json``."""
    read: dict[str, Any] = json.loads(netemu("status", "-o", "json"))
    return read


def get(kind: str, *words: str) -> Any:
    """Read ``netemu get KIND -o json``."""
    return json.loads(netemu("get", kind, *words, "-o", "json"))


def deployment(name: str, replicas: int, **pod_spec: Any) -> dict[str, Any]:
    """Write a Deployment of stand-in pods."""
    labels = {"app": name}
    spec = {"containers": [{"name": "web", "image": "nginx"}], **pod_spec}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": spec},
        },
    }


def apply(*objects: dict[str, Any]) -> None:
    """Run ``netemu apply -f -``."""
    netemu("apply", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))


def wait_ready(name: str, replicas: int) -> None:
    """Run ``netemu wait`` until a Deployment has all its replicas."""
    what = f"--for=jsonpath={{.status.readyReplicas}}={replicas}"
    netemu("wait", what, f"deployment/{name}", f"--timeout={TIMEOUT_S:.0f}s")


def pods(app: str) -> list[dict[str, Any]]:
    """Read the pods of a Deployment."""
    items: list[dict[str, Any]] = get("pods", "-l", f"app={app}")["items"]
    return items


def pod_netns(pod: dict[str, Any]) -> str:
    """Name a pod's network namespace as the README says: 12 hex digits of its UID's SHA-256."""
    digits = hashlib.sha256(pod["metadata"]["uid"].encode()).hexdigest()[:12]
    return f"ne-{NAME}-{digits}"


class UnixConnection(http.client.HTTPConnection):
    """HTTP over the daemon's socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=TIMEOUT_S)
        self._path = path

    def connect(self) -> None:
        """Connect."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def watch(api_socket: str, path: str) -> Iterator[tuple[float, dict[str, Any]]]:
    """Yield (when it came, the event) for each line of a watch, for ever."""
    connection = UnixConnection(api_socket)
    connection.request("GET", path)
    response = connection.getresponse()
    if response.status != 200:
        raise MeasurementError(f"watch {path}: {response.status} {response.read(300)!r}")
    while line := response.readline():
        yield time.monotonic(), json.loads(line)
    raise MeasurementError(f"watch {path} ended")


def in_netns(name: str, *argv: str) -> Sequence[str]:
    """Give the command line that runs a program in a named network namespace."""
    return ("nsenter", f"--net=/run/netns/{name}", *argv)
