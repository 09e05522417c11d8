"""Kinds that are served in more than one group or version, and stored in one. Pure.

Events are core/v1 Events in the store; events.k8s.io/v1 shows the same ones under other names.
Source: Kubernetes ``pkg/apis/events/v1/conversion.go``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from netemu.api.client import Object
from netemu.api.crd.definition import as_version
from netemu.api.kinds import Kind


def _as_it_is(obj: Object) -> Object:
    return obj


@dataclass(frozen=True, slots=True, eq=False)
class Version:
    """How clients of one path see what is stored; compare with ``is``."""

    served: Kind
    stored: Kind
    serve: Callable[[Object], Object] = _as_it_is
    store: Callable[[Object], Object] = _as_it_is

    def serve_all(self, objects: list[Object]) -> list[Object]:
        """Give stored objects as clients see them."""
        return objects if self.serve is _as_it_is else [self.serve(obj) for obj in objects]


_VERSIONS: dict[Kind, Version] = {}


def version_of(kind: Kind) -> Version:
    """Find out how a kind is stored."""
    if kind.custom is not None:
        stored = kind.stored or kind
        return Version(kind, stored, partial(as_version, kind), partial(as_version, stored))
    version = _VERSIONS.get(kind)
    if version is None:
        version = _VERSIONS[kind] = Version(kind, kind)
    return version


_DEPRECATED = {
    "endpoints": "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice",
    "componentstatuses": "v1 ComponentStatus is deprecated in v1.19+",
}


def deprecations(kind: Kind) -> tuple[str, ...]:
    """Say what users of a kind should be told with every answer."""
    said = kind.custom.deprecation if kind.custom is not None else _DEPRECATED.get(kind.key)
    return (said,) if said else ()
