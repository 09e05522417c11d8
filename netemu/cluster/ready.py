"""[IO] Ask a daemon whether its cluster is ready, without loading an HTTP library."""

from __future__ import annotations

import http.client
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
    """Ask ``/readyz``: whether the cluster is ready, and if not, what it waits for ("" if unknown)."""
    connection = _UnixConnection(api_socket, timeout_s)
    try:
        connection.request("GET", "/readyz")
        response = connection.getresponse()
        return response.status == 200, response.read().decode(errors="replace").strip()
    except OSError:
        return False, ""
    finally:
        connection.close()
