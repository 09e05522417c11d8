"""The rules of NetworkPolicy, ServiceCIDR and IPAddress.

Source: kubernetes ``pkg/apis/networking/validation``.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from typing import Any

from netemu.api import syntax
from netemu.api.causes import bad_value, bad_values, forbidden, immutable, not_supported, one_of, required
from netemu.api.client import Object
from netemu.api.errors import Cause
from netemu.api.validation.selectors import check_label_selector

_PROTOCOLS = ("SCTP", "TCP", "UDP")

Json = Mapping[str, Any]


def check_network_policy(new: Object, old: Object | None) -> Iterator[Cause]:  # noqa: ARG001 - one of the checks
    """Check a NetworkPolicy."""
    spec = new.get("spec") or {}
    yield from check_label_selector(spec.get("podSelector") or {}, "spec.podSelector")
    for direction, peers in (("ingress", "from"), ("egress", "to")):
        for index, rule in enumerate(spec.get(direction) or ()):
            path = f"spec.{direction}[{index}]"
            for place, port in enumerate(rule.get("ports") or ()):
                yield from _check_port(port, f"{path}.ports[{place}]")
            for place, peer in enumerate(rule.get(peers) or ()):
                yield from _check_peer(peer, f"{path}.{peers}[{place}]")
    types = spec.get("policyTypes") or ()
    if len(types) > 2:
        yield bad_value("spec.policyTypes", types, "may not specify more than two policyTypes")
        return
    for index, type_ in enumerate(types):
        yield from one_of(f"spec.policyTypes[{index}]", type_, ("Egress", "Ingress"))


def check_service_cidr(new: Object, old: Object | None) -> Iterator[Cause]:
    """Check a ServiceCIDR."""
    cidrs = (new.get("spec") or {}).get("cidrs") or []
    if not cidrs:
        yield required("spec.cidrs", "at least one CIDR required")
    if len(cidrs) > 2:
        yield bad_value("spec", {"cidrs": cidrs}, "may only hold up to 2 values")
    for index, cidr in enumerate(cidrs):
        yield from _check_cidr(f"spec.cidrs[{index}]", cidr)
    if len(cidrs) == 2 and len({":" in cidr for cidr in cidrs}) == 1:
        why = "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64"
        yield bad_value("spec.cidrs", cidrs, why)
    if old is not None and cidrs != ((old.get("spec") or {}).get("cidrs") or []):
        yield immutable("spec.cidrs", cidrs)


def _check_cidr(field: str, cidr: str) -> Iterator[Cause]:
    wrong = list(syntax.cidr(cidr))
    yield from bad_values(field, cidr, wrong)
    if wrong:
        return
    network = ipaddress.ip_network(cidr)
    if cidr != str(network):
        yield bad_value(field, cidr, f'must be in canonical form ("{network}")')


def check_ip_address(new: Object, old: Object | None) -> Iterator[Cause]:
    """Check an IPAddress."""
    name = new["metadata"].get("name", "")
    if not list(syntax.address(name)) and name != str(ipaddress.ip_address(name)):
        yield bad_value("metadata.name", name, f'must be in canonical form ("{ipaddress.ip_address(name)}")')
    parent = (new.get("spec") or {}).get("parentRef")
    if parent is None:
        yield required("spec.parentRef")
        return
    for key in ("resource", "name"):
        if not parent.get(key):
            yield required(f"spec.parentRef.{key}")
    if old is not None and new.get("spec") != old.get("spec"):
        yield immutable("spec", new.get("spec"))


def _check_port(port: Json, field: str) -> Iterator[Cause]:
    if port.get("protocol") not in _PROTOCOLS:
        yield not_supported(f"{field}.protocol", port.get("protocol"), _PROTOCOLS)
    number, end = port.get("port"), port.get("endPort")
    if isinstance(number, int):
        yield from bad_values(f"{field}.port", number, syntax.port_number(number))
        if end is not None and end < number:
            yield bad_value(f"{field}.endPort", end, "must be greater than or equal to `port`")
        if end is not None:
            yield from bad_values(f"{field}.endPort", end, syntax.port_number(end))
        return
    if isinstance(number, str):
        yield from bad_values(f"{field}.port", number, syntax.port_name(number))
        if end is not None:
            yield bad_value(f"{field}.endPort", end, "may not be specified when `port` is non-numeric")
    elif end is not None:
        yield bad_value(f"{field}.endPort", end, "may not be specified when `port` is not specified")


def _check_peer(peer: Json, field: str) -> Iterator[Cause]:
    selectors = [key for key in ("podSelector", "namespaceSelector") if peer.get(key) is not None]
    for key in selectors:
        yield from check_label_selector(peer[key], f"{field}.{key}")
    block = peer.get("ipBlock")
    if block is not None:
        yield from _check_block(block, f"{field}.ipBlock")
    if selectors and block is not None:
        yield forbidden(field, "may not specify both ipBlock and another peer")
    elif not selectors and block is None:
        yield required(field, "must specify a peer")


def _check_block(block: Json, field: str) -> Iterator[Cause]:
    cidr = block.get("cidr", "")
    if not cidr:
        yield required(f"{field}.cidr")
        return
    broken = syntax.cidr(cidr)
    yield from bad_values(f"{field}.cidr", cidr, broken)
    if broken:
        return
    network = ipaddress.ip_network(cidr, strict=False)
    for index, text in enumerate(block.get("except") or ()):
        wrong = syntax.cidr(text)
        yield from bad_values(f"{field}.except[{index}]", text, wrong)
        if not wrong and not _is_strictly_inside(ipaddress.ip_network(text, strict=False), network):
            yield bad_value(f"{field}.except[{index}]", text, "must be a strict subset of `cidr`")


def _is_strictly_inside(inner: Any, outer: Any) -> bool:
    return bool(inner.version == outer.version and inner != outer and inner.subnet_of(outer))
