"""What EndpointSlices say of where a Service can be reached. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from netemu.api.client import Object
from netemu.api.views.discovery import SERVICE_NAME_LABEL
from netemu.balancer.plan import Serving
from netemu.informer.cache import Key, key_of


def service_of(slice_: Object) -> Key | None:
    """Give the Service that a slice belongs to."""
    name = (slice_["metadata"].get("labels") or {}).get(SERVICE_NAME_LABEL)
    return Key(key_of(slice_).namespace, name) if name else None


def serving(slices: Iterable[Object]) -> Serving:
    """Tell where the endpoints of slices serve."""
    found = list(_serving(slices))
    return Serving(bool(found), frozenset(each["nodeName"] for each in found if each.get("nodeName")))


def _serving(slices: Iterable[Object]) -> Iterator[dict[str, Any]]:
    """Give those that are ready, and those that end but still serve: they get what nobody else can take."""
    for obj in slices:
        for endpoint in obj.get("endpoints") or ():
            conditions = endpoint.get("conditions") or {}
            if conditions.get("ready") is not False or conditions.get("serving") is True:
                yield endpoint
