"""What the proxy says of itself and of Services over HTTP: pure answers.

Shapes and ports are kube-proxy's (``pkg/proxy/healthcheck``, ``cmd/kube-proxy``).
"""

from __future__ import annotations

import json
from typing import NamedTuple

from netemu.informer.cache import Key

HEALTHZ_PORT = 10256  # on every address of the node
METRICS_PORT = 10249  # on the node's loopback only


class Answer(NamedTuple):
    """An HTTP answer."""

    status: int
    body: str
    headers: tuple[tuple[str, str], ...] = ()

    def render(self, *, with_body: bool = True) -> bytes:
        """Write it for a connection that ends with it."""
        body = self.body.encode()
        reasons = {200: "OK", 404: "Not Found", 405: "Method Not Allowed", 503: "Service Unavailable"}
        lines = [f"HTTP/1.1 {self.status} {reasons[self.status]}"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        lines += [f"Content-Length: {len(body)}", "Connection: close", "", ""]
        return "\r\n".join(lines).encode() + (body if with_body else b"")


class LocalHealth(NamedTuple):
    """How many endpoints of a Service on a node are ready, for its ``healthCheckNodePort``."""

    service: Key
    port: int
    ready: int

    def answer(self, *, is_synced: bool) -> Answer:
        """Tell a load balancer whether to send connections here."""
        body = json.dumps(
            {
                "service": {"namespace": self.service.namespace, "name": self.service.name},
                "localEndpoints": self.ready,
                "serviceProxyHealthy": is_synced,
            },
            indent="\t",
        )
        headers = (
            ("Content-Type", "application/json"),
            ("X-Content-Type-Options", "nosniff"),
            ("X-Load-Balancing-Endpoint-Weight", str(self.ready)),
        )
        return Answer(200 if self.ready and is_synced else 503, body, headers)


def healthz(path: str, *, is_synced: bool, synced_at: str, now: str) -> Answer:
    """Answer on ``HEALTHZ_PORT``: whether the rules are up to date."""
    if path not in ("/healthz", "/livez"):
        return Answer(404, "404 page not found\n", (("Content-Type", "text/plain; charset=utf-8"),))
    body = json.dumps({"lastUpdated": synced_at, "currentTime": now, "nodeEligible": True})
    headers = (("Content-Type", "application/json"), ("X-Content-Type-Options", "nosniff"))
    return Answer(200 if is_synced else 503, body, headers)


def about(path: str, mode: str) -> Answer:
    """Answer on ``METRICS_PORT``, where kube-proxy tells its mode."""
    text = (("Content-Type", "text/plain; charset=utf-8"),)
    if path == "/proxyMode":
        return Answer(200, mode, text)
    if path == "/healthz":
        return Answer(200, "ok", text)
    return Answer(404, "404 page not found\n", text)


def parse_request(head: bytes) -> tuple[str, str] | None:
    """Read the method and the path of a request; ``None`` for what is none."""
    words = head.split(b"\r\n", 1)[0].split(b" ")
    if len(words) != 3 or not words[2].startswith(b"HTTP/1."):
        return None
    return words[0].decode("latin-1"), words[1].decode("latin-1").split("?", 1)[0]
