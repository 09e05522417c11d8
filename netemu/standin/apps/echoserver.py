"""``echoserver``: says what it was asked, in the lines that Kubernetes' tutorial on source IPs looks for.

Source: https://kubernetes.io/docs/tutorials/services/source-ip/.
"""

from __future__ import annotations

from collections.abc import Iterable

from netemu.agnhost.model import Http, Listener, Request, Response, Surroundings
from netemu.runtime.container import AppSpec
from netemu.standin.apps.http import describe
from netemu.standin.apps.ports import on_ports


def build(spec: AppSpec, _surroundings: Surroundings) -> tuple[Listener, ...]:
    """Serve HTTP on every TCP port, an echo on every UDP port."""
    return on_ports(spec, Http(lambda request: answer(spec, request)))


def answer(spec: AppSpec, request: Request) -> Response:
    """Give the page; facts alone to who takes JSON."""
    if "application/json" in request.header("accept"):
        return describe(spec, request)
    sections = {
        "Pod Information": _pod(spec),
        "Server values": ("server_version=netemu",),
        "Request Information": _asked(request),
        "Request Headers": sorted(f"{key.lower()}={value}" for key, value in request.headers),
        "Request Body": (request.body.decode(errors="replace") or "-no body in request-",),
    }
    parts = (f"{title}:\n{_indented(lines)}" for title, lines in sections.items())
    return Response("\n".join((f"\n\nHostname: {spec.hostname}\n", *parts, "\n")).encode())


def _pod(spec: AppSpec) -> Iterable[str]:
    facts = {"node name": spec.node, "pod name": spec.pod, "pod namespace": spec.namespace}
    return (f"{name}:\t{value}" for name, value in {**facts, "pod IP": spec.pod_ip}.items())


def _asked(request: Request) -> Iterable[str]:
    path, _, query = request.target.partition("?")
    facts = {
        "client_address": request.client.host,
        "method": request.method,
        "real path": path,
        "query": query,
        "request_version": request.version,
        "request_scheme": "http",
        "request_uri": f"http://{request.header('host')}{request.target}",
    }
    return (f"{name}={value}" for name, value in facts.items())


def _indented(lines: Iterable[str]) -> str:
    return "".join(f"\t{line}\n" for line in lines)
