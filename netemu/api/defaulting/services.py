"""Defaults of Service."""

from __future__ import annotations

from typing import Any

from netemu.api.client import Object
from netemu.api.defaulting.zero import fill_zero

AFFINITY_TIMEOUT_S = 10800


def fill_service(obj: Object) -> None:
    """Fill in all but what the allocators decide (addresses, families, node ports)."""
    spec = obj.setdefault("spec", {})
    kind = fill_zero(spec, "type", "ClusterIP")
    _fill_affinity(spec)
    for port in spec.get("ports", ()):
        _fill_port(port)
    if kind != "ExternalName":
        spec.setdefault("internalTrafficPolicy", "Cluster")
    if kind in ("NodePort", "LoadBalancer") or (kind == "ClusterIP" and spec.get("externalIPs")):
        fill_zero(spec, "externalTrafficPolicy", "Cluster")
    if kind == "LoadBalancer":
        spec.setdefault("allocateLoadBalancerNodePorts", True)
    balancer = obj.setdefault("status", {}).setdefault("loadBalancer", {})
    if kind == "LoadBalancer":
        _fill_ingress(balancer)


def _fill_ingress(balancer: dict[str, Any]) -> None:
    for point in balancer.get("ingress") or ():
        if point.get("ip"):
            point.setdefault("ipMode", "VIP")


def _fill_affinity(spec: dict[str, Any]) -> None:
    if fill_zero(spec, "sessionAffinity", "None") == "None":
        spec.pop("sessionAffinityConfig", None)
    elif spec["sessionAffinity"] == "ClientIP":
        config = spec.setdefault("sessionAffinityConfig", {}).setdefault("clientIP", {})
        config.setdefault("timeoutSeconds", AFFINITY_TIMEOUT_S)


def _fill_port(port: dict[str, Any]) -> None:
    fill_zero(port, "protocol", "TCP")
    if port.get("targetPort") in (None, 0, "") and "port" in port:
        port["targetPort"] = port["port"]
    if port.get("nodePort") == 0:
        del port["nodePort"]
