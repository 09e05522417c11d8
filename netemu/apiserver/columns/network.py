"""The columns of Services, Endpoints, EndpointSlices, Ingresses and IngressClasses. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from netemu.api.client import Object
from netemu.apiserver.columns.column import AGE, NAME, NONE, UNSET, Column, column, field, joined, labels_text

MAX_SHOWN = 3
MAX_ADDRESS_WIDTH = 16


def _service_type(service: Object) -> str:
    return str(service["spec"].get("type", "ClusterIP"))


def _external_ip(service: Object) -> str:
    spec = service["spec"]
    match _service_type(service):
        case "ExternalName":
            return spec.get("externalName") or NONE
        case "LoadBalancer":
            shown = [*_load_balancer(service), *(spec.get("externalIPs") or ())]
            return joined(shown, empty="<pending>")
        case _:
            return joined(spec.get("externalIPs") or ())


def _load_balancer(obj: Object) -> list[str]:
    points = field(obj, "status", "loadBalancer", "ingress") or []
    return [point.get("ip") or point.get("hostname", "") for point in points]


def _service_ports(service: Object) -> str:
    return joined(_service_port(port) for port in service["spec"].get("ports") or ())


def _service_port(port: dict[str, Any]) -> str:
    node_port = f":{port['nodePort']}" if port.get("nodePort") else ""
    return f"{port['port']}{node_port}/{port.get('protocol', 'TCP')}"


SERVICES: tuple[Column, ...] = (
    NAME,
    column("Type", _service_type),
    column("Cluster-IP", lambda obj: obj["spec"].get("clusterIP") or NONE),
    column("External-IP", _external_ip),
    column("Port(s)", _service_ports),
    AGE,
    column("Selector", lambda obj: labels_text(obj["spec"].get("selector")), wide=True),
)


def _endpoints(obj: Object) -> str:
    found = [
        f"{_bracketed(address['ip'])}:{port['port']}" if port else address["ip"]
        for subset in obj.get("subsets") or ()
        for port in subset.get("ports") or (None,)
        for address in subset.get("addresses") or ()
    ]
    return _some(found, empty=NONE)


def _bracketed(ip: str) -> str:
    return f"[{ip}]" if ":" in ip else ip


def _some(found: Sequence[object], *, empty: str) -> str:
    shown = joined(found[:MAX_SHOWN], empty=empty)
    more = len(found) - MAX_SHOWN
    return f"{shown} + {more} more..." if more > 0 else shown


ENDPOINTS: tuple[Column, ...] = (NAME, column("Endpoints", _endpoints), AGE)


def _slice_ports(obj: Object) -> str:
    return _some([port.get("port") or "*" for port in obj.get("ports") or ()], empty=UNSET)


def _slice_endpoints(obj: Object) -> str:
    found = [
        address for endpoint in obj.get("endpoints") or () for address in endpoint.get("addresses") or ()
    ]
    return _some(found, empty=UNSET)


ENDPOINT_SLICES: tuple[Column, ...] = (
    NAME,
    column("AddressType", lambda obj: obj.get("addressType", "")),
    column("Ports", _slice_ports),
    column("Endpoints", _slice_endpoints),
    AGE,
)


def _hosts(ingress: Object) -> str:
    hosts = [rule["host"] for rule in ingress["spec"].get("rules") or () if rule.get("host")]
    if not hosts:
        return "*"
    shown = ",".join(hosts[:MAX_SHOWN])
    more = len(hosts) - MAX_SHOWN
    return f"{shown} + {more} more..." if more > 0 else shown


def _ingress_address(ingress: Object) -> str:
    text = ",".join(_load_balancer(ingress))
    return text if len(text) <= MAX_ADDRESS_WIDTH else f"{text[: MAX_ADDRESS_WIDTH - 3]}..."


def _ingress_class(ingress: Object) -> str:
    legacy = (ingress["metadata"].get("annotations") or {}).get("kubernetes.io/ingress.class")
    return ingress["spec"].get("ingressClassName") or legacy or NONE


INGRESSES: tuple[Column, ...] = (
    NAME,
    column("Class", _ingress_class),
    column("Hosts", _hosts),
    column("Address", _ingress_address),
    column("Ports", lambda obj: "80, 443" if obj["spec"].get("tls") else "80"),
    AGE,
)


def _parameters(ingress_class: Object) -> str:
    parameters = field(ingress_class, "spec", "parameters")
    if not parameters:
        return NONE
    group = f".{parameters['apiGroup']}" if parameters.get("apiGroup") else ""
    return f"{parameters['kind']}{group}/{parameters['name']}"


INGRESS_CLASSES: tuple[Column, ...] = (
    NAME,
    column("Controller", lambda obj: field(obj, "spec", "controller") or ""),
    column("Parameters", _parameters),
    AGE,
)


def _parent(obj: Object) -> str:
    parent = field(obj, "spec", "parentRef")
    if not parent:
        return NONE
    resource = ".".join(part for part in (parent.get("resource", ""), parent.get("group", "")) if part)
    return "/".join(part for part in (resource, parent.get("namespace", ""), parent.get("name", "")) if part)


SERVICE_CIDRS: tuple[Column, ...] = (
    NAME,
    column("CIDRs", lambda obj: ",".join(field(obj, "spec", "cidrs") or ())),
    AGE,
)
IP_ADDRESSES: tuple[Column, ...] = (NAME, column("ParentRef", _parent), AGE)
