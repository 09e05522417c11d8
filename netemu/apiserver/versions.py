"""Kinds that are served in more than one group or version, and stored in one. Pure.

Events are core/v1 Events in the store; events.k8s.io/v1 shows the same ones under other names.
Source: Kubernetes ``pkg/apis/events/v1/conversion.go``.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from msgspec import Struct

from netemu.api.client import Object
from netemu.api.crd.definition import as_version
from netemu.api.crd.objects import served
from netemu.api.errors import BadRequestError
from netemu.api.kinds import (
    EVENT,
    EVENTS_EVENT,
    HORIZONTAL_POD_AUTOSCALER,
    HORIZONTAL_POD_AUTOSCALER_V1,
    Kind,
)
from netemu.apiserver import autoscaling


def _as_it_is(obj: Object) -> Object:
    return obj


class Version(Struct, frozen=True, eq=False):
    """How clients of one path see what is stored; compare with ``is``."""

    served: Kind
    stored: Kind
    serve: Callable[[Object], Object] = _as_it_is
    store: Callable[[Object], Object] = _as_it_is
    fields: Callable[[str], str] = str
    """Turns a field selector into one of what is stored."""

    def store_patch(self, patch: Any) -> Any:
        """Read a patch of what clients see as one of what is stored."""
        if isinstance(patch, dict):
            return self.store(patch)
        if self.served is EVENTS_EVENT and isinstance(patch, list):
            return [_old_operation(each) for each in patch]
        return patch

    def serve_all(self, objects: list[Object]) -> list[Object]:
        """Give stored objects as clients see them."""
        return objects if self.serve is _as_it_is else [self.serve(obj) for obj in objects]


_NEW_NAMES = {
    "involvedObject": "regarding",
    "message": "note",
    "source": "deprecatedSource",
    "firstTimestamp": "deprecatedFirstTimestamp",
    "lastTimestamp": "deprecatedLastTimestamp",
    "count": "deprecatedCount",
    "reportingComponent": "reportingController",
}
_OLD_NAMES = {new: old for old, new in _NEW_NAMES.items()}


def _new_event(event: Object) -> Object:
    """Show a core/v1 Event as an events.k8s.io/v1 one."""
    renamed = {_NEW_NAMES.get(name, name): value for name, value in event.items()}
    return {**renamed, "apiVersion": EVENTS_EVENT.api_version}


def _old_event(event: Object) -> Object:
    """Read an events.k8s.io/v1 Event, or a patch of one, as a core/v1 one."""
    renamed = {_OLD_NAMES.get(name, name): value for name, value in event.items()}
    if "apiVersion" not in event:
        return renamed
    if event["apiVersion"] != EVENTS_EVENT.api_version:
        said, expected = event["apiVersion"], EVENTS_EVENT.api_version
        raise BadRequestError(
            f"the API version in the data ({said}) does not match the expected API version ({expected})"
        )
    return {**renamed, "apiVersion": EVENT.api_version}


def _old_operation(operation: Any) -> Any:
    """Read an operation of a JSON patch of an events.k8s.io/v1 Event as one of a core/v1 Event."""
    if not isinstance(operation, dict):
        return operation
    return operation | {key: _old_path(operation[key]) for key in ("path", "from") if key in operation}


def _old_path(path: Any) -> Any:
    if not isinstance(path, str):
        return path
    root, name, *rest = path.split("/", 2) if path.startswith("/") else (path, "")
    return "/".join((root, _OLD_NAMES.get(name, name), *rest)) if name else path


def _old_event_fields(selector: str) -> str:
    for new, old in (("regarding.", "involvedObject."), ("reportingController", "reportingComponent")):
        selector = selector.replace(new, old)
    return selector


_VERSIONS: dict[Kind, Version] = {
    EVENTS_EVENT: Version(EVENTS_EVENT, EVENT, _new_event, _old_event, _old_event_fields),
    HORIZONTAL_POD_AUTOSCALER_V1: Version(
        HORIZONTAL_POD_AUTOSCALER_V1, HORIZONTAL_POD_AUTOSCALER, autoscaling.as_v1, autoscaling.as_v2
    ),
}


def version_of(kind: Kind) -> Version:
    """Find out how a kind is stored."""
    if kind.custom is not None:
        stored = kind.stored or kind
        return Version(kind, stored, partial(served, kind), partial(as_version, stored))
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
