"""``http`` (httpd, nginx, whoami) and ``pause``: say who answered, to whom, and what was asked."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from netemu.agnhost.model import Http, Listener, Request, Response, Surroundings
from netemu.runtime.container import AppSpec
from netemu.standin import pages
from netemu.standin.apps.ports import on_ports

_NOT_FOUND = Response(b"<h1>Not Found</h1>\n", status=404, content_type="text/html")


def build(spec: AppSpec, _surroundings: Surroundings) -> tuple[Listener, ...]:
    """Serve HTTP on every TCP port, an echo on every UDP port."""
    return on_ports(spec, Http(lambda request: describe(spec, request)))


def greeting(words: str) -> Callable[[AppSpec, Surroundings], tuple[Listener, ...]]:
    """Give the app that also says, at the end of its page, what people look for on this one's."""

    def build_greeting(spec: AppSpec, _surroundings: Surroundings) -> tuple[Listener, ...]:
        def answer(request: Request) -> Response:
            if request.path in ("/", "/index.html"):
                page = pages.changed(spec.app, spec.page, spec.page_root)
                if page is not None:
                    return Response(page, content_type="text/html") if page else _NOT_FOUND
            response = describe(spec, request)
            if request.path != "/" or not response.content_type.startswith("text/"):
                return response
            return response._replace(body=response.body + f"\n{words}\n".encode())

        return on_ports(spec, Http(answer))

    return build_greeting


def picture(name: str) -> Callable[[AppSpec, Surroundings], tuple[Listener, ...]]:
    """Give the app that shows a picture, of Kubernetes' update demo: its data tell which."""
    data = Response(msgspec.json.encode({"image": f"{name}.jpg"}) + b"\n", content_type="application/json")

    def build_picture(spec: AppSpec, _surroundings: Surroundings) -> tuple[Listener, ...]:
        return on_ports(
            spec,
            Http(lambda request: data if request.path == "/data.json" else describe(spec, request)),
        )

    return build_picture


def describe(spec: AppSpec, request: Request) -> Response:
    """Answer any request with facts: as lines, or as JSON where that is accepted."""
    if "application/json" in request.header("accept"):
        return Response(_as_json(spec, request), content_type="application/json")
    return Response(_as_text(spec, request).encode())


def _facts(spec: AppSpec, request: Request) -> dict[str, str]:
    return {
        "Hostname": spec.hostname,
        "Pod": spec.pod,
        "Namespace": spec.namespace,
        "Node": spec.node,
        "IP": spec.pod_ip,
        "RemoteAddr": str(request.client),
    }


def _as_text(spec: AppSpec, request: Request) -> str:
    facts = [f"{key}: {value}" for key, value in _facts(spec, request).items()]
    headers = [f"{key}: {value}" for key, value in request.headers]
    return "\n".join((*facts, request.line, *headers, ""))


def _as_json(spec: AppSpec, request: Request) -> bytes:
    facts = {key[0].lower() + key[1:]: value for key, value in _facts(spec, request).items()}
    facts["ip"] = facts.pop("iP")
    asked = {"method": request.method, "target": request.target, "headers": dict(request.headers)}
    return msgspec.json.encode({**facts, **asked}) + b"\n"
