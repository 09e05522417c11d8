"""Paths that lead into pods instead of to objects: log, exec, attach, portforward, proxy. Pure."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple
from urllib.parse import unquote

from netemu.api.kinds import NODE, POD, SERVICE, Kind

Way = Literal["log", "exec", "attach", "portforward", "proxy"]

_PATH = re.compile(
    r"/api/v1/(?:namespaces/(?P<namespace>[^/]+)/)?(?P<resource>pods|services|nodes)/(?P<name>[^/]+)"
    r"/(?P<way>log|exec|attach|portforward|proxy)(?P<rest>/.*)?"
)
_KINDS = {"pods": POD, "services": SERVICE, "nodes": NODE}
_NUMBER_OR_NAME = re.compile(r"[a-z0-9-]*", re.ASCII)


class ReachPath(NamedTuple):
    """A way into a pod, or through a Service or a node.

    ``rest`` is what follows "proxy", encoded as it came: empty, or from its first slash on.
    """

    kind: Kind
    namespace: str
    name: str
    way: Way
    rest: str = ""


class Target(NamedTuple):
    """What the name in a proxy's path says: ``[scheme:]name[:port]``."""

    scheme: Literal["http", "https"]
    name: str
    port: str


def parse_reach_path(raw_path: str) -> ReachPath | None:
    """Read a request's path, encoded as it came; ``None`` when it leads to objects."""
    found = _PATH.fullmatch(raw_path)
    if found is None:
        return None
    namespace, resource, name, way, rest = (unquote(part or "") for part in found.groups())
    kind = _KINDS[resource]
    if kind.namespaced is not bool(namespace) or (kind is not POD and way != "proxy"):
        return None
    if way != "proxy" and rest not in ("", "/"):
        return None
    return ReachPath(kind, namespace, name, way, found["rest"] or "")  # type: ignore[arg-type]


def parse_target(text: str) -> Target | None:
    """Read the name in a proxy's path; ``None`` when it cannot be one."""
    parts = text.split(":")
    scheme = parts.pop(0) if len(parts) == 3 else "http"
    name, port = (*parts, "")[:2]
    if len(parts) > 2 or scheme not in ("", "http", "https") or not name:
        return None
    if not _NUMBER_OR_NAME.fullmatch(port):
        return None
    return Target("https" if scheme == "https" else "http", name, port)
