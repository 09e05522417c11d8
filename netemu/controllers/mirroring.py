"""The EndpointSlice mirroring controller: hand-written Endpoints, as slices. Pure.

Source: https://kubernetes.io/docs/concepts/services-networking/endpoint-slices/#endpointslice-mirroring.
"""

from __future__ import annotations

from typing import Any

from netemu.api.client import Object
from netemu.api.kinds import ENDPOINT_SLICE, ENDPOINTS, SERVICE
from netemu.api.views.core import EndpointAddress, Endpoints, EndpointSubset
from netemu.api.views.discovery import MANAGED_BY_LABEL, SERVICE_NAME_LABEL
from netemu.controllers.backends import family_of
from netemu.controllers.endpoints import is_ours
from netemu.controllers.endpointslices import managed_slices, slice_changed
from netemu.controllers.ownership import controller_reference
from netemu.controllers.reconciler import Reconciler, own_key
from netemu.controllers.slices import TRIGGER_TIME, Endpoint, Family, PortSet, plan_slices, port_set
from netemu.controllers.writes import Delete, EmitEvent, Writes
from netemu.informer.cache import Cache, Key, key_of

MANAGER = "endpointslicemirroring-controller.k8s.io"
SKIP_LABEL = "endpointslice.kubernetes.io/skip-mirror"
LEADER_ANNOTATION = "control-plane.alpha.kubernetes.io/leader"
NOT_COPIED = (TRIGGER_TIME, "kubectl.kubernetes.io/last-applied-configuration")
MAX_PER_SUBSET = 1000


def plan(cache: Cache, key: Key, _now_s: float) -> Writes:
    """Decide the slices that mirror one Endpoints object of a Service without selector."""
    obj = cache.get(ENDPOINTS, key)
    endpoints = cache.find(ENDPOINTS, key, Endpoints)
    existing = managed_slices(cache, key, MANAGER)
    if obj is None or endpoints is None or not _is_mirrored(cache, key, obj):
        return [Delete(ENDPOINT_SLICE, key_of(s), s["metadata"]["uid"]) for s in existing]
    groups: dict[str, dict[PortSet, list[Endpoint]]] = {"IPv4": {}, "IPv6": {}}
    skipped = 0
    for subset in endpoints.subsets:
        found = _endpoints(subset)
        skipped += max(0, len(found) - MAX_PER_SUBSET)
        for endpoint in found[:MAX_PER_SUBSET]:
            family = family_of(endpoint["addresses"][0])
            groups[family].setdefault(_ports(subset), []).append(endpoint)
    writes: Writes = []
    for family, by_ports in groups.items():
        writes += plan_slices(_family(obj, family), existing, by_ports)
    if skipped:
        why = f"A max of {MAX_PER_SUBSET} addresses can be mirrored to EndpointSlices per Endpoints subset."
        told = EmitEvent(
            obj, "Warning", "TooManyAddressesToMirror", f"{why} {skipped} addresses were skipped"
        )
        writes.append(told)
    return writes


def _is_mirrored(cache: Cache, key: Key, obj: Object) -> bool:
    meta = obj["metadata"]
    service = cache.get(SERVICE, key)
    return (
        service is not None
        and not service["spec"].get("selector")
        and not is_ours(obj)
        and (meta.get("labels") or {}).get(SKIP_LABEL) != "true"
        and LEADER_ANNOTATION not in (meta.get("annotations") or {})
        and not meta.get("deletionTimestamp")
    )


def _family(obj: Object, family: str) -> Family:
    meta = obj["metadata"]
    labels = {**(meta.get("labels") or {}), SERVICE_NAME_LABEL: meta["name"], MANAGED_BY_LABEL: MANAGER}
    return Family(
        generate_name=f"{meta['name']}-",
        namespace=meta["namespace"],
        labels=labels,
        owner=controller_reference(ENDPOINTS, obj),
        address_type=family,
        annotations={n: value for n, value in (meta.get("annotations") or {}).items() if n not in NOT_COPIED},
        max_endpoints=MAX_PER_SUBSET,
        keeps_one=False,
    )


def _ports(subset: EndpointSubset) -> PortSet:
    ports = []
    for p in subset.ports:
        more = {"appProtocol": p.app_protocol} if p.app_protocol else {}
        ports.append({"name": p.name, "port": p.port, "protocol": p.protocol, **more})
    return port_set(ports)


def _endpoints(subset: EndpointSubset) -> list[Endpoint]:
    ready = [_endpoint(address, ready=True) for address in subset.addresses]
    return ready + [_endpoint(address, ready=False) for address in subset.not_ready_addresses]


def _endpoint(address: EndpointAddress, *, ready: bool) -> Endpoint:
    optional: dict[str, Any] = {
        "hostname": address.hostname,
        "nodeName": address.node_name,
        "targetRef": address.target_ref,
    }
    endpoint: Endpoint = {"addresses": [address.ip], "conditions": {"ready": ready}}
    endpoint.update({field: value for field, value in optional.items() if value})
    return endpoint


RECONCILER = Reconciler(
    name="endpointslicemirroring-controller",
    plan=plan,
    triggers={ENDPOINTS: own_key, SERVICE: own_key, ENDPOINT_SLICE: slice_changed},
)
