"""The Endpoints controller: the older form of the same, which many programs still read. Pure.

Source: kube-controller-manager ``pkg/controller/endpoint``.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable
from ipaddress import ip_address
from typing import Any

from netemu.api.client import Object
from netemu.api.kinds import ENDPOINTS, POD, SERVICE
from netemu.api.views.core import Pod, Service
from netemu.controllers.backends import (
    Ports,
    addresses_of,
    endpoint_hostname,
    families_of,
    family_of,
    find_backends,
    has_backends,
    pod_reference,
    ready_since,
    services_of_pod,
)
from netemu.controllers.endpointslices import HEADLESS_LABEL
from netemu.controllers.parts import Part, Parts
from netemu.controllers.pods import is_ready, is_terminating
from netemu.controllers.reconciler import Reconciler, own_key
from netemu.controllers.slices import TRIGGER_TIME
from netemu.controllers.writes import Create, Delete, Update, Writes
from netemu.informer.cache import Cache, Change, Key

MANAGED_BY = "endpoints.kubernetes.io/managed-by"
MANAGER = "endpoint-controller"
OVER_CAPACITY = "endpoints.kubernetes.io/over-capacity"
CAPACITY = 1000
"""How many addresses an Endpoints object has at most; readers of slices see all."""

BATCH_S = 0.05
"""Nothing of ours waits for Endpoints: slices, and who reads them, go first."""

Subset = dict[str, Any]


def plan(cache: Cache, key: Key | Part | Parts, _now_s: float) -> Writes:
    """Decide the Endpoints object of one Service, or what some of its pods change in it.

    Those written by hand are left alone. A Service whose endpoints are no longer ours (without
    selector, or ExternalName) keeps what it had.
    """
    match key:
        case Part(name, part):
            return _plan(cache, name, frozenset((part,)))
        case Parts(name, parts):
            return _plan(cache, name, parts)
        case _:
            return _plan(cache, key, None)


def _plan(cache: Cache, key: Key, pods: frozenset[str] | None) -> Writes:
    service = cache.find(SERVICE, key, Service)
    existing = cache.get(ENDPOINTS, key)
    if service is None:
        return _forget(existing)
    if not has_backends(service):
        return []
    if existing is not None and pods is not None and _is_left_out(existing, pods):
        return []
    changed = _changed(cache, service, existing, pods) if existing is not None and pods is not None else None
    if changed is not None:
        subsets, since, is_cut = *changed, False
    else:
        whole, since = _subsets(cache, service, None)
        subsets, is_cut = truncated(whole)
    labels = _labels(service)
    if existing is None:
        annotations = _annotations({}, service.metadata.creation_timestamp or "", is_cut=is_cut)
        named = {"namespace": key.namespace, "name": key.name}
        metadata = {**named, "labels": labels, "annotations": annotations}
        return [Create(ENDPOINTS, _endpoints(metadata, subsets))]
    same = (existing.get("subsets") or []) == subsets and existing["metadata"].get("labels") == labels
    if same and _is_cut(existing) == is_cut:
        return []
    had = existing["metadata"].get("annotations") or {}
    meta = {**existing["metadata"], "labels": labels, "annotations": _annotations(had, since, is_cut=is_cut)}
    return [Update(ENDPOINTS, _endpoints(meta, subsets))]


def _is_cut(endpoints: Object) -> bool:
    return (endpoints["metadata"].get("annotations") or {}).get(OVER_CAPACITY) == "truncated"


def _is_left_out(existing: Object, pods: frozenset[str]) -> bool:
    """Tell whether there is no room for some pods: the object is full of others that are ready."""
    subsets = existing.get("subsets") or ()
    if not _is_cut(existing) or any(subset.get("notReadyAddresses") for subset in subsets):
        return False
    listed = (address for subset in subsets for address in subset.get("addresses") or ())
    return not any((address.get("targetRef") or {}).get("name") in pods for address in listed)


def _changed(
    cache: Cache, service: Service, existing: Object, pods: frozenset[str]
) -> tuple[list[Subset], str] | None:
    """Put some pods into their places among all the others; ``None`` if that takes a look at all."""
    if not is_ours(existing) or _is_cut(existing):
        return None
    new, since = _subsets(cache, service, [Key(service.metadata.namespace, name) for name in pods])
    left = [_without(subset, pods) for subset in existing.get("subsets") or ()]
    merged = [subset for subset in left if subset.keys() & set(_LISTS)]
    for subset in new:
        place = next((n for n, s in enumerate(merged) if s.get("ports") == subset.get("ports")), None)
        if place is None:
            merged.append(subset)
        else:
            merged[place] = _joined(merged[place], subset)
    total = sum(len(subset.get(name, ())) for subset in merged for name in _LISTS)
    return (sorted(merged, key=_order), since) if total <= CAPACITY else None


def _without(subset: Subset, pods: frozenset[str]) -> Subset:
    lists = {
        name: [a for a in subset.get(name) or () if (a.get("targetRef") or {}).get("name") not in pods]
        for name in _LISTS
    }
    rest = {name: value for name, value in subset.items() if name not in _LISTS}
    return {**{name: addresses for name, addresses in lists.items() if addresses}, **rest}


def _joined(one: Subset, other: Subset) -> Subset:
    lists: dict[str, list[dict[str, Any]]] = {}
    for name in _LISTS:
        addresses = list(one.get(name) or ())
        for address in other.get(name) or ():
            insort(addresses, address, key=_number)
        if addresses:
            lists[name] = addresses
    return {**one, **lists}


def _order(subset: Subset) -> str:
    return str(subset.get("ports"))


def _labels(service: Service) -> dict[str, str]:
    copied = {name: value for name, value in service.metadata.labels.items() if name != HEADLESS_LABEL}
    return {**copied, **({HEADLESS_LABEL: ""} if service.is_headless else {}), MANAGED_BY: MANAGER}


def _endpoints(metadata: dict[str, Any], subsets: list[Subset]) -> Object:
    return {"apiVersion": "v1", "kind": "Endpoints", "metadata": metadata, "subsets": subsets}


def is_ours(endpoints: Object) -> bool:
    """Tell whether this controller wrote an Endpoints object."""
    return (endpoints["metadata"].get("labels") or {}).get(MANAGED_BY) == MANAGER


def truncated(subsets: list[Subset], most: int = CAPACITY) -> tuple[list[Subset], bool]:
    """Leave out what is too many, those that are not ready first; tell whether something was."""
    total = sum(len(subset.get(name, ())) for subset in subsets for name in _LISTS)
    if total <= most:
        return subsets, False
    room = most
    kept: dict[tuple[int, str], list[dict[str, Any]]] = {}
    for name in _LISTS:
        for place, subset in enumerate(subsets):
            some = subset.get(name, [])[:room]
            room -= len(some)
            kept[place, name] = some
    cut = []
    for place, subset in enumerate(subsets):
        lists = {name: kept[place, name] for name in _LISTS if kept[place, name]}
        if lists:
            cut.append({**lists, **{name: value for name, value in subset.items() if name not in _LISTS}})
    return cut, True


_LISTS = ("addresses", "notReadyAddresses")


def _forget(existing: Object | None) -> Writes:
    if existing is None or not is_ours(existing):
        return []
    meta = existing["metadata"]
    return [Delete(ENDPOINTS, Key(meta["namespace"], meta["name"]), meta["uid"])]


def _annotations(had: dict[str, str], since: str, *, is_cut: bool) -> dict[str, str]:
    kept = {name: value for name, value in had.items() if name not in (OVER_CAPACITY, TRIGGER_TIME)}
    told = {OVER_CAPACITY: "truncated"} if is_cut else {}
    return {**kept, **told, **({TRIGGER_TIME: since} if since else {})}


def _subsets(cache: Cache, service: Service, only: list[Key] | None) -> tuple[list[Subset], str]:
    """Give the addresses by their ports, and when the last of them became what it is."""
    subsets: dict[Ports, dict[str, list[dict[str, Any]]]] = {}
    publish = service.spec.publish_not_ready_addresses
    family, since = families_of(service)[0], ""
    for pod, ports in find_backends(cache, service, only):
        ip = next((ip for ip in addresses_of(pod) if family_of(ip) == family), None)
        if ip is None or (is_terminating(pod) and not publish):
            continue
        list_ = "addresses" if publish or is_ready(pod) else "notReadyAddresses"
        subsets.setdefault(ports, {}).setdefault(list_, []).append(_address(service, pod, ip))
        since = max(since, ready_since(pod))
    found = [
        {**_sorted(lists), **({"ports": [_port(*port) for port in ports]} if ports else {})}
        for ports, lists in subsets.items()
    ]
    return sorted(found, key=_order), since


def _sorted(lists: dict[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    return {name: sorted(addresses, key=_number) for name, addresses in lists.items()}


def _number(address: dict[str, Any]) -> int:
    return int(ip_address(address["ip"]))


def _address(service: Service, pod: Pod, ip: str) -> dict[str, Any]:
    optional = {"hostname": endpoint_hostname(service, pod), "nodeName": pod.spec.node_name}
    return {
        "ip": ip,
        **{name: value for name, value in optional.items() if value},
        "targetRef": pod_reference(pod),
    }


def _port(port: Any, number: int) -> dict[str, Any]:
    named = {"name": port.name} if port.name else {}
    more = {"appProtocol": port.app_protocol} if port.app_protocol else {}
    return {**named, "port": number, "protocol": port.protocol, **more}


def _pod_changed(cache: Cache, change: Change) -> Iterable[Part]:
    return [Part(key, change.key.name) for key in services_of_pod(cache, change)]


def _endpoints_changed(_cache: Cache, change: Change) -> Iterable[Key]:
    """Plan what came, went, or was written by someone else: our own writes have no manager."""
    old, new = change.old, change.new
    if old is not None and new is not None:
        managers = [obj["metadata"].get("managedFields") for obj in (old, new)]
        if managers[0] == managers[1]:
            return ()
    return (change.key,)


RECONCILER = Reconciler(
    name="endpoint-controller",
    plan=plan,
    triggers={SERVICE: own_key, POD: _pod_changed, ENDPOINTS: _endpoints_changed},
    batch_s=BATCH_S,
)
