"""Which versions of which groups other API servers answer for: kept as their APIServices come and go."""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Iterable
from typing import NamedTuple

from netemu.api.client import Object
from netemu.api.kinds import API_SERVICE, Kind

DEFAULT_PORT = 443


class Remote(NamedTuple):
    """An API server behind a Service. Without ``verifies`` it may be anybody."""

    name: str
    group: str
    version: str
    namespace: str
    service: str
    port: int
    ca: str
    verifies: bool

    @property
    def host(self) -> str:
        """The name in its certificate."""
        return f"{self.service}.{self.namespace}.svc"

    @property
    def path(self) -> str:
        """Where its resources are."""
        return f"/apis/{self.group}/{self.version}"


class Remotes:
    """All of one cluster, by group and version; with what each said of its resources, when it answered."""

    def __init__(self) -> None:
        self._held: dict[tuple[str, str], Object] = {}
        self.resources: dict[str, list[Object]] = {}
        """The resources of each that is available, by the name of its APIService."""
        self.generation = 0
        """Grows with every change, so that documents can be kept until then."""

    @property
    def is_idle(self) -> bool:
        """Whether there are none."""
        return not self._held

    def note(self, kind: Kind, new: Object | None, old: Object | None) -> None:
        """Follow a write."""
        if kind is not API_SERVICE:
            return
        for obj in (old, new):
            if obj is not None:
                self._held.pop((obj["spec"].get("group", ""), obj["spec"].get("version", "")), None)
        if new is not None and new["spec"].get("service"):
            self._held[new["spec"]["group"], new["spec"]["version"]] = new
        elif old is not None:
            self.resources.pop(old["metadata"]["name"], None)
        self.generation += 1

    def all(self) -> list[Object]:
        """Give the APIServices, the preferred ones of each group first."""
        return sorted(self._held.values(), key=_rank)

    def find(self, path: str) -> Object | None:
        """Find the APIService that a request's path is for: one of its resources, or its schemas."""
        parts = path.removeprefix("/openapi/v3").split("/", 4)
        if len(parts) < 4 or parts[1] != "apis":
            return None
        return self._held.get((parts[2], parts[3]))

    def told(self, name: str, resources: list[Object] | None) -> None:
        """Keep what a remote says of its resources; ``None`` if it does not answer."""
        if resources is None:
            self.resources.pop(name, None)
        else:
            self.resources[name] = resources
        self.generation += 1


def remote_of(obj: Object) -> Remote:
    """Read an APIService that names a Service."""
    spec = obj["spec"]
    service = spec["service"]
    try:
        ca = b64decode(spec.get("caBundle") or "").decode("ascii")
    except (binascii.Error, UnicodeDecodeError):
        ca = ""
    return Remote(
        obj["metadata"]["name"],
        spec["group"],
        spec["version"],
        service.get("namespace", ""),
        service.get("name", ""),
        int(service.get("port") or DEFAULT_PORT),
        ca,
        not spec.get("insecureSkipTLSVerify"),
    )


def is_available(obj: Object) -> bool:
    """Tell whether an APIService's server answers."""
    conditions: Iterable[Object] = (obj.get("status") or {}).get("conditions") or ()
    return any(each.get("type") == "Available" and each.get("status") == "True" for each in conditions)


def _rank(obj: Object) -> tuple[str, int, int, str]:
    spec = obj["spec"]
    return (
        spec["group"],
        -int(spec.get("groupPriorityMinimum") or 0),
        -int(spec.get("versionPriority") or 0),
        spec["version"],
    )
