"""Where a proxied request goes: a pod, a ready endpoint of a Service, or a node. Pure.

Source of the words: Kubernetes ``pkg/registry/core/{pod,service,node}``, ``ResourceLocation``.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from ipaddress import ip_address
from typing import Any, Literal, NamedTuple

from netemu.api.client import Object
from netemu.api.errors import ApiError, BadRequestError, UnavailableError
from netemu.api.kinds import Kind
from netemu.apiserver.reachpaths import Target, parse_target

SERVICE_NAME = "kubernetes.io/service-name"
KUBELET_PORT = 10250


class Backend(NamedTuple):
    """An address, and the node from which it is reached ("" for any)."""

    scheme: Literal["http", "https"]
    address: str
    port: int
    node: str = ""

    @property
    def host(self) -> str:
        """``address:port``, as a URL has it."""
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"


def target_of(kind: Kind, text: str) -> Target:
    """Read the name of a proxy's path.

    Raises:
        BadRequestError: it cannot be one.

    """
    target = parse_target(text)
    if target is None or (target.port.isdigit() and not 0 < int(target.port) < 1 << 16):
        raise BadRequestError(f'invalid {kind.singular} request "{text}"')
    return target


def pod_backend(pod: Object, target: Target) -> Backend:
    """Give a pod's port: the one named or numbered, else its first, else 80.

    Raises:
        BadRequestError: the pod has no address, or no port of that name.

    """
    address = pod.get("status", {}).get("podIP")
    if not address:
        raise BadRequestError("address not allowed")
    ports = [port for each in pod["spec"]["containers"] for port in each.get("ports") or ()]
    node = pod["spec"].get("nodeName", "")
    return Backend(target.scheme, address, _pod_port(target, ports), node)


def node_backend(node: Object, target: Target) -> Backend:
    """Give a node's port, its kubelet's by default.

    Raises:
        BadRequestError: the node has no address.

    """
    addresses = node.get("status", {}).get("addresses") or ()
    address = next((each["address"] for each in addresses if each["type"] == "InternalIP"), "")
    if not address or (target.port and not target.port.isdigit()):
        raise BadRequestError(f'invalid node request "{target.name}:{target.port}"')
    scheme = target.scheme if target.port else "https"
    return Backend(scheme, address, int(target.port or KUBELET_PORT), node["metadata"]["name"])


def service_backend(service: Object, slices: Iterable[Object], target: Target, rng: random.Random) -> Backend:
    """Give one of a Service's ready endpoints, for the port that is named or numbered.

    Raises:
        UnavailableError: there is no such port, or no ready endpoint.

    """
    name = service["metadata"]["name"]
    port_name = _port_name(service, target)
    ready = [
        Backend(target.scheme, address, port, node)
        for each in slices
        for port in _ports_named(each, port_name)
        for address, node in _ready_addresses(each)
    ]
    if not ready:
        raise UnavailableError(f'no endpoints available for service "{name}"')
    return rng.choice(sorted(ready))


def is_slice_of(service: str, endpoint_slice: Object) -> bool:
    """Tell whether an EndpointSlice is one of a Service's."""
    return bool((endpoint_slice["metadata"].get("labels") or {}).get(SERVICE_NAME) == service)


def unreachable(error: ApiError | str) -> UnavailableError:
    """Say that nobody answers there, in the words that Kubernetes' proxy has for everything."""
    why = error.message if isinstance(error, ApiError) else error
    return UnavailableError(f"error trying to reach service: {why}")


def _pod_port(target: Target, ports: list[dict[str, Any]]) -> int:
    if target.port.isdigit():
        return int(target.port)
    if not target.port:
        default = 443 if target.scheme == "https" else 80
        return int(ports[0]["containerPort"] if ports else default)
    named = [port["containerPort"] for port in ports if port.get("name") == target.port]
    if not named:
        raise BadRequestError(f'invalid pod request "{target.name}:{target.port}": no port has this name')
    return int(named[0])


def _port_name(service: Object, target: Target) -> str:
    ports: list[dict[str, Any]] = service["spec"].get("ports") or []
    name = service["metadata"]["name"]
    if target.port.isdigit():
        named = [port.get("name", "") for port in ports if port["port"] == int(target.port)]
        if not named:
            raise UnavailableError(f'no service port {target.port} found for service "{name}"')
        return str(named[0])
    return target.port  # a port that has a name must be named, as in Kubernetes


def _ports_named(endpoint_slice: Object, name: str) -> Iterator[int]:
    for port in endpoint_slice.get("ports") or ():
        if (port.get("name") or "") == name and port.get("protocol", "TCP") == "TCP" and port.get("port"):
            yield port["port"]


def _ready_addresses(endpoint_slice: Object) -> Iterator[tuple[str, str]]:
    if endpoint_slice.get("addressType") == "FQDN":
        return
    for endpoint in endpoint_slice.get("endpoints") or ():
        if (endpoint.get("conditions") or {}).get("ready") is not False:
            for address in endpoint["addresses"]:
                yield str(ip_address(address)), endpoint.get("nodeName") or ""
