"""The rules of Endpoints and EndpointSlices.

Source: kubernetes ``pkg/apis/core/validation`` (``ValidateEndpoints``) and
``pkg/apis/discovery/validation``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from netemu.api import syntax
from netemu.api.causes import (
    bad_values,
    duplicate,
    immutable,
    not_supported,
    one_of,
    required,
    too_many,
)
from netemu.api.client import Object
from netemu.api.errors import Cause
from netemu.api.validation.containers import PROTOCOLS
from netemu.api.validation.meta import check_labels

ADDRESS_TYPES = ("FQDN", "IPv4", "IPv6")
_MAX_ENDPOINTS = 1000
_MAX_PORTS = 20000
_MAX_ADDRESSES = 100
_MAX_HINTS = 8
_MAX_TOPOLOGY = 16

Json = Mapping[str, Any]


def check_endpoints(new: Object, old: Object | None) -> Iterator[Cause]:
    """Check an Endpoints object."""
    if old is not None and new.get("subsets") == old.get("subsets"):
        return
    for index, subset in enumerate(new.get("subsets", ())):
        field = f"subsets[{index}]"
        if not subset.get("addresses") and not subset.get("notReadyAddresses"):
            yield required(field, "must specify `addresses` or `notReadyAddresses`")
        for group in ("addresses", "notReadyAddresses"):
            for place, entry in enumerate(subset.get(group, ())):
                yield from _check_entry(entry, f"{field}.{group}[{place}]")
        ports = subset.get("ports", ())
        for place, port in enumerate(ports):
            yield from _check_subset_port(port, f"{field}.ports[{place}]", is_only=len(ports) == 1)


def check_endpoint_slice(new: Object, old: Object | None) -> Iterator[Cause]:
    """Check an EndpointSlice."""
    kind = new.get("addressType", "")
    if not kind:
        yield required("addressType")
    elif kind not in ADDRESS_TYPES:
        yield not_supported("addressType", kind, ADDRESS_TYPES)
    if old is not None and kind != old.get("addressType"):
        yield immutable("addressType", kind)
    endpoints, ports = new.get("endpoints", ()), new.get("ports", ())
    if len(endpoints) > _MAX_ENDPOINTS:
        yield too_many("endpoints", len(endpoints), _MAX_ENDPOINTS)
    if len(ports) > _MAX_PORTS:
        yield too_many("ports", len(ports), _MAX_PORTS)
    for index, endpoint in enumerate(endpoints):
        yield from _check_endpoint(endpoint, kind, f"endpoints[{index}]")
    yield from _check_slice_ports(ports)


def _check_entry(entry: Json, field: str) -> Iterator[Cause]:
    ip = entry.get("ip", "")
    yield from bad_values(f"{field}.ip", ip, syntax.non_special_address(ip))
    if entry.get("hostname"):
        yield from bad_values(f"{field}.hostname", entry["hostname"], syntax.label(entry["hostname"]))
    if entry.get("nodeName"):
        yield from bad_values(f"{field}.nodeName", entry["nodeName"], syntax.subdomain(entry["nodeName"]))


def _check_subset_port(port: Json, field: str, *, is_only: bool) -> Iterator[Cause]:
    name, number = port.get("name", ""), port.get("port", 0)
    if name:
        yield from bad_values(f"{field}.name", name, syntax.label(name))
    elif not is_only:
        yield required(f"{field}.name")
    yield from bad_values(f"{field}.port", number, syntax.port_number(number))
    yield from one_of(f"{field}.protocol", port.get("protocol"), PROTOCOLS)


def _check_endpoint(endpoint: Json, kind: str, field: str) -> Iterator[Cause]:
    addresses = endpoint.get("addresses", ())
    if not addresses:
        yield required(f"{field}.addresses", "must contain at least 1 address")
    if len(addresses) > _MAX_ADDRESSES:
        yield too_many(f"{field}.addresses", len(addresses), _MAX_ADDRESSES)
    seen: set[str] = set()
    for index, address in enumerate(addresses):
        where = f"{field}.addresses[{index}]"
        yield from bad_values(where, address, _broken_address(address, kind))
        if address in seen:
            yield duplicate(where, address)
        seen.add(address)
    if "nodeName" in endpoint:
        node = endpoint["nodeName"]
        yield from bad_values(f"{field}.nodeName", node, syntax.subdomain(node))
    topology = endpoint.get("deprecatedTopology") or {}
    if len(topology) > _MAX_TOPOLOGY:
        yield too_many(f"{field}.deprecatedTopology", len(topology), _MAX_TOPOLOGY)
    yield from check_labels(f"{field}.deprecatedTopology", topology)
    if "hostname" in endpoint:
        yield from bad_values(f"{field}.hostname", endpoint["hostname"], syntax.label(endpoint["hostname"]))
    hints = endpoint.get("hints") or {}
    for name, check in (("forZones", syntax.label_value), ("forNodes", syntax.subdomain)):
        yield from _check_hints(hints.get(name) or (), f"{field}.hints.{name}", check)


def _check_hints(hints: Sequence[Json], field: str, check: Callable[[str], syntax.Broken]) -> Iterator[Cause]:
    if len(hints) > _MAX_HINTS:
        yield too_many(field, len(hints), _MAX_HINTS)
        return
    names: set[str] = set()
    for index, hint in enumerate(hints):
        where, name = f"{field}[{index}].name", hint.get("name", "")
        if name in names:
            yield duplicate(where, name)
        names.add(name)
        yield from bad_values(where, name, check(name))


def _broken_address(address: str, kind: str) -> syntax.Broken:
    if kind == "FQDN":
        name = address.removesuffix(".")
        few = () if "." in name else ("should be a domain with at least two segments separated by dots",)
        return syntax.subdomain(name) or few
    parsed = syntax.find_address(address)
    if kind == "IPv4" and (parsed is None or parsed.version != 4):
        return ("must be an IPv4 address",)
    if kind == "IPv6" and (parsed is None or parsed.version != 6):
        return ("must be an IPv6 address",)
    return syntax.non_special_address(address) if parsed is not None else ()


def _check_slice_ports(ports: list[dict[str, Any]]) -> Iterator[Cause]:
    names: set[str] = set()
    for index, port in enumerate(ports):
        field, name, number = f"ports[{index}]", port.get("name", ""), port.get("port")
        if name:
            yield from bad_values(f"{field}.name", name, syntax.label(name))
        if name in names:
            yield duplicate(f"{field}.name", name)
        names.add(name)
        if number is not None:
            yield from bad_values(f"{field}.port", number, syntax.port_number(number))
        yield from one_of(f"{field}.protocol", port.get("protocol"), PROTOCOLS)
        if "appProtocol" in port:
            protocol = port["appProtocol"]
            yield from bad_values(f"{field}.appProtocol", protocol, syntax.qualified_name(protocol))
