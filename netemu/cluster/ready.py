"""[IO] Ask a daemon whether its cluster is ready, without loading an HTTP library."""

from __future__ import annotations

import http.client
import json
import socket
from pathlib import Path


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout_s: float) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        """Connect to the Unix socket instead of a host."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def ask_ready(api_socket: Path, timeout_s: float = 2.0) -> tuple[bool, str]:
    """Ask whether the cluster is ready, and if not, what it waits for ("" if unknown)."""
    status, body = _get(api_socket, "/readyz/cluster", timeout_s)
    return status == 200, body.decode(errors="replace").removeprefix("internal server error: ").strip()


def ask_node_ready(api_socket: Path, node: str, timeout_s: float = 2.0) -> bool:
    """Ask whether a node says of itself that it is ready, or why not: it is there."""
    status, body = _get(api_socket, f"/api/v1/nodes/{node}", timeout_s)
    if status != 200:
        return False
    conditions = json.loads(body).get("status", {}).get("conditions", ())
    return any(each["type"] == "Ready" and each["status"] in ("True", "False") for each in conditions)


def last_warning(api_socket: Path, timeout_s: float = 2.0) -> str:
    """Give the last warning about the cluster's own pods ("pod/NAME: what is wrong"), "" if there is none."""
    path = "/api/v1/namespaces/kube-system/events?fieldSelector=type%3DWarning"
    status, body = _get(api_socket, path, timeout_s)
    events = json.loads(body)["items"] if status == 200 else []
    if not events:
        return ""
    last = max(events, key=lambda event: event.get("lastTimestamp") or "")
    about = last["involvedObject"]
    return f"{about['kind'].lower()}/{about['name']}: {last['message']}"


def _get(api_socket: Path, path: str, timeout_s: float) -> tuple[int, bytes]:
    """Ask once; status 0 if nobody answers."""
    connection = _UnixConnection(api_socket, timeout_s)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read()
    except OSError:
        return 0, b""
    finally:
        connection.close()
