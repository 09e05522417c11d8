"""What is said of objects that are taken all the same: fields that are old, ignored or oddly written. Pure.

Source: kubernetes ``pkg/api/service/warnings.go``, apimachinery ``pkg/util/validation/ip.go`` and the
``WarningsOnCreate`` of ``pkg/registry/networking/ingress`` (when, and the words).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from netemu.api.client import Object
from netemu.api.kinds import INGRESS, SERVICE, Kind

_HINTS = "service.kubernetes.io/topology-aware-hints"
_MODE = "service.kubernetes.io/topology-mode"
_INGRESS_CLASS = "kubernetes.io/ingress.class"

Json = Mapping[str, Any]


def advice(kind: Kind, obj: Object) -> tuple[str, ...]:
    """Give what the writer of an object should be told."""
    advise = _ADVICE.get(kind.key)
    return tuple(advise(obj)) if advise is not None else ()


def _on_service(service: Object) -> Iterator[str]:
    spec = service["spec"]
    kind, external = spec.get("type"), spec.get("externalIPs") or ()
    is_headless = kind == "ClusterIP" and spec.get("clusterIP") == "None"
    if _HINTS in (service["metadata"].get("annotations") or {}):
        yield f"annotation {_HINTS} is deprecated, please use {_MODE} instead"
    if not is_headless:
        yield from _on_addresses("spec.clusterIPs", spec.get("clusterIPs") or ())
    if is_headless:
        yield from _on_headless(spec)
    yield from _on_addresses("spec.externalIPs", external)
    if external and not is_headless and kind != "ExternalName":
        yield "spec.externalIPs is deprecated and may no longer be implemented in some clusters"
    yield from _on_address("spec.loadBalancerIP", spec.get("loadBalancerIP") or "")
    for index, cidr in enumerate(spec.get("loadBalancerSourceRanges") or ()):
        yield from _on_range(f"spec.loadBalancerSourceRanges[{index}]", cidr.strip())
    if kind == "ExternalName" and external:
        yield 'spec.externalIPs is ignored when spec.type is "ExternalName"'
    if kind != "ExternalName" and spec.get("externalName"):
        yield 'spec.externalName is ignored when spec.type is not "ExternalName"'
    if spec.get("trafficDistribution") == "PreferClose":
        yield 'spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"'


def _on_headless(spec: Json) -> Iterator[str]:
    if spec.get("loadBalancerIP"):
        yield "spec.loadBalancerIP is ignored for headless services"
    if spec.get("externalIPs"):
        yield "spec.externalIPs is ignored for headless services"
    if spec.get("sessionAffinity", "None") != "None":
        yield "spec.SessionAffinity is ignored for headless services"


def _on_addresses(field: str, addresses: Iterable[str]) -> Iterator[str]:
    for index, address in enumerate(addresses):
        yield from _on_address(f"{field}[{index}]", address)


def _on_address(field: str, text: str) -> Iterator[str]:
    try:
        found = str(ipaddress.ip_address(text))
    except ValueError:
        return
    if found != text:
        yield f'{field}: IPv6 address "{text}" should be in RFC 5952 canonical format ("{found}")'


def _on_range(field: str, text: str) -> Iterator[str]:
    try:
        found = str(ipaddress.ip_network(text))
    except ValueError:
        return
    if found != text:
        yield f'{field}: IPv6 CIDR value "{text}" should be in RFC 5952 canonical format ("{found}")'


def _on_ingress(ingress: Object) -> Iterator[str]:
    if _INGRESS_CLASS in (ingress["metadata"].get("annotations") or {}):
        yield f"annotation \"{_INGRESS_CLASS}\" is deprecated, please use 'spec.ingressClassName' instead"


_ADVICE: dict[str, Callable[[Object], Iterator[str]]] = {
    SERVICE.key: _on_service,
    INGRESS.key: _on_ingress,
}
