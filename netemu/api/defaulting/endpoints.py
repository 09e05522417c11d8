"""Defaults of Endpoints and EndpointSlice."""

from __future__ import annotations

from netemu.api.client import Object
from netemu.api.defaulting.zero import fill_zero


def fill_endpoints(obj: Object) -> None:
    """Give every port its protocol."""
    for subset in obj.get("subsets", ()):
        for port in subset.get("ports", ()):
            fill_zero(port, "protocol", "TCP")


def fill_endpoint_slice(obj: Object) -> None:
    """Give every port its name, which may be empty, and its protocol."""
    obj.setdefault("endpoints", [])
    for port in obj.setdefault("ports", []):
        port.setdefault("name", "")
        port.setdefault("protocol", "TCP")
