"""The Endpoints controller: the older form of the same, which many programs still read. Pure.

Source: kube-controller-manager ``pkg/controller/endpoint``.
"""

from __future__ import annotations

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
from netemu.controllers.pods import is_ready, is_terminating
from netemu.controllers.reconciler import Reconciler, own_key
from netemu.controllers.slices import TRIGGER_TIME
from netemu.controllers.writes import Create, Delete, Update, Writes
from netemu.informer.cache import Cache, Key

MANAGED_BY = "endpoints.kubernetes.io/managed-by"
MANAGER = "endpoint-controller"
OVER_CAPACITY = "endpoints.kubernetes.io/over-capacity"
CAPACITY = 1000
"""How many addresses an Endpoints object has at most; readers of slices see all."""

Subset = dict[str, Any]


def plan(cache: Cache, key: Key, _now_s: float) -> Writes:
    """Decide the Endpoints object of one Service; those written by hand are left alone.

    A Service whose endpoints are no longer ours (without selector, or ExternalName) keeps what it had.
    """
    service = cache.find(SERVICE, key, Service)
    existing = cache.get(ENDPOINTS, key)
    if service is None:
        return _forget(existing)
    if not has_backends(service):
        return []
    subsets, since = _subsets(cache, service)
    subsets, is_cut = truncated(subsets)
    headless = {HEADLESS_LABEL: ""} if service.is_headless else {}
    labels = {**service.metadata.labels, **headless, MANAGED_BY: MANAGER}
    had = existing["metadata"].get("annotations") or {} if existing is not None else {}
    if existing is None:
        annotations = _annotations({}, service.metadata.creation_timestamp or "", is_cut=is_cut)
        metadata = {
            "namespace": key.namespace,
            "name": key.name,
            "labels": labels,
            "annotations": annotations,
        }
        return [Create(ENDPOINTS, _endpoints(metadata, subsets))]
    same = (existing.get("subsets") or []) == subsets and existing["metadata"].get("labels") == labels
    if same and (had.get(OVER_CAPACITY) == "truncated") == is_cut:
        return []
    meta = {**existing["metadata"], "labels": labels, "annotations": _annotations(had, since, is_cut=is_cut)}
    return [Update(ENDPOINTS, _endpoints(meta, subsets))]


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


def _subsets(cache: Cache, service: Service) -> tuple[list[Subset], str]:
    """Give the addresses by their ports, and when the last of them became what it is."""
    subsets: dict[Ports, dict[str, list[dict[str, Any]]]] = {}
    publish = service.spec.publish_not_ready_addresses
    family, since = families_of(service)[0], ""
    for pod, ports in find_backends(cache, service):
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
    return found, since


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


RECONCILER = Reconciler(
    name="endpoint-controller",
    plan=plan,
    triggers={SERVICE: own_key, POD: services_of_pod, ENDPOINTS: own_key},
)
