"""Which families of addresses a Service has, and by which policy. Pure.

Source: kubernetes ``pkg/registry/core/service/storage/alloc.go`` and
https://kubernetes.io/docs/concepts/services-networking/dual-stack/.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from netemu.api.causes import bad_value
from netemu.api.client import Object
from netemu.api.errors import Cause
from netemu.api.kinds import SERVICE
from netemu.api.validation import invalid

HEADLESS = "None"
BOTH = ("IPv4", "IPv6")

Spec = dict[str, Any]


def family_of(address: str) -> str:
    """Tell the family of an address."""
    return "IPv6" if ":" in address else "IPv4"


def trimmed(new: Spec, old: Spec) -> Spec:
    """Give up the second family of a Service that is to have one only and says no more than that."""
    if new.get("ipFamilyPolicy") != "SingleStack" or old.get("ipFamilyPolicy") in (None, "SingleStack"):
        return new
    fields = ("clusterIPs", "ipFamilies")
    return {
        **new,
        **{name: new[name][:1] for name in fields if new.get(name) == old.get(name) and new.get(name)},
    }


def with_families(service: Object, configured: Sequence[str], old: Spec | None = None) -> Spec:
    """Decide the families of a Service from what it says, what it had, and what the cluster has.

    One that prefers both families gains or loses none by itself when the cluster does. What it
    says must have passed ``api.validation``.

    Raises:
        InvalidError: it wants what the cluster has not, or contradicts itself.

    """
    spec: Spec = service["spec"]
    if old is not None and spec.get("ipFamilyPolicy") == "PreferDualStack" and _is_same(spec, old):
        return spec
    ips = [ip for ip in spec.get("clusterIPs") or [spec.get("clusterIP")] if ip and ip != HEADLESS]
    families = list(spec.get("ipFamilies") or ())
    policy = spec.get("ipFamilyPolicy") or _policy(spec)
    _refuse(
        service,
        *_reductions(policy, ips, families, old or {}),
        *_excess(policy, ips, families),
        *_unknown(ips, families, configured),
    )
    families += [family_of(ip) for ip in ips[len(families) :]]
    if is_open(spec):
        families = families or [configured[0]]
        return _result(spec, policy, families if policy == "SingleStack" else _both(families))
    _refuse(service, *_missing(policy, families, configured))
    families = families or [configured[0]]
    return _result(
        spec, policy, families if policy == "SingleStack" or len(configured) < 2 else _both(families)
    )


def _refuse(service: Object, *causes: Cause) -> None:
    if causes:
        raise invalid(SERVICE, service["metadata"]["name"], causes)


def is_open(spec: Spec) -> bool:
    """Tell whether a Service is headless and selects nothing: then its endpoints may be of any family."""
    return HEADLESS in (spec.get("clusterIPs") or [spec.get("clusterIP")]) and not spec.get("selector")


def _policy(spec: Spec) -> str:
    return "RequireDualStack" if is_open(spec) else "SingleStack"


def _is_same(new: Spec, old: Spec) -> bool:
    fields = ("type", "ipFamilyPolicy", "ipFamilies", "clusterIPs")
    return bool(old.get("ipFamilies")) and all(new.get(name) == old.get(name) for name in fields)


def _both(families: list[str]) -> list[str]:
    return [*families, *(family for family in BOTH if family not in families)]


def _result(spec: Spec, policy: str, families: list[str]) -> Spec:
    return {**spec, "ipFamilies": families, "ipFamilyPolicy": policy}


def _excess(policy: str, ips: list[str], families: list[str]) -> Iterator[Cause]:
    if policy == "SingleStack":
        for what, given in (("cluster IPs", ips), ("IP families", families)):
            if len(given) == 2:
                why = f"must be 'RequireDualStack' or 'PreferDualStack' when multiple {what} are specified"
                yield bad_value("spec.ipFamilyPolicy", policy, why)


def _unknown(ips: list[str], families: list[str], configured: Sequence[str]) -> Iterator[Cause]:
    for index, ip in enumerate(ips):
        if index >= len(families) and family_of(ip) not in configured:
            why = f"{family_of(ip)} is not configured on this cluster"
            yield bad_value(f"spec.clusterIPs[{index}]", ips, why)


def _reductions(policy: str, ips: list[str], families: list[str], old: Spec) -> Iterator[Cause]:
    if policy == "SingleStack":
        return
    for what, before, after in (
        ("cluster IP", old.get("clusterIPs") or (), ips),
        ("IP family", old.get("ipFamilies") or (), families),
    ):
        if len(before) == 2 and len(after) == 1:
            why = f"must be 'SingleStack' to release the secondary {what}"
            yield bad_value("spec.ipFamilyPolicy", policy, why)


def _missing(policy: str, families: list[str], configured: Sequence[str]) -> Iterator[Cause]:
    if policy == "RequireDualStack" and len(configured) < 2:
        why = "this cluster is not configured for dual-stack services"
        yield bad_value("spec.ipFamilyPolicy", policy, why)
    for index, family in enumerate(families):
        if family not in configured:
            yield bad_value(f"spec.ipFamilies[{index}]", family, "not configured on this cluster")
