"""The rules of Services, but for what the allocators decide.

Source: kubernetes ``pkg/apis/core/validation`` (``ValidateService``, ``ValidateServiceUpdate``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from netemu.api import syntax
from netemu.api.causes import (
    bad_value,
    bad_values,
    duplicate,
    forbidden,
    one_of,
    required,
)
from netemu.api.client import Object
from netemu.api.errors import Cause
from netemu.api.validation.containers import PROTOCOLS
from netemu.api.validation.meta import check_labels
from netemu.api.validation.probes import check_port

HEADLESS = "None"
TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
_DISTRIBUTIONS = ("PreferClose", "PreferSameNode", "PreferSameZone")
_MAX_AFFINITY_S = 86400
_ONLY_BALANCER = ("allocateLoadBalancerNodePorts", "loadBalancerClass")
_SOURCE_RANGES = "service.beta.kubernetes.io/load-balancer-source-ranges"
_KUBELET_PORT = 10250

Json = Mapping[str, Any]


def check_service(new: Object, old: Object | None) -> Iterator[Cause]:
    """Check a Service."""
    spec = new["spec"]
    yield from one_of("spec.type", spec.get("type"), TYPES)
    yield from _check_type(spec)
    yield from _check_ports(spec)
    yield from check_labels("spec.selector", spec.get("selector", {}))
    yield from _check_affinity(spec)
    yield from _check_cluster_ips(spec, old)
    yield from _check_policies(spec, old)
    for index, ip in enumerate(spec.get("externalIPs", ())):
        yield from bad_values(f"spec.externalIPs[{index}]", ip, syntax.non_special_address(ip))
    yield from _check_source_ranges(spec, new["metadata"].get("annotations") or {})
    if old is not None:
        yield from _check_update(spec, old["spec"])
        yield from _check_points(spec, (new.get("status") or {}).get("loadBalancer") or {})


def _check_type(spec: Json) -> Iterator[Cause]:
    kind = spec.get("type")
    if kind == "ExternalName":
        yield from _check_external_name(spec)
    elif not spec.get("ports") and not _is_headless(spec):
        yield required("spec.ports")
    if kind in ("NodePort", "LoadBalancer") and _is_headless(spec):
        yield bad_value("spec.clusterIPs[0]", HEADLESS, f"may not be set to 'None' for {kind} services")
    if kind == "LoadBalancer":
        yield from _check_balancer(spec)
    else:
        yield from (forbidden(f"spec.{key}", _BALANCERS_ALONE) for key in _ONLY_BALANCER if key in spec)


_BALANCERS_ALONE = "may only be used when `type` is 'LoadBalancer'"


def _check_balancer(spec: Json) -> Iterator[Cause]:
    for index, port in enumerate(spec.get("ports", ())):
        if port.get("port") == _KUBELET_PORT:
            why = f"may not expose port {_KUBELET_PORT} externally since it is used by kubelet"
            yield bad_value(f"spec.ports[{index}]", _KUBELET_PORT, why)
    name = spec.get("loadBalancerClass")
    if name is not None:
        yield from bad_values("spec.loadBalancerClass", name, syntax.qualified_name(name))


def _check_source_ranges(spec: Json, annotations: Mapping[str, str]) -> Iterator[Cause]:
    """Check the field, which is written with a capital letter in refusals, or the annotation of old."""
    field, cidrs = "spec.LoadBalancerSourceRanges", spec.get("loadBalancerSourceRanges", ())
    if not cidrs and annotations.get(_SOURCE_RANGES, "").strip():
        field, cidrs = f"metadata.annotations[{_SOURCE_RANGES}]", annotations[_SOURCE_RANGES].split(",")
    if cidrs and spec.get("type") != "LoadBalancer":
        yield forbidden(field, _BALANCERS_ALONE)
    for index, cidr in enumerate(cidrs):
        where = field if field.endswith("]") else f"{field}[{index}]"
        yield from bad_values(where, cidr.strip(), syntax.cidr(cidr.strip()))


def _check_external_name(spec: Json) -> Iterator[Cause]:
    for key in ("clusterIPs", "ipFamilies", "ipFamilyPolicy"):
        if spec.get(key) or (key == "clusterIPs" and spec.get("clusterIP")):
            yield forbidden(f"spec.{key}", "may not be set for ExternalName services")
    name = spec.get("externalName", "")
    if not name:
        yield required("spec.externalName")
    else:
        # A CNAME may be written with the root's dot.
        yield from bad_values("spec.externalName", name, syntax.subdomain(name.removesuffix(".")))


def _check_ports(spec: Json) -> Iterator[Cause]:
    ports = spec.get("ports", ())
    for index, port in enumerate(ports):
        yield from _check_service_port(port, f"spec.ports[{index}]", is_only=len(ports) == 1)
        if port.get("nodePort") and spec.get("type") in ("ClusterIP", "ExternalName"):
            yield forbidden(
                f"spec.ports[{index}].nodePort", f"may not be used when `type` is '{spec['type']}'"
            )
    yield from _check_unique(ports)


def _check_service_port(port: Json, field: str, *, is_only: bool) -> Iterator[Cause]:
    name, number = port.get("name", ""), port.get("port", 0)
    if name:
        yield from bad_values(f"{field}.name", name, syntax.label(name))
    elif not is_only:
        yield required(f"{field}.name")
    yield from bad_values(f"{field}.port", number, syntax.port_number(number))
    yield from one_of(f"{field}.protocol", port.get("protocol"), PROTOCOLS)
    if "targetPort" in port and port["targetPort"] != number:
        yield from check_port(port["targetPort"], f"{field}.targetPort")
    if port.get("nodePort"):
        yield from bad_values(f"{field}.nodePort", port["nodePort"], syntax.port_number(port["nodePort"]))
    if port.get("appProtocol"):
        yield from bad_values(
            f"{field}.appProtocol", port["appProtocol"], syntax.qualified_name(port["appProtocol"])
        )


def _check_unique(ports: list[dict[str, Any]]) -> Iterator[Cause]:
    names: set[str] = set()
    numbers: set[tuple[Any, Any]] = set()
    node_ports: set[tuple[Any, Any]] = set()
    for index, port in enumerate(ports):
        field, name, protocol = f"spec.ports[{index}]", port.get("name", ""), port.get("protocol")
        if name and name in names:
            yield duplicate(f"{field}.name", name)
        if (protocol, port.get("port")) in numbers:
            yield duplicate(field, _as_compared(protocol, port.get("port")))
        if port.get("nodePort") and (protocol, port["nodePort"]) in node_ports:
            yield duplicate(f"{field}.nodePort", port["nodePort"])
        names.add(name)
        numbers.add((protocol, port.get("port")))
        node_ports.add((protocol, port.get("nodePort")))


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


def _check_cluster_ips(spec: Json, old: Object | None) -> Iterator[Cause]:
    ips = _cluster_ips(spec)
    if HEADLESS in ips and ips != [HEADLESS]:
        yield bad_value("spec.clusterIPs", ips, "'None' must be the first and only value")
        return
    if old is None and spec.get("clusterIPs"):
        if not spec.get("clusterIP"):
            yield bad_value("spec.clusterIPs", ips, "must be empty when `clusterIP` is not specified")
        elif spec["clusterIP"] != ips[0]:
            yield bad_value("spec.clusterIPs", ips, "first value must match `clusterIP`")
    if len(ips) > 2:
        yield bad_value("spec.clusterIPs", ips, "may only hold up to 2 values")
    for index, ip in enumerate(ips):
        if ip != HEADLESS:
            yield from bad_values(f"spec.clusterIPs[{index}]", ip, syntax.address(ip))


def _check_policies(spec: Json, old: Object | None) -> Iterator[Cause]:
    had = old["spec"] if old is not None else {}
    if "internalTrafficPolicy" in spec:
        yield from one_of("spec.internalTrafficPolicy", spec["internalTrafficPolicy"], ("Cluster", "Local"))
    policy = spec.get("externalTrafficPolicy")
    if policy is not None:
        yield from one_of("spec.externalTrafficPolicy", policy, ("Cluster", "Local"))
        # What is left over from another type is no mistake of the one who changed the type.
        if not _is_external(spec) and "externalTrafficPolicy" not in had:
            yield bad_value(
                "spec.externalTrafficPolicy", policy, "may only be set for externally-accessible services"
            )
    port = spec.get("healthCheckNodePort")
    if port and not _needs_health_check(spec):
        why = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"
        yield bad_value("spec.healthCheckNodePort", port, why)
    if spec.get("trafficDistribution"):
        yield from one_of("spec.trafficDistribution", spec["trafficDistribution"], _DISTRIBUTIONS)
    if "ipFamilyPolicy" in spec:
        known = ("PreferDualStack", "RequireDualStack", "SingleStack")
        yield from one_of("spec.ipFamilyPolicy", spec["ipFamilyPolicy"], known)
    for index, family in enumerate(spec.get("ipFamilies", ())):
        yield from one_of(f"spec.ipFamilies[{index}]", family, ("IPv4", "IPv6"))


def _check_update(new: Json, old: Json) -> Iterator[Cause]:
    if "ExternalName" in (new.get("type"), old.get("type")):
        return
    before, after = _cluster_ips(old), _cluster_ips(new)
    if before and not after:
        yield bad_value("spec.clusterIPs[0]", after, "primary clusterIP can not be unset")
    elif before and new.get("clusterIP") not in (None, "", before[0]):
        yield bad_value("spec.clusterIPs[0]", [new["clusterIP"], *after[1:]], "may not change once set")
    elif before and before[0] != after[0]:
        yield bad_value("spec.clusterIPs[0]", after, "may not change once set")
    former, asked = old.get("loadBalancerClass"), new.get("loadBalancerClass")
    if old.get("type") == new.get("type") == "LoadBalancer" and asked != former:
        yield bad_value("spec.loadBalancerClass", asked, "may not change once set")
    if _needs_health_check(old) and _needs_health_check(new):
        port, had = new.get("healthCheckNodePort"), old.get("healthCheckNodePort")
        if port and had and port != had:
            yield bad_value("spec.healthCheckNodePort", port, _HEALTH_CHECK_STAYS)


_HEALTH_CHECK_STAYS = (
    "cannot change healthCheckNodePort on loadBalancer service with externalTraffic=Local during update"
)


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


def _cluster_ips(spec: Json) -> list[str]:
    return list(spec.get("clusterIPs") or [ip for ip in (spec.get("clusterIP"),) if ip])


def _is_headless(spec: Json) -> bool:
    return _cluster_ips(spec) == [HEADLESS]


def _is_external(spec: Json) -> bool:
    return spec.get("type") in ("NodePort", "LoadBalancer") or bool(spec.get("externalIPs"))


def _needs_health_check(spec: Json) -> bool:
    return spec.get("type") == "LoadBalancer" and spec.get("externalTrafficPolicy") == "Local"
