"""The EndpointSlice controller: where the pods of a Service are, and which may get traffic. Pure.

Source: https://kubernetes.io/docs/concepts/services-networking/endpoint-slices/ and
``endpointslice`` of Kubernetes.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from typing import Any

from netemu.api.client import Object
from netemu.api.kinds import ENDPOINT_SLICE, NODE, POD, SERVICE, Kind
from netemu.api.views.core import Pod, Service
from netemu.api.views.discovery import MANAGED_BY_LABEL, SERVICE_NAME_LABEL
from netemu.controllers import zonehints
from netemu.controllers.backends import (
    ZONE_LABEL,
    Backend,
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
    zone_of,
)
from netemu.controllers.indexes import NODE as BY_NODE
from netemu.controllers.indexes import selecting_services, slices_of
from netemu.controllers.ownership import controller_reference
from netemu.controllers.parts import Part, Parts
from netemu.controllers.pods import is_ready, is_terminating
from netemu.controllers.reconciler import Reconciler, own_key
from netemu.controllers.slices import Endpoint, Family, PortSet, identity, plan_slices, port_set
from netemu.controllers.writes import Create, Delete, EmitEvent, Writes
from netemu.informer.cache import Cache, Change, Key, key_of

MANAGER = "endpointslice-controller.k8s.io"
HEADLESS_LABEL = "service.kubernetes.io/headless"
RESERVED_LABELS = (HEADLESS_LABEL, SERVICE_NAME_LABEL, MANAGED_BY_LABEL)

_CLOSE = ("PreferSameZone", "PreferClose", "PreferSameNode")

Groups = dict[PortSet, list[Endpoint]]


def plan(cache: Cache, key: Key | Part | Parts, _now_s: float) -> Writes:
    """Decide the EndpointSlices of one Service, or what some pods and slices change in them."""
    match key:
        case Part(name, part):
            return _plan(cache, name, frozenset((part,)))
        case Parts(name, parts):
            return _plan(cache, name, parts)
        case _:
            return _plan(cache, key, None)


def _plan(cache: Cache, key: Key, parts: frozenset[Any] | None) -> Writes:
    obj = cache.get(SERVICE, key)
    service = cache.find(SERVICE, key, Service)
    existing = managed_slices(cache, key, MANAGER)
    if obj is None or service is None:
        return [_deletion(slice_) for slice_ in existing]
    if not has_backends(service):
        return []
    by_zone = zonehints.is_asked(obj)  # one endpoint's hint hangs on all others
    only = _pods_of(cache, key, parts) if parts is not None and not by_zone else None
    pods = [Key(key.namespace, name) for name in only] if only is not None else None
    backends = find_backends(cache, service, pods)
    families = families_of(service)
    writes: Writes = []
    for family in families:
        groups, times = _groups(cache, service, backends, family)
        told = _hint_zones(cache, obj, groups, family, existing) if by_zone else []
        since = service.metadata.creation_timestamp or "" if not existing else ""
        shared = _family(obj, service, family, times, since)
        planned = plan_slices(shared, existing, groups, only)
        writes += [*planned, *told] if planned else []
    if service.metadata.deletion_timestamp:  # it still serves, but gets nothing new to collect
        writes = [write for write in writes if not isinstance(write, Create)]
    return [*writes, *(_deletion(s) for s in existing if s["addressType"] not in families)]


def managed_slices(cache: Cache, service: Key, manager: str) -> list[Object]:
    """Find the slices of a Service that one controller writes."""
    slices = (cache.get(ENDPOINT_SLICE, key) for key in slices_of(cache, service))
    return [s for s in slices if s is not None and s["metadata"]["labels"].get(MANAGED_BY_LABEL) == manager]


def slice_changed(_cache: Cache, change: Change) -> list[Key]:
    """Plan the Services that a slice belongs to, or did."""
    labels = ((o["metadata"].get("labels") or {}) for o in (change.old, change.new) if o is not None)
    names = {label[SERVICE_NAME_LABEL] for label in labels if SERVICE_NAME_LABEL in label}
    return [Key(change.key.namespace, name) for name in names]


def slice_labels(labels: dict[str, str], service: str, manager: str, *, headless: bool) -> dict[str, str]:
    """Give the labels of a slice: those of what it is made from, and its own."""
    copied = {name: value for name, value in labels.items() if name not in RESERVED_LABELS}
    marked = {HEADLESS_LABEL: ""} if headless else {}
    return {**copied, **marked, SERVICE_NAME_LABEL: service, MANAGED_BY_LABEL: manager}


def _pods_of(cache: Cache, service: Key, parts: frozenset[tuple[Kind, str]]) -> frozenset[str]:
    """Name the pods to look at: those that changed, and all of the slices that changed."""
    names: set[str] = set()
    for kind, name in parts:
        if kind is POD:
            names.add(name)
            continue
        slice_ = cache.get(ENDPOINT_SLICE, Key(service.namespace, name))
        if slice_ is not None:
            names.update(_pod_names(slice_))
    return frozenset(names)


def _pod_names(slice_: Object) -> Iterator[str]:
    """Name the pods of a slice; an endpoint that is no pod has an empty name."""
    for endpoint in slice_.get("endpoints") or ():
        yield (endpoint.get("targetRef") or {}).get("name", "")


def _groups(
    cache: Cache, service: Service, backends: Iterable[Backend], family: str
) -> tuple[Groups, dict[tuple[str, str], str]]:
    """Group the endpoints of one family by their ports, and tell since when each is as it is."""
    groups: Groups = {}
    times: dict[tuple[str, str], str] = {}
    port_sets: dict[Ports, PortSet] = {}
    for backend in backends:
        address = next((ip for ip in addresses_of(backend.pod) if family_of(ip) == family), None)
        if address is None:
            continue
        ports = port_sets.get(backend.ports)
        if ports is None:
            ports = port_sets[backend.ports] = port_set([_port(*port) for port in backend.ports])
        endpoint = _endpoint(cache, service, backend.pod, address)
        groups.setdefault(ports, []).append(endpoint)
        times[identity(endpoint)] = ready_since(backend.pod)
    return groups, times


def _family(
    obj: Object, service: Service, family: str, times: dict[tuple[str, str], str], since: str
) -> Family:
    meta = service.metadata
    return Family(
        generate_name=f"{meta.name}-",
        namespace=meta.namespace,
        labels=slice_labels(meta.labels, meta.name, MANAGER, headless=service.is_headless),
        owner=controller_reference(SERVICE, obj),
        address_type=family,
        trigger_times=times,
        trigger_time=since,
    )


def _port(port: Any, number: int) -> dict[str, Any]:
    served = {"name": port.name, "port": number, "protocol": port.protocol}
    return {**served, "appProtocol": port.app_protocol} if port.app_protocol else served


def _endpoint(cache: Cache, service: Service, pod: Pod, address: str) -> Endpoint:
    """Describe a pod; publishNotReadyAddresses calls it ready whatever it is."""
    serving, terminating = is_ready(pod), is_terminating(pod)
    ready = service.spec.publish_not_ready_addresses or (serving and not terminating)
    node, zone = pod.spec.node_name, zone_of(cache, pod.spec.node_name)
    endpoint: Endpoint = {
        "addresses": [address],
        "conditions": {"ready": ready, "serving": serving, "terminating": terminating},
        "targetRef": pod_reference(pod),
    }
    optional = {
        "nodeName": node,
        "hostname": endpoint_hostname(service, pod),
        "zone": zone,
        "hints": _hints(service, node, zone) if ready else None,
    }
    endpoint.update({field: value for field, value in optional.items() if value})
    return endpoint


def _hints(service: Service, node: str, zone: str) -> dict[str, Any]:
    """Say for whom an endpoint is meant: its own zone, or its own node (trafficDistribution)."""
    wanted = service.spec.traffic_distribution
    if wanted not in _CLOSE:
        return {}
    hints = {
        "forZones": [{"name": zone}] if zone else None,
        "forNodes": [{"name": node}] if node and wanted == "PreferSameNode" else None,
    }
    return {name: value for name, value in hints.items() if value}


def _hint_zones(
    cache: Cache, obj: Object, groups: Groups, family: str, existing: list[Object]
) -> list[EmitEvent]:
    """Add the hints of topology-mode: Auto to endpoints; tell if there are hints now, or cannot be."""
    endpoints = [endpoint for group in groups.values() for endpoint in group]
    where = f", addressType: {family}"
    try:
        zonehints.add_hints(endpoints, zonehints.zone_parts(cache.list(NODE)))
    except zonehints.Refused as err:
        return [EmitEvent(obj, "Warning", zonehints.DISABLED, f"{err}{where}")]
    if any(endpoint.get("hints") for slice_ in existing for endpoint in slice_.get("endpoints") or ()):
        return []
    reason, message = zonehints.ENABLED
    return [EmitEvent(obj, "Normal", reason, f"{message}{where}")]


def _deletion(slice_: Object) -> Delete:
    return Delete(ENDPOINT_SLICE, key_of(slice_), slice_["metadata"]["uid"])


def _pod_changed(cache: Cache, change: Change) -> Iterable[Part]:
    return [Part(key, (POD, change.key.name)) for key in services_of_pod(cache, change)]


def _slice_changed(cache: Cache, change: Change) -> Iterable[Hashable]:
    """Look at the pods of a slice that someone wrote, or that is gone; at all, if it came from elsewhere."""
    services = slice_changed(cache, change)
    old, new = change.old, change.new
    if new is None and old is not None:
        return [Part(key, (POD, name)) for key in services for name in _pod_names(old)] or services
    if new is not None and len(services) == 1 and "" not in _pod_names(new):
        gone = set(_pod_names(old)) - set(_pod_names(new)) if old is not None else ()
        return [Part(services[0], (ENDPOINT_SLICE, change.key.name))] + [
            Part(services[0], (POD, name)) for name in gone
        ]
    return services


def _node_changed(cache: Cache, change: Change) -> Iterable[Key]:
    """Plan the Services of a node's pods when it is in another zone, and those that look at all zones."""
    asking = _asking_services(cache, change)
    zones = [
        (obj["metadata"].get("labels") or {}).get(ZONE_LABEL, "") if obj is not None else ""
        for obj in (change.old, change.new)
    ]
    if zones[0] == zones[1]:
        return asking
    keys: dict[Key, None] = dict.fromkeys(asking)
    for pod_key in cache.by_index(POD, BY_NODE, change.key.name):
        pod = cache.get(POD, pod_key)
        labels = (pod["metadata"].get("labels") or {}) if pod is not None else {}
        keys.update(dict.fromkeys(selecting_services(cache, pod_key.namespace, labels)))
    return keys


def _asking_services(cache: Cache, change: Change) -> list[Key]:
    """Find the Services whose hints hang on what a node is part of."""
    before, after = (zonehints.zone_parts_of(obj) for obj in (change.old, change.new))
    if before == after:
        return []
    return [key_of(service) for service in cache.list(SERVICE) if zonehints.is_asked(service)]


RECONCILER = Reconciler(
    name="endpointslice-controller",
    plan=plan,
    triggers={SERVICE: own_key, POD: _pod_changed, ENDPOINT_SLICE: _slice_changed, NODE: _node_changed},
)
