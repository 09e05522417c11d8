"""ServiceCIDRs: ready when they are there, and kept while Services need them. Pure.

Source: KEP-1880 and kube-controller-manager ``pkg/controller/servicecidrs``. The API gives out no
address of a range from the moment at which it is deleted, so nothing has to be waited for.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

from netemu.api.client import Object
from netemu.api.kinds import SERVICE, SERVICE_CIDR
from netemu.clock import format_rfc3339
from netemu.controllers.reconciler import Reconciler
from netemu.controllers.writes import Patch, Writes
from netemu.informer.cache import Cache, Change, Key

FINALIZER = "networking.k8s.io/service-cidr-finalizer"

_READY = ("True", "", "Kubernetes Service CIDR is ready")
_IN_USE = (
    "False",
    "Terminating",
    "There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR",
)

Network = IPv4Network | IPv6Network


def plan(cache: Cache, key: Key, now_s: float) -> Writes:
    """Decide whether a range is ready, or may go."""
    obj = cache.get(SERVICE_CIDR, key)
    if obj is None:
        return []
    finalizers = obj["metadata"].get("finalizers") or []
    if "deletionTimestamp" not in obj["metadata"]:
        held = [] if FINALIZER in finalizers else [_finalizers(obj, [*finalizers, FINALIZER])]
        return [*held, *_condition(obj, _READY, now_s)]
    if FINALIZER not in finalizers:
        return []
    if _is_needed(cache, obj):
        return _condition(obj, _IN_USE, now_s)
    return [_finalizers(obj, [name for name in finalizers if name != FINALIZER])]


def _is_needed(cache: Cache, obj: Object) -> bool:
    """Tell whether some ClusterIP would be in no range any more."""
    others = [
        network
        for other in cache.list(SERVICE_CIDR)
        if other is not obj and "deletionTimestamp" not in other["metadata"]
        for network in _networks(other)
    ]
    mine = [network for network in _networks(obj) if not any(_contains(other, network) for other in others)]
    if not mine:
        return False
    ips = (text for service in cache.list(SERVICE) for text in service["spec"].get("clusterIPs") or ())
    used = (ip_address(text) for text in ips if text != "None")
    return any(_is_in(ip, mine) and not _is_in(ip, others) for ip in used)


def _is_in(ip: IPv4Address | IPv6Address, networks: Iterable[Network]) -> bool:
    return any(ip in network for network in networks)


def _contains(outer: Network, inner: Network) -> bool:
    if isinstance(outer, IPv4Network) and isinstance(inner, IPv4Network):
        return inner.subnet_of(outer)
    if isinstance(outer, IPv6Network) and isinstance(inner, IPv6Network):
        return inner.subnet_of(outer)
    return False


def _networks(obj: Object) -> list[Network]:
    return [ip_network(text) for text in obj["spec"].get("cidrs") or ()]


def _finalizers(obj: Object, finalizers: list[str]) -> Patch:
    meta = obj["metadata"]
    patch = {"metadata": {"uid": meta["uid"], "finalizers": finalizers or None}}
    return Patch(SERVICE_CIDR, Key("", meta["name"]), patch)


def _condition(obj: Object, wanted: tuple[str, str, str], now_s: float) -> Writes:
    status, reason, message = wanted
    conditions: list[dict[str, Any]] = (obj.get("status") or {}).get("conditions") or []
    had = next((c for c in conditions if c["type"] == "Ready"), {})
    if (had.get("status"), had.get("reason", ""), had.get("message")) == wanted:
        return []
    ready = {
        "type": "Ready",
        "status": status,
        "reason": reason,
        "message": message,
        "lastTransitionTime": format_rfc3339(now_s),
    }
    changed = [*(c for c in conditions if c["type"] != "Ready"), ready]
    patch = {"status": {"conditions": changed}}
    return [Patch(SERVICE_CIDR, Key("", obj["metadata"]["name"]), patch, subresource="status")]


def _range_changed(cache: Cache, change: Change) -> Iterable[Key]:
    """Plan a range that changed, and those that wait to go: it may take their addresses over."""
    return {change.key, *_ending(cache)}


def _service_changed(cache: Cache, change: Change) -> Iterable[Key]:
    return _ending(cache) if change.new is None or _ips(change.old) != _ips(change.new) else ()


def _ips(service: Object | None) -> Any:
    return service["spec"].get("clusterIPs") if service is not None else None


def _ending(cache: Cache) -> list[Key]:
    ranges = cache.list(SERVICE_CIDR)
    return [Key("", r["metadata"]["name"]) for r in ranges if "deletionTimestamp" in r["metadata"]]


RECONCILER = Reconciler(
    name="service-cidr-controller",
    plan=plan,
    triggers={SERVICE_CIDR: _range_changed, SERVICE: _service_changed},
)
