"""What the proxy says of itself and of Services over HTTP: pure answers.

Shapes and ports are kube-proxy's (``pkg/proxy/healthcheck``, ``cmd/kube-proxy``).
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import NamedTuple

from netemu.informer.cache import Key
from netemu.metrics import CONTENT_TYPE, render_metrics
from netemu.proxy.figures import Figures, NodeFigures
from netemu.proxy.report import metrics

HEALTHZ_PORT = 10256  # on every address of the node
METRICS_PORT = 10249  # on the node's loopback only


PATIENCE_S = 60.0
"""So long rules may be behind: twice kube-proxy's ``syncPeriod``."""


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


_TEXT = (("Content-Type", "text/plain; charset=utf-8"), ("X-Content-Type-Options", "nosniff"))
_NOT_FOUND = Answer(404, "404 page not found\n", _TEXT)


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


def healthz(path: str, node: NodeFigures, now_s: float) -> Answer:
    """Answer on ``HEALTHZ_PORT``: whether rules keep up and, on ``/healthz``, balancers may use the node."""
    if path not in ("/healthz", "/livez"):
        return _NOT_FOUND
    is_healthy = is_keeping_up(node, now_s)
    body: dict[str, object] = {"lastUpdated": "", "currentTime": _moment(now_s)}
    status = 200 if is_healthy else 503
    if path == "/healthz":
        body["nodeEligible"] = node.is_eligible()
        status = status if body["nodeEligible"] else 503
    synced = {name: figures for name, figures in sorted(node.families.items()) if figures.synced_s}
    last_s = max((figures.synced_s for figures in synced.values()), default=0.0)
    # Who is well is so now, though there was nothing to do for long.
    body["lastUpdated"] = _moment(now_s if status == 200 else last_s)
    body["healthy"] = is_healthy
    if synced:
        body["status"] = {name: _family_status(figures, now_s) for name, figures in synced.items()}
    headers = (("Content-Type", "application/json"), ("X-Content-Type-Options", "nosniff"))
    return Answer(status, json.dumps(body, separators=(",", ":")), headers)


def is_keeping_up(node: NodeFigures, now_s: float) -> bool:
    """Tell whether no family that was ever synced is behind for too long."""
    return not any(_is_late(figures, now_s) for figures in node.families.values() if figures.synced_s)


def _family_status(figures: Figures, now_s: float) -> dict[str, object]:
    return {"lastUpdated": _moment(figures.synced_s), "healthy": not _is_late(figures, now_s)}


def _is_late(figures: Figures, now_s: float) -> bool:
    return bool(figures.behind_since_s) and now_s - figures.behind_since_s >= PATIENCE_S


def _moment(moment_s: float) -> str:
    """Write a moment as Go does; never is the year 1 there."""
    if not moment_s:
        return "0001-01-01T00:00:00Z"
    return datetime.fromtimestamp(moment_s, UTC).isoformat().replace("+00:00", "Z")


def about(path: str, node: NodeFigures) -> Answer:
    """Answer on ``METRICS_PORT``, where kube-proxy tells its mode and its figures."""
    match path:
        case "/proxyMode":
            return Answer(200, node.mode, _TEXT)
        case "/healthz" | "/healthz/ping":
            return Answer(200, "ok", _TEXT)
        case "/metrics":
            headers = (("Content-Type", f"{CONTENT_TYPE}; charset=utf-8"),)
            return Answer(200, render_metrics(metrics(node)), headers)
    return _NOT_FOUND


def parse_request(head: bytes) -> tuple[str, str] | None:
    """Read the method and the path of a request; ``None`` for what is none."""
    words = head.split(b"\r\n", 1)[0].split(b" ")
    if len(words) != 3 or not words[2].startswith(b"HTTP/1."):
        return None
    return words[0].decode("latin-1"), words[1].decode("latin-1").split("?", 1)[0]
