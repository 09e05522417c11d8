"""Services, endpoints and namespaces, found in the informer's cache by what questions name.

The cache's own indexes do the work; a change costs what it touches.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from netemu.api.client import Object
from netemu.api.kinds import ENDPOINT_SLICE, NAMESPACE, SERVICE
from netemu.api.views.core import Service
from netemu.api.views.discovery import SERVICE_NAME_LABEL, Endpoint, EndpointSlice, EndpointSlicePort
from netemu.informer.cache import Cache, Change, Key

KINDS = (NAMESPACE, SERVICE, ENDPOINT_SLICE)

ANY_CHANGE = "any change"
"""The tag of what shows the serial, which every change raises."""

_BY_SERVICE = "dns-service"
_BY_IP = "dns-ip"


class Backend(NamedTuple):
    """One ready endpoint of a Service; ``hostname`` is unique within it."""

    hostname: str
    ip: str
    ports: tuple[EndpointSlicePort, ...]


class Index:
    """Finds what a question needs; reads only what it returns."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache
        cache.add_index(SERVICE, _BY_IP, _cluster_ips)
        cache.add_index(ENDPOINT_SLICE, _BY_IP, _endpoint_ips)
        cache.add_index(ENDPOINT_SLICE, _BY_SERVICE, _service_names)

    def has_namespace(self, name: str) -> bool:
        """Tell whether a namespace exists."""
        return self._cache.get(NAMESPACE, Key("", name)) is not None

    def find_service(self, key: Key) -> Service | None:
        """Read a Service."""
        return self._cache.find(SERVICE, key, Service)

    def backends(self, key: Key) -> tuple[Backend, ...]:
        """Give the endpoints of a Service that may be named, each once, in a stable order."""
        service = self.find_service(key)
        if service is None:
            return ()
        slices = sorted(self._cache.by_index(ENDPOINT_SLICE, _BY_SERVICE, str(key)))
        return tuple(
            dict.fromkeys(
                Backend(endpoint.hostname or _dashed(endpoint.addresses[0]), endpoint.addresses[0], ports)
                for slice_key in slices
                for endpoint, ports in self._endpoints(slice_key)
                if endpoint.conditions.ready is not False or service.spec.publish_not_ready_addresses
            )
        )

    def services_at(self, ip: str) -> list[Key]:
        """Give the Services that have a ClusterIP."""
        return sorted(self._cache.by_index(SERVICE, _BY_IP, ip))

    def services_behind(self, ip: str) -> list[Key]:
        """Give the Services that have an endpoint, ready or not, with this address."""
        slices = self._cache.by_index(ENDPOINT_SLICE, _BY_IP, ip)
        return sorted({_service_key(self._cache.get(ENDPOINT_SLICE, key) or {}) for key in slices})

    def tags(self, change: Change) -> set[str]:
        """Name what a change may have changed the answers about; see ``lookup.Found.tags``."""
        found = {ANY_CHANGE}
        for obj in (change.old, change.new):
            if obj is not None:
                found.update(self._tags_of(change, obj))
        return found

    def _tags_of(self, change: Change, obj: Object) -> Iterator[str]:
        if change.kind is NAMESPACE:
            yield namespace_tag(change.key.name)
        elif change.kind is SERVICE:
            yield service_tag(change.key)
            yield from map(ip_tag, _cluster_ips(obj))
            for key in self._cache.by_index(ENDPOINT_SLICE, _BY_SERVICE, str(change.key)):
                yield from map(ip_tag, _endpoint_ips(self._cache.get(ENDPOINT_SLICE, key) or {}))
        else:
            yield service_tag(_service_key(obj))
            yield from map(ip_tag, _endpoint_ips(obj))

    def _endpoints(self, key: Key) -> Iterator[tuple[Endpoint, tuple[EndpointSlicePort, ...]]]:
        found = self._cache.find(ENDPOINT_SLICE, key, EndpointSlice)
        if found is not None and found.address_type != "FQDN":
            for endpoint in found.endpoints:
                yield endpoint, found.ports


def namespace_tag(name: str) -> str:
    """Tag what depends on whether a namespace exists."""
    return f"namespace {name}"


def service_tag(key: Key) -> str:
    """Tag what depends on a Service and its endpoints."""
    return f"service {key}"


def ip_tag(ip: str) -> str:
    """Tag what depends on who has an address."""
    return f"ip {ip}"


def _dashed(ip: str) -> str:
    return ip.replace(".", "-").replace(":", "-")


def _cluster_ips(service: Object) -> list[str]:
    spec = service.get("spec", {})
    ips = spec.get("clusterIPs") or [spec.get("clusterIP", "")]
    return [ip for ip in ips if ip not in {"", "None"}]


def _endpoint_ips(endpoint_slice: Object) -> list[str]:
    return [endpoint["addresses"][0] for endpoint in endpoint_slice.get("endpoints") or ()]


def _service_key(endpoint_slice: Object) -> Key:
    meta = endpoint_slice.get("metadata", {})
    return Key(meta.get("namespace", ""), (meta.get("labels") or {}).get(SERVICE_NAME_LABEL, ""))


def _service_names(endpoint_slice: Object) -> list[str]:
    return [str(_service_key(endpoint_slice))]
