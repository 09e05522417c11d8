"""The EndpointSlice controller: where the pods of a Service are, and which may get traffic. Pure.

Source: https://kubernetes.io/docs/concepts/services-networking/endpoint-slices/ and
``endpointslice`` of Kubernetes.
"""

from __future__ import annotations

from typing import Any

from netemu.api.client import Object
from netemu.api.kinds import ENDPOINT_SLICE, POD, SERVICE
from netemu.api.views.core import Service
from netemu.api.views.discovery import MANAGED_BY_LABEL, SERVICE_NAME_LABEL
from netemu.controllers.backends import (
    Backend,
    Ports,
    endpoint_hostname,
    find_backends,
    has_backends,
    pod_reference,
    service_of_pod,
    zone_of,
)
from netemu.controllers.indexes import slices_of
from netemu.controllers.ownership import controller_reference
from netemu.controllers.pods import is_ready, is_terminating
from netemu.controllers.reconciler import Reconciler, own_key
from netemu.controllers.slices import Endpoint, Family, PortSet, plan_slices, port_set
from netemu.controllers.writes import Delete, Writes
from netemu.informer.cache import Cache, Change, Key

MANAGER = "endpointslice-controller.k8s.io"
HEADLESS_LABEL = "service.kubernetes.io/headless"


def plan(cache: Cache, key: Key, _now_s: float) -> Writes:
    """Decide the EndpointSlices of one Service."""
    obj = cache.get(SERVICE, key)
    service = cache.find(SERVICE, key, Service)
    existing = managed_slices(cache, key, MANAGER)
    if obj is None or service is None or service.metadata.deletion_timestamp or not has_backends(service):
        return [
            Delete(ENDPOINT_SLICE, Key(key.namespace, s["metadata"]["name"]), s["metadata"]["uid"])
            for s in existing
        ]
    groups: dict[PortSet, list[Endpoint]] = {}
    port_sets: dict[Ports, PortSet] = {}
    for backend in find_backends(cache, service):
        ports = port_sets.get(backend.ports)
        if ports is None:
            ports = port_sets[backend.ports] = port_set([_port(*port) for port in backend.ports])
        groups.setdefault(ports, []).append(_endpoint(cache, service, backend))
    return plan_slices(_family(obj, service), existing, groups)


def managed_slices(cache: Cache, service: Key, manager: str) -> list[Object]:
    """Find the slices of a Service that one controller writes."""
    slices = (cache.get(ENDPOINT_SLICE, key) for key in slices_of(cache, service))
    return [s for s in slices if s is not None and s["metadata"]["labels"].get(MANAGED_BY_LABEL) == manager]


def slice_changed(_cache: Cache, change: Change) -> list[Key]:
    """Plan the Services that a slice belongs to, or did."""
    labels = ((o["metadata"].get("labels") or {}) for o in (change.old, change.new) if o is not None)
    names = {label[SERVICE_NAME_LABEL] for label in labels if SERVICE_NAME_LABEL in label}
    return [Key(change.key.namespace, name) for name in names]


def _family(obj: Object, service: Service) -> Family:
    meta = service.metadata
    headless = {HEADLESS_LABEL: ""} if service.is_headless else {}
    return Family(
        generate_name=f"{meta.name}-",
        namespace=meta.namespace,
        labels={**meta.labels, **headless, SERVICE_NAME_LABEL: meta.name, MANAGED_BY_LABEL: MANAGER},
        owner=controller_reference(SERVICE, obj),
    )


def _port(port: Any, number: int) -> dict[str, Any]:
    served = {"name": port.name, "port": number, "protocol": port.protocol}
    return {**served, "appProtocol": port.app_protocol} if port.app_protocol else served


def _endpoint(cache: Cache, service: Service, backend: Backend) -> Endpoint:
    """Describe a pod; publishNotReadyAddresses calls it ready whatever it is."""
    pod = backend.pod
    publish = service.spec.publish_not_ready_addresses
    serving, terminating = is_ready(pod), is_terminating(pod)
    endpoint: Endpoint = {
        "addresses": [pod.status.pod_ip],
        "conditions": {
            "ready": publish or (serving and not terminating),
            "serving": serving,
            "terminating": terminating,
        },
        "targetRef": pod_reference(pod),
    }
    optional = {
        "nodeName": pod.spec.node_name,
        "hostname": endpoint_hostname(service, pod),
        "zone": zone_of(cache, pod.spec.node_name),
    }
    endpoint.update({field: value for field, value in optional.items() if value})
    return endpoint


RECONCILER = Reconciler(
    name="endpointslice-controller",
    plan=plan,
    triggers={SERVICE: own_key, POD: service_of_pod, ENDPOINT_SLICE: slice_changed},
)
