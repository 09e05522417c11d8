"""The rules of a Service's ClusterIPs and families, but for what the cluster has to give.

Source: kubernetes ``pkg/apis/core/validation`` (``ValidateServiceClusterIPsRelatedFields``,
``validateUpgradeDowngradeClusterIPs``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from netemu.api import syntax
from netemu.api.causes import bad_value, bad_values, duplicate, forbidden, one_of
from netemu.api.errors import Cause

HEADLESS = "None"
_IPS, _FAMILIES, _POLICY = "spec.clusterIPs", "spec.ipFamilies", "spec.ipFamilyPolicy"
_OF_ADDRESSES = ("ipFamilies", "ipFamilyPolicy")
_POLICIES = ("PreferDualStack", "RequireDualStack", "SingleStack")

Json = Mapping[str, Any]


def cluster_ips(spec: Json) -> list[str]:
    """Give the ClusterIPs that a Service names; one that names one names a list of it."""
    return list(spec.get("clusterIPs") or [ip for ip in (spec.get("clusterIP"),) if ip])


def is_headless(spec: Json) -> bool:
    """Tell whether a Service is to have no address."""
    return cluster_ips(spec) == [HEADLESS]


def check_cluster_ips(spec: Json) -> Iterator[Cause]:
    """Check that ClusterIPs, families and policy are some, and do not contradict each other."""
    if spec.get("type") == "ExternalName":
        return
    ips, families = cluster_ips(spec), spec.get("ipFamilies") or ()
    if not spec.get("clusterIP") and ips:
        yield bad_value(_IPS, ips, "must be empty when `clusterIP` is not specified")
    elif ips and ips[0] != spec.get("clusterIP"):
        yield bad_value(_IPS, ips, "first value must match `clusterIP`")
    for index, family in enumerate(families):
        yield from one_of(f"{_FAMILIES}[{index}]", family, ("IPv4", "IPv6"))
        if family in families[:index]:
            yield duplicate(f"{_FAMILIES}[{index}]", family)
    if "ipFamilyPolicy" in spec:
        yield from one_of(_POLICY, spec["ipFamilyPolicy"], _POLICIES)
    wrong = list(_check_each(ips))
    yield from wrong
    if len(ips) > 2:
        yield bad_value(_IPS, ips, "may only hold up to 2 values")
    if not wrong:
        yield from _check_together(ips, families)


def _check_each(ips: Sequence[str]) -> Iterator[Cause]:
    for index, ip in enumerate(ips):
        if index > 0 or ip != HEADLESS:
            yield from bad_values(f"{_IPS}[{index}]", ip, syntax.address(ip))
        elif len(ips) > 1:
            yield bad_value(_IPS, ips, "'None' must be the first and only value")


def _check_together(ips: Sequence[str], families: Sequence[str]) -> Iterator[Cause]:
    if ips == [HEADLESS]:
        return
    if len(ips) > 1 and len(set(map(_family_of, ips))) == 1:
        yield bad_value(_IPS, ips, "may specify no more than one IP for each IP family")
    for index, (ip, family) in enumerate(zip(ips, families, strict=False)):
        if _family_of(ip) != family:
            why = f"expected an {family} value as indicated by `ipFamilies[{index}]`"
            yield bad_value(f"{_IPS}[{index}]", ip, why)


def _family_of(ip: str) -> str:
    return "IPv6" if ":" in ip else "IPv4"


def check_kept(new: Json, old: Json) -> Iterator[Cause]:
    """Check that a Service keeps the ClusterIPs that it had; a second one may come and go."""
    if "ExternalName" in (new.get("type"), old.get("type")) or (is_headless(new) and is_headless(old)):
        return
    had, ips = cluster_ips(old), cluster_ips(new)
    if had and not ips:
        yield bad_value(f"{_IPS}[0]", ips, "primary clusterIP can not be unset")
        return
    compared = len(had) if len(had) == len(ips) else 1
    for index, (former, ip) in enumerate(zip(had[:compared], ips, strict=False)):
        if ip != former:
            yield bad_value(f"{_IPS}[{index}]", ips, "may not change once set")


def check_headful(kind: str | None, spec: Json) -> Iterator[Cause]:
    """Check that a Service that others must reach has an address."""
    if kind in ("NodePort", "LoadBalancer") and is_headless(spec):
        yield bad_value(f"{_IPS}[0]", HEADLESS, f"may not be set to 'None' for {kind} services")


def check_no_cluster_ip(spec: Json) -> Iterator[Cause]:
    """Check that a Service that is a name has nothing of an address."""
    given = {"clusterIPs": cluster_ips(spec), **{name: spec.get(name) for name in _OF_ADDRESSES}}
    for name, value in given.items():
        if value:
            yield forbidden(f"spec.{name}", "may not be set for ExternalName services")
