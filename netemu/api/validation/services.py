"""The rules of Services, but for what the allocators decide.

Source: kubernetes ``pkg/apis/core/validation`` (``ValidateService``, ``ValidateServiceUpdate``): which,
in which order, and in which words.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from netemu.api import syntax
from netemu.api.causes import (
    IMMUTABLE,
    bad_value,
    bad_values,
    duplicate,
    forbidden,
    not_supported,
    one_of,
    required,
)
from netemu.api.client import Object
from netemu.api.errors import Cause
from netemu.api.validation.clusterips import (
    check_cluster_ips,
    check_headful,
    check_kept,
    check_no_cluster_ip,
    is_headless,
)
from netemu.api.validation.containers import PROTOCOLS
from netemu.api.validation.meta import check_labels
from netemu.api.validation.probes import check_port

TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
_DISTRIBUTIONS = ("PreferClose", "PreferSameZone", "PreferSameNode")
_POLICIES = ("Cluster", "Local")
_MAX_AFFINITY_S = 86400
_SOURCE_RANGES = "service.beta.kubernetes.io/load-balancer-source-ranges"
_HINTS, _MODE = "service.kubernetes.io/topology-aware-hints", "service.kubernetes.io/topology-mode"
_BALANCERS_ALONE = "may only be used when `type` is 'LoadBalancer'"

Json = Mapping[str, Any]


def check_service(new: Object, old: Object | None) -> Iterator[Cause]:
    """Check a Service."""
    spec = new["spec"]
    contradictions = list(check_cluster_ips(spec))
    if contradictions:  # the allocators stumble over them before anything else is looked at
        yield from contradictions
        return
    if old is not None:
        yield from _check_update(spec, old["spec"])
    yield from _check_spec(spec, new["metadata"].get("annotations") or {})
    if old is not None:
        yield from _check_points(spec, (new.get("status") or {}).get("loadBalancer") or {})


def _check_spec(spec: Json, annotations: Mapping[str, str]) -> Iterator[Cause]:
    kind, ports = spec.get("type"), spec.get("ports", ())
    if _MODE in annotations and annotations.get(_HINTS, annotations[_MODE]) != annotations[_MODE]:
        why = f"must match annotations[{_HINTS}] when both are specified"
        yield bad_value(f"metadata.annotations[{_MODE}]", annotations[_MODE], why)
    if not ports and not is_headless(spec) and kind != "ExternalName":
        yield required("spec.ports")
    yield from check_headful(kind, spec)
    if kind == "ExternalName":
        yield from check_no_cluster_ip(spec)
        yield from _check_name(spec.get("externalName", ""))
    yield from _check_ports(ports)
    yield from check_labels("spec.selector", spec.get("selector", {}))
    yield from _check_affinity(spec)
    for index, ip in enumerate(spec.get("externalIPs", ())):
        yield from bad_values(f"spec.externalIPs[{index}]", ip, syntax.non_special_address(ip))
    yield from one_of("spec.type", kind, TYPES)
    if kind == "ClusterIP":
        for index, port in enumerate(ports):
            if port.get("nodePort"):
                why = "may not be used when `type` is 'ClusterIP'"
                yield forbidden(f"spec.ports[{index}].nodePort", why)
    yield from _check_unique(ports)
    yield from _check_balancer(spec, annotations)
    yield from _check_policies(spec)


def _check_name(name: str) -> Iterator[Cause]:
    cname = name.removesuffix(".")  # it may be written with the root's dot
    if cname:
        yield from bad_values("spec.externalName", cname, syntax.subdomain(cname))
    else:
        yield required("spec.externalName")


def _check_ports(ports: list[dict[str, Any]]) -> Iterator[Cause]:
    names: set[str] = set()
    for index, port in enumerate(ports):
        field, name = f"spec.ports[{index}]", port.get("name", "")
        if name:
            yield from bad_values(f"{field}.name", name, syntax.label(name))
            if name in names:
                yield duplicate(f"{field}.name", name)
            names.add(name)
        elif len(ports) > 1:
            yield required(f"{field}.name")
        yield from bad_values(f"{field}.port", port.get("port", 0), syntax.port_number(port.get("port", 0)))
        yield from one_of(f"{field}.protocol", port.get("protocol"), PROTOCOLS)
        if "targetPort" in port:
            yield from check_port(port["targetPort"], f"{field}.targetPort")
        if "appProtocol" in port:
            protocol = port["appProtocol"]
            yield from bad_values(f"{field}.appProtocol", protocol, syntax.qualified_name(protocol))


def _check_unique(ports: list[dict[str, Any]]) -> Iterator[Cause]:
    seen: set[tuple[Any, Any]] = set()
    for index, port in enumerate(ports):
        node_port = port.get("protocol"), port.get("nodePort")
        if port.get("nodePort") and node_port in seen:
            yield duplicate(f"spec.ports[{index}].nodePort", port["nodePort"])
        seen.add(node_port)
    seen = set()
    for index, port in enumerate(ports):
        number = port.get("protocol"), port.get("port")
        if number in seen:
            yield duplicate(f"spec.ports[{index}]", _as_compared(*number))
        seen.add(number)


def _as_compared(protocol: Any, number: Any) -> dict[str, Any]:
    """Give what Kubernetes compares ports by, and shows: a port with nothing but these two."""
    there = {"Name": "", "Protocol": protocol, "AppProtocol": None, "Port": number}
    return {**there, "TargetPort": 0, "NodePort": 0}


def _check_affinity(spec: Json) -> Iterator[Cause]:
    yield from one_of("spec.sessionAffinity", spec.get("sessionAffinity"), ("ClientIP", "None"))
    if spec.get("sessionAffinity") != "ClientIP":
        return
    seconds = spec.get("sessionAffinityConfig", {}).get("clientIP", {}).get("timeoutSeconds", 0)
    if not 0 < seconds <= _MAX_AFFINITY_S:
        yield bad_value(
            "spec.sessionAffinityConfig.clientIP.timeoutSeconds",
            seconds,
            f"must be greater than 0 and less than {_MAX_AFFINITY_S}",
        )


def _check_balancer(spec: Json, annotations: Mapping[str, str]) -> Iterator[Cause]:
    yield from _check_source_ranges(spec, annotations)
    if spec.get("type") != "LoadBalancer" and "allocateLoadBalancerNodePorts" in spec:
        yield forbidden("spec.allocateLoadBalancerNodePorts", _BALANCERS_ALONE)
    name = spec.get("loadBalancerClass")
    if name is not None and spec.get("type") != "LoadBalancer":
        yield forbidden("spec.loadBalancerClass", _BALANCERS_ALONE)
    elif name is not None:
        yield from bad_values("spec.loadBalancerClass", name, syntax.qualified_name(name))


def _check_source_ranges(spec: Json, annotations: Mapping[str, str]) -> Iterator[Cause]:
    """Check the field, which is written with a capital letter in refusals, or the annotation of old."""
    listed = spec.get("loadBalancerSourceRanges", ())
    if listed:
        field, cidrs = "spec.LoadBalancerSourceRanges", listed
    elif _SOURCE_RANGES in annotations:
        text = annotations[_SOURCE_RANGES].strip()
        field, cidrs = f"metadata.annotations[{_SOURCE_RANGES}]", text.split(",") if text else []
    else:
        return
    if spec.get("type") != "LoadBalancer":
        yield forbidden(field, _BALANCERS_ALONE)
    for index, cidr in enumerate(cidrs):
        where = f"{field}[{index}]" if listed else field
        yield from bad_values(where, cidr.strip(), syntax.cidr(cidr.strip()))


def _check_policies(spec: Json) -> Iterator[Cause]:
    external, internal = spec.get("externalTrafficPolicy"), spec.get("internalTrafficPolicy")
    if is_external(spec):
        yield from one_of("spec.externalTrafficPolicy", external, _POLICIES)
    elif external:
        why = "may only be set for externally-accessible services"
        yield bad_value("spec.externalTrafficPolicy", external, why)
    port = spec.get("healthCheckNodePort")
    if port and not needs_health_check(spec):
        why = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"
        yield bad_value("spec.healthCheckNodePort", port, why)
    if internal is not None:
        yield from one_of("spec.internalTrafficPolicy", internal, _POLICIES)
    distribution = spec.get("trafficDistribution")
    if distribution is not None and distribution not in _DISTRIBUTIONS:
        yield not_supported("spec.trafficDistribution", distribution, _DISTRIBUTIONS, as_given=True)


def _check_update(new: Json, old: Json) -> Iterator[Cause]:
    yield from check_kept(new, old)
    former, asked = old.get("loadBalancerClass"), new.get("loadBalancerClass")
    if old.get("type") == new.get("type") == "LoadBalancer" and asked != former:
        yield bad_value("spec.loadBalancerClass", asked, "may not change once set")
    if needs_health_check(old) and needs_health_check(new):
        port, had = new.get("healthCheckNodePort"), old.get("healthCheckNodePort")
        if port and had and port != had:
            yield forbidden("spec.healthCheckNodePort", IMMUTABLE)


def _check_points(spec: Json, balancer: Json) -> Iterator[Cause]:
    """Check where a load balancer is reached, which a status says."""
    points = balancer.get("ingress") or ()
    if points and spec.get("type") != "LoadBalancer":
        yield forbidden("status.loadBalancer.ingress", 'may only be used when `spec.type` is "LoadBalancer"')
        return
    for index, point in enumerate(points):
        yield from _check_point(point, f"status.loadBalancer.ingress[{index}]")


def _check_point(point: Json, field: str) -> Iterator[Cause]:
    ip, name, mode = point.get("ip"), point.get("hostname"), point.get("ipMode")
    if ip:
        yield from bad_values(f"{field}.ip", ip, syntax.address(ip))
    if mode is not None and not ip:
        yield forbidden(f"{field}.ipMode", "may not be specified when `ip` is not set")
    elif mode is not None:
        yield from one_of(f"{field}.ipMode", mode, ("Proxy", "VIP"))
    if name:
        yield from bad_values(f"{field}.hostname", name, syntax.subdomain(name))
        if syntax.find_address(name) is not None:
            yield bad_value(f"{field}.hostname", name, "must be a DNS name, not an IP address")


def is_external(spec: Json) -> bool:
    """Tell whether a Service is there for clients outside too."""
    kind = spec.get("type", "ClusterIP")
    return kind in ("NodePort", "LoadBalancer") or (kind == "ClusterIP" and bool(spec.get("externalIPs")))


def needs_health_check(spec: Json) -> bool:
    """Tell whether load balancers ask each node whether it has endpoints."""
    return spec.get("type") == "LoadBalancer" and spec.get("externalTrafficPolicy") == "Local"
