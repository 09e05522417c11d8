"""Paths of the Kubernetes REST API, read as what they name. Pure."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from netemu.api.errors import NotFoundError
from netemu.api.kinds import Kind
from netemu.api.served import BUILT_IN, ServedKinds


class Document(Enum):
    """What the API says about itself."""

    VERSION = "version"
    HEALTH = "health"
    READY = "ready"
    CORE_VERSIONS = "core versions"
    GROUPS = "groups"
    GROUP = "group"
    RESOURCES = "resources"
    INDEX = "index"


class DocumentPath(NamedTuple):
    """A document, of one group and version where it is one's."""

    document: Document
    group: str = ""
    version: str = ""


class ObjectPath(NamedTuple):
    """A collection (no name), an object, or a subresource of one."""

    kind: Kind
    namespace: str = ""
    name: str = ""
    subresource: str = ""


_FIXED = {
    (): DocumentPath(Document.INDEX),
    ("version",): DocumentPath(Document.VERSION),
    ("healthz",): DocumentPath(Document.HEALTH),
    ("livez",): DocumentPath(Document.HEALTH),
    ("readyz",): DocumentPath(Document.READY),
    ("api",): DocumentPath(Document.CORE_VERSIONS),
    ("apis",): DocumentPath(Document.GROUPS),
    ("api", "v1"): DocumentPath(Document.RESOURCES, "", "v1"),
}


def parse_path(path: str, kinds: ServedKinds = BUILT_IN) -> DocumentPath | ObjectPath:
    """Read a request's path, where ``kinds`` are served.

    Raises:
        NotFoundError: nothing is served there.

    """
    parts = tuple(part for part in path.split("/") if part)
    fixed = _FIXED.get(parts)
    if fixed is not None:
        return fixed
    if parts[0] == "api" and parts[1] == "v1":
        return _parse_object(kinds, "", "v1", parts[2:])
    if parts[0] == "apis" and len(parts) == 2 and parts[1] in kinds.groups:
        return DocumentPath(Document.GROUP, parts[1])
    if parts[0] == "apis" and len(parts) >= 3 and parts[2] in kinds.versions(parts[1]):
        group, version = parts[1], parts[2]
        if len(parts) == 3:
            return DocumentPath(Document.RESOURCES, group, version)
        return _parse_object(kinds, group, version, parts[3:])
    raise nothing_there()


def nothing_there() -> NotFoundError:
    """Say that a path is not served, in the words that clients look for."""
    return NotFoundError("the server could not find the requested resource")


def _parse_object(kinds: ServedKinds, group: str, version: str, parts: tuple[str, ...]) -> ObjectPath:
    namespace = ""
    if parts[0] == "namespaces" and len(parts) >= 3 and kinds.find(group, version, parts[2]) is not None:
        namespace, parts = parts[1], parts[2:]
    kind = kinds.find(group, version, parts[0])
    if kind is None or len(parts) > 3 or (namespace and not kind.namespaced):
        raise nothing_there()
    name, subresource = (*parts[1:], "", "")[:2]
    if (name and kind.namespaced and not namespace) or (subresource and subresource not in kind.subresources):
        raise nothing_there()
    return ObjectPath(kind, namespace, name, subresource)
