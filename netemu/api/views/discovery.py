"""Views of ``discovery.k8s.io/v1``."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct, field

from netemu.api.views.core import PortNumber, Protocol
from netemu.api.views.meta import ObjectMeta

SERVICE_NAME_LABEL = "kubernetes.io/service-name"
MANAGED_BY_LABEL = "endpointslice.kubernetes.io/managed-by"


class EndpointConditions(Struct, frozen=True, kw_only=True):
    """``None`` means unknown: consumers take ready and serving as true then."""

    ready: bool | None = None
    serving: bool | None = None
    terminating: bool | None = None


class Endpoint(Struct, frozen=True, kw_only=True, rename="camel"):
    """One endpoint; only its first address counts."""

    addresses: tuple[str, ...]
    conditions: EndpointConditions = EndpointConditions()
    hostname: str | None = None
    node_name: str | None = None
    zone: str | None = None
    target_ref: dict[str, object] | None = None
    hints: dict[str, object] | None = None


class EndpointSlicePort(Struct, frozen=True, kw_only=True, rename="camel"):
    """One port; its name matches the Service port's name."""

    name: str | None = None
    port: PortNumber | None = None
    protocol: Protocol | None = None
    app_protocol: str | None = None


class EndpointSlice(Struct, frozen=True, kw_only=True, rename="camel"):
    """discovery.k8s.io/v1 EndpointSlice."""

    metadata: ObjectMeta
    address_type: Literal["IPv4", "IPv6", "FQDN"]
    endpoints: tuple[Endpoint, ...] = ()
    ports: tuple[EndpointSlicePort, ...] = field(default=())
