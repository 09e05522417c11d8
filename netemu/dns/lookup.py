"""What is at a name of the cluster's zone: pure, and knows nothing of records.

Names below the zone, right to left (Kubernetes DNS specification 1.1.0, CoreDNS's extensions):
``svc`` or ``pod``, namespace, Service or dashed address, then an endpoint's hostname or
``_port._protocol``.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import NamedTuple

from netemu.api.views.core import Service
from netemu.dns.index import ANY_CHANGE, Backend, Index, ip_tag, namespace_tag, service_tag
from netemu.informer.cache import Key

SCHEMA_VERSION = "1.1.0"
DNS_SERVICE = Key("kube-system", "kube-dns")

_NIBBLES = frozenset("0123456789abcdef")
_PROTOCOLS = ("_tcp", "_udp", "_sctp")


class Target(NamedTuple):
    """One SRV record's end: a host (relative to the zone), its port and its address."""

    host: tuple[str, ...]
    port: int
    ip: str


class Found(NamedTuple):
    """What is at a name.

    ``exists`` without anything else is an empty non-terminal. ``tags`` name everything that the
    finding depends on, so that a change can take back exactly what it makes wrong.
    """

    exists: bool
    tags: tuple[str, ...] = ()
    ips: tuple[str, ...] = ()
    targets: tuple[Target, ...] = ()
    alias: str = ""
    text: str = ""


def find(index: Index, name: tuple[str, ...]) -> Found:
    """Say what is at a name, given as lower-case labels relative to the zone."""
    match name:
        case ():
            return Found(exists=True, tags=(service_tag(DNS_SERVICE), ANY_CHANGE))
        case ("svc",) | ("pod",) | ("dns",):
            return Found(exists=True)
        case ("dns-version",):
            return Found(exists=True, text=SCHEMA_VERSION)
        case ("ns", "dns"):
            return Found(exists=True, tags=(service_tag(DNS_SERVICE),), ips=_own_ips(index))
        case (namespace, "svc" | "pod"):
            return Found(index.has_namespace(namespace), (namespace_tag(namespace),))
        case (dashed, namespace, "pod"):
            return _find_pod(index, dashed, namespace)
        case (*inner, service, namespace, "svc"):
            key = Key(namespace, service)
            found = _find_in_service(index, key, tuple(inner))
            return found._replace(tags=(service_tag(key),))
        case _:
            return Found(exists=False)


def find_names(index: Index, ip: str) -> tuple[tuple[tuple[str, ...], ...], tuple[str, ...]]:
    """Give the names (relative to the zone) of an address, and the tags that they depend on.

    A ClusterIP has its Service's name; an endpoint has one name in each of its Services.
    """
    for key in index.services_at(ip):
        return (_service_host(key),), (ip_tag(ip),)
    names = tuple(
        (backend.hostname, *_service_host(key))
        for key in index.services_behind(ip)
        for backend in index.backends(key)
        if backend.ip == ip
    )
    return names, (ip_tag(ip),)


def _find_pod(index: Index, dashed: str, namespace: str) -> Found:
    """Answer as CoreDNS's ``pods insecure``: any address, in a namespace that exists."""
    tags = (namespace_tag(namespace),)
    ip = _undashed(dashed)
    if not ip or not index.has_namespace(namespace):
        return Found(exists=False, tags=tags)
    return Found(exists=True, tags=tags, ips=(ip,))


def _find_in_service(index: Index, key: Key, inner: tuple[str, ...]) -> Found:
    service = index.find_service(key)
    if service is None:
        return Found(exists=False)
    if service.spec.type == "ExternalName":
        alias = "" if inner else _alias(service)
        return Found(exists=bool(alias), alias=alias)
    match inner:
        case ():
            return _found(_targets(index, key, service))
        case (protocol,) if protocol in _PROTOCOLS:
            return Found(exists=_has_protocol(service, protocol))
        case (hostname,):
            return _found(
                target
                for backend in index.backends(key)
                if backend.hostname == hostname
                for target in _backend_targets(key, backend)
            )
        case (port, protocol) if len(port) > 1 and port[0] == "_" and protocol in _PROTOCOLS:
            return _found(_targets(index, key, service, port[1:], protocol[1:].upper()))
        case _:
            return Found(exists=False)


def _found(targets: Iterable[Target]) -> Found:
    """Sum up targets; without any there is no such name (specification 2.4.1)."""
    ends = tuple(dict.fromkeys(targets))
    ips = tuple(dict.fromkeys(target.ip for target in ends))
    return Found(exists=bool(ips), ips=ips, targets=tuple(target for target in ends if target.port))


def _targets(
    index: Index, key: Key, service: Service, port: str = "", protocol: str = ""
) -> Iterable[Target]:
    """Give a Service's ends, all or those of one named port. Port 0: an address and no port."""
    if service.is_headless:
        for backend in index.backends(key):
            yield from _backend_targets(key, backend, port, protocol)
        return
    for own in service.spec.ports:
        if not port or (own.name, own.protocol) == (port, protocol):
            for ip in _cluster_ips(service):
                yield Target(_service_host(key), own.port, ip)


def _backend_targets(key: Key, backend: Backend, port: str = "", protocol: str = "") -> Iterable[Target]:
    host = (backend.hostname, *_service_host(key))
    if not port:
        yield Target(host, 0, backend.ip)
    for own in backend.ports:
        if own.port and (not port or (own.name, own.protocol or "TCP") == (port, protocol)):
            yield Target(host, own.port, backend.ip)


def _has_protocol(service: Service, label: str) -> bool:
    return any(port.name and port.protocol == label[1:].upper() for port in service.spec.ports)


def _alias(service: Service) -> str:
    """Give an ExternalName's target; empty when it is no name that DNS can carry."""
    name = service.spec.external_name.rstrip(".")
    fits = name.isascii() and len(name) <= 253 and all(0 < len(part) < 64 for part in name.split("."))
    return name if fits else ""


def _cluster_ips(service: Service) -> tuple[str, ...]:
    ips = service.spec.cluster_ips or (service.spec.cluster_ip,)
    return tuple(ip for ip in ips if ip not in {"", "None"})


def _own_ips(index: Index) -> tuple[str, ...]:
    service = index.find_service(DNS_SERVICE)
    return _cluster_ips(service) if service else ()


def _service_host(key: Key) -> tuple[str, ...]:
    return (key.name, key.namespace, "svc")


def _undashed(text: str) -> str:
    """Read ``1-2-3-4`` or an IPv6 address with dashes; empty when it is neither."""
    for separator in (".", ":"):
        try:
            ip = ip_address(text.replace("-", separator))
        except ValueError:
            continue
        return str(ip)
    return ""


def reversed_address(labels: tuple[str, ...]) -> str:
    """Read the address that a name below in-addr.arpa or ip6.arpa is for; empty when it is none."""
    parts = labels[-3::-1]
    match labels[-2], len(parts):
        case "in-addr", 4:
            return ".".join(parts)
        case "ip6", 32 if all(part in _NIBBLES for part in parts):
            return str(IPv6Address(int("".join(parts), 16)))
    return ""


def is_ipv4(ip: str) -> bool:
    """Tell the family of an address in text."""
    return isinstance(ip_address(ip), IPv4Address)
