"""What the proxy reads of the cache: Services by port, and the slices of each."""

from __future__ import annotations

import functools
import socket
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from ipaddress import IPv4Address, IPv6Address, ip_network
from typing import NamedTuple

from netemu.api.client import Object
from netemu.api.kinds import ENDPOINT_SLICE, SERVICE
from netemu.api.views import view
from netemu.api.views.discovery import SERVICE_NAME_LABEL
from netemu.informer.cache import Cache, Change, Key
from netemu.naming import NodeName
from netemu.nft.expressions import L4, Address, Family, Network
from netemu.proxy.views import (
    FOREIGN_LABELS,
    Conditions,
    EndpointSlice,
    Hint,
    Service,
    ServicePort,
    ServiceSpec,
    SliceEndpoint,
)

# Names of this package's own: the cache is shared, and so are the names of its indexes.
_SLICES = "proxy.slices-of-service"
_CLAIMS = "proxy.claims"
# One number that nft refuses would keep every other Service's changes out of the kernel too.
_PORTS = range(1, 65536)


class PortKey(NamedTuple):
    """One port of one Service, by its name, which is empty when it is the only one."""

    service: Key
    port: str

    def __str__(self) -> str:
        return f"{self.service}:{self.port}" if self.port else str(self.service)


class Endpoint(NamedTuple):
    """Where a connection can be sent; ``node`` is ``None`` when the slice does not say."""

    address: Address
    port: int
    node: NodeName | None = None


class Candidate(NamedTuple):
    """An endpoint with what its slice says about its health, and whom it is meant for."""

    endpoint: Endpoint
    conditions: Conditions
    zones: tuple[str, ...] = ()
    nodes: tuple[str, ...] = ()


ReadAddress = Callable[[str], Address | None]
_Read = dict[Key, tuple[Object, list[Candidate]]]


class PortView(NamedTuple):
    """What one Service port asks for.

    ``external`` are the addresses beside the ClusterIP, ``balancers`` those of them that a load
    balancer gave; ``sources`` are the networks that may use these, ``None`` for everybody.
    """

    cluster_ip: Address
    external: tuple[Address, ...]
    balancers: tuple[Address, ...]
    sources: tuple[Network, ...] | None
    port: ServicePort
    spec: ServiceSpec

    @property
    def protocol(self) -> L4:
        """The transport protocol."""
        return L4[self.port.protocol]


class Index:
    """Reads the shared cache; every answer costs what it holds, not what the cluster holds.

    It sees the addresses of one family: a Service of both is in two indexes.
    """

    def __init__(self, cache: Cache, family: Family = Family.IP) -> None:
        self._cache = cache
        self._family = family
        self._address = _ADDRESS[family]
        self._address_type = "IPv6" if family is Family.IP6 else "IPv4"
        cache.add_index(ENDPOINT_SLICE, _SLICES, _service_of_slice)
        cache.add_index(SERVICE, _CLAIMS, _claims)
        self._viewed: tuple[Object, Service] | None = None
        self._read: dict[Key, dict[tuple[str, L4], _Read]] = {}

    def services(self) -> list[Key]:
        """Give the keys of all Services."""
        return self._cache.keys(SERVICE)

    def touched(self, change: Change) -> Iterator[Key]:
        """Give the Services for which a change of a Service or slice may change something."""
        for obj in (change.old, change.new):
            if obj is None:
                continue
            if change.kind is SERVICE:
                yield change.key
                for claim in _claims(obj):
                    yield from self._cache.by_index(SERVICE, _CLAIMS, claim)
            elif name := _service_name(obj):
                yield Key(change.key.namespace, name)

    def port_keys(self, service: Key) -> list[PortKey]:
        """Give the ports of a Service that has a ClusterIP; none for any other."""
        found = self._service(service)
        if found is None or self._cluster_ip(found) is None:
            self._read.pop(service, None)
            return []
        return [PortKey(service, port.name) for port in found.spec.ports]

    def service_port(self, key: PortKey) -> PortView | None:
        """Read one Service port."""
        service = self._service(key.service)
        cluster_ip = self._cluster_ip(service) if service is not None else None
        if service is None or cluster_ip is None:
            return None
        for port in service.spec.ports:
            if port.name == key.port:
                return PortView(
                    cluster_ip,
                    self._own(service.external_addresses, key.service, port),
                    self._own(service.balancer_addresses, key.service, port),
                    _networks(service.spec.load_balancer_source_ranges, self._family),
                    port,
                    service.spec,
                )
        return None

    def candidates(self, key: PortKey, protocol: L4) -> list[Candidate]:
        """Give the endpoints of one Service port from all its slices of the family, whatever their health.

        A slice's port belongs to the Service port of the same name and protocol. Where there is more
        than one slice, what was read of each is kept: one of thousands of endpoints changes, mostly.
        """
        slices = self._cache.by_index(ENDPOINT_SLICE, _SLICES, str(key.service))
        ports = self._read.setdefault(key.service, {}) if len(slices) > 1 else {}
        before = ports.get((key.port, protocol), {})
        now = ports[key.port, protocol] = {}
        for slice_key in slices:
            obj = self._cache.get(ENDPOINT_SLICE, slice_key)
            if obj is None or obj.get("addressType") != self._address_type or _is_foreign(obj):
                continue
            known = before.get(slice_key)
            if known is None or known[0] is not obj:
                known = obj, _in_slice(obj, key.port, protocol, self._address)
            now[slice_key] = known
        return [candidate for _, found in now.values() for candidate in found]

    def health_port(self, service: Key) -> int:
        """Give the port on which nodes tell of a Service's local endpoints; 0 for most."""
        obj = self._cache.get(SERVICE, service)
        if obj is None or obj["spec"].get("externalTrafficPolicy") != "Local":
            return 0
        found = self._service(service)
        return found.spec.health_check_node_port if found is not None else 0

    def ready_on_nodes(self, service: Key) -> Counter[NodeName]:
        """Count the ready endpoints of a Service on each node, whatever their ports."""
        found = self._service(service)
        ports = found.spec.ports if found is not None else ()
        ready = {
            candidate.endpoint._replace(port=0)
            for port in ports
            for candidate in self.candidates(PortKey(service, port.name), L4[port.protocol])
            if candidate.conditions.ready is not False
        }
        return Counter(endpoint.node for endpoint in ready if endpoint.node is not None)

    def _service(self, key: Key) -> Service | None:
        obj = self._cache.get(SERVICE, key)
        if (
            self._viewed is not None and self._viewed[0] is obj
        ):  # asked for several times, one after the other
            return self._viewed[1]
        if obj is None or _is_foreign(obj):
            return None
        self._viewed = obj, view(Service, obj)
        return self._viewed[1]

    def _cluster_ip(self, service: Service) -> Address | None:
        if service.spec.type == "ExternalName":
            return None
        for text in service.spec.cluster_ips or (service.spec.cluster_ip,):
            found = self._address(text)
            if found is not None:
                return found
        return None

    def _own(self, texts: tuple[str, ...], key: Key, port: ServicePort) -> tuple[Address, ...]:
        """Keep the addresses of a port that no Service with a smaller key claims too."""
        if not texts:  # as with most: 50,000 of them are planned in a row
            return ()
        return tuple(
            address
            for text in dict.fromkeys(texts)
            if (address := self._address(text)) is not None
            and min(self._cache.by_index(SERVICE, _CLAIMS, _claim(text, port)), default=key) == key
        )


