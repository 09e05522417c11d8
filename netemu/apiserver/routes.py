"""Paths of the Kubernetes REST API, read as what they name. Pure."""

from __future__ import annotations

from typing import NamedTuple

from netemu.api.errors import NotFoundError
from netemu.api.kinds import POD, Kind
from netemu.api.served import BUILT_IN, ServedKinds


class ObjectPath(NamedTuple):
    """A collection (no name), an object, or a subresource of one.

    ``watched`` is what the oldest clients say in the path: ``/api/v1/watch/…``.
    """

    kind: Kind
    namespace: str = ""
    name: str = ""
    subresource: str = ""
    watched: bool = False


def parse_path(path: str, kinds: ServedKinds = BUILT_IN) -> ObjectPath:
    """Read the path of objects, where ``kinds`` are served.

    Raises:
        NotFoundError: nothing is served there.

    """
    match tuple(part for part in path.split("/") if part):
        case ("api", version, "watch", _, *_) as parts:
            return _watched(_parse_object(kinds, "", version, parts[3:]))
        case ("apis", group, version, "watch", _, *_) as parts:
            return _watched(_parse_object(kinds, group, version, parts[4:]))
        case ("api", version, _, *_) as parts:
            return _parse_object(kinds, "", version, parts[2:])
        case ("apis", group, version, _, *_) as parts:
            return _parse_object(kinds, group, version, parts[3:])
    raise nothing_there()


def _watched(path: ObjectPath) -> ObjectPath:
    if path.subresource:
        raise nothing_there()
    return path._replace(watched=True)


def nothing_there() -> NotFoundError:
    """Say that a path is not served, in the words that clients look for."""
    return NotFoundError("the server could not find the requested resource")


def _parse_object(kinds: ServedKinds, group: str, version: str, parts: tuple[str, ...]) -> ObjectPath:
    if (group, version) == ("", "v1") and len(parts) == 3 and parts[::2] == ("namespaces", "bindings"):
        return ObjectPath(POD, parts[1], subresource="binding")
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