def _is_foreign(obj: Object) -> bool:
    labels = obj["metadata"].get("labels")
    return bool(labels) and any(label in labels for label in FOREIGN_LABELS)


def _numbers(found: EndpointSlice, name: str, protocol: L4) -> list[int]:
    return [
        port.port
        for port in found.ports or ()
        if port.port is not None
        and port.port in _PORTS
        and (port.name or "") == name
        and L4[port.protocol or "TCP"] is protocol
    ]


def _in_slice(obj: Object, name: str, protocol: L4, address_of: ReadAddress) -> list[Candidate]:
    found = view(EndpointSlice, obj)
    return [
        _candidate(endpoint, address, port)
        for port in _numbers(found, name, protocol)
        for endpoint in found.endpoints or ()
        if endpoint.addresses and (address := address_of(endpoint.addresses[0])) is not None
    ]


def _candidate(found: SliceEndpoint, address: Address, port: int) -> Candidate:
    endpoint = Endpoint(address, port, NodeName(found.node_name) if found.node_name else None)
    if found.hints is None:
        return Candidate(endpoint, found.conditions)
    zones, nodes = _names(found.hints.for_zones), _names(found.hints.for_nodes)
    return Candidate(endpoint, found.conditions, zones, nodes)


def _names(hints: tuple[Hint, ...] | None) -> tuple[str, ...]:
    return tuple(hint.name for hint in hints or ())


class _Known(IPv4Address):
    """An address that keeps its text and its hash: both take long to make, and a load of many asks often."""

    __slots__ = ("_hash", "_text")

    def __init__(self, address: str | bytes | int, text: str = "") -> None:
        super().__init__(address)
        self._text = text or super().__str__()
        self._hash = super().__hash__()

    def __hash__(self) -> int:
        return self._hash

    def __str__(self) -> str:
        return self._text


@functools.lru_cache(maxsize=65536)
def _address4(text: str) -> Address | None:
    try:
        # A fifth of the time that IPv4Address takes to read text, and as strict.
        return _Known(socket.inet_pton(socket.AF_INET, text), text)
    except OSError:
        return None


@functools.lru_cache(maxsize=65536)
def _address6(text: str) -> Address | None:
    try:
        return IPv6Address(socket.inet_pton(socket.AF_INET6, text))
    except OSError:
        return None


_ADDRESS = {Family.IP: _address4, Family.IP6: _address6}


def _networks(texts: tuple[str, ...], family: Family) -> tuple[Network, ...] | None:
    """Read source ranges; ``None`` without any of the family: those of the other one concern it as little."""
    if not texts:  # as with most
        return None
    networks = [ip_network(text.strip(), strict=False) for text in texts]
    return tuple(network for network in networks if (network.version == 6) is (family is Family.IP6)) or None


def _service_of_slice(obj: Object) -> Iterable[str]:
    name = _service_name(obj)
    return (str(Key(obj["metadata"].get("namespace", ""), name)),) if name else ()


def _service_name(obj: Object) -> str:
    """Name the Service of a slice; empty if there is none."""
    return (obj["metadata"].get("labels") or {}).get(SERVICE_NAME_LABEL) or ""


def _claims(obj: Object) -> Iterable[str]:
    if not obj["spec"].get("externalIPs") and not (obj.get("status") or {}).get("loadBalancer"):
        return ()
    service = view(Service, obj)
    return [_claim(address, port) for port in service.spec.ports for address in service.external_addresses]


def _claim(address: str, port: ServicePort) -> str:
    return f"{address}/{port.protocol}/{port.port}"
