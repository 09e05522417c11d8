"""The Endpoints controller: the older form of the same, which many programs still read. Pure.

Source: kube-controller-manager ``pkg/controller/endpoint``.
"""

from __future__ import annotations

from typing import Any

from netemu.api.client import Object
from netemu.api.kinds import ENDPOINTS, POD, SERVICE
from netemu.api.views.core import Pod, Service
from netemu.controllers.backends import (
    Ports,
    endpoint_hostname,
    find_backends,
    has_backends,
    pod_reference,
    services_of_pod,
)
from netemu.controllers.endpointslices import HEADLESS_LABEL
from netemu.controllers.pods import is_ready, is_terminating
from netemu.controllers.reconciler import Reconciler, own_key
from netemu.controllers.writes import Create, Delete, Update, Writes
from netemu.informer.cache import Cache, Key

MANAGED_BY = "endpoints.kubernetes.io/managed-by"
MANAGER = "endpoint-controller"


def plan(cache: Cache, key: Key, _now_s: float) -> Writes:
    """Decide the Endpoints object of one Service; those written by hand are left alone."""
    service = cache.find(SERVICE, key, Service)
    existing = cache.get(ENDPOINTS, key)
    if service is None or not has_backends(service):
        return _forget(existing)
    headless = {HEADLESS_LABEL: ""} if service.is_headless else {}
    labels = {**service.metadata.labels, **headless, MANAGED_BY: MANAGER}
    subsets = _subsets(cache, service)
    if existing is None:
        metadata = {"namespace": key.namespace, "name": key.name, "labels": labels}
        created = {"apiVersion": "v1", "kind": "Endpoints", "metadata": metadata, "subsets": subsets}
        return [Create(ENDPOINTS, created)]
    meta = existing["metadata"]
    if (existing.get("subsets") or []) == subsets and meta.get("labels") == labels:
        return []
    return [Update(ENDPOINTS, {**existing, "metadata": {**meta, "labels": labels}, "subsets": subsets})]


def is_ours(endpoints: Object) -> bool:
    """Tell whether this controller wrote an Endpoints object."""
    return (endpoints["metadata"].get("labels") or {}).get(MANAGED_BY) == MANAGER


def _forget(existing: Object | None) -> Writes:
    if existing is None or not is_ours(existing):
        return []
    meta = existing["metadata"]
    return [Delete(ENDPOINTS, Key(meta["namespace"], meta["name"]), meta["uid"])]


def _subsets(cache: Cache, service: Service) -> list[dict[str, Any]]:
    subsets: dict[Ports, dict[str, list[dict[str, Any]]]] = {}
    publish = service.spec.publish_not_ready_addresses
    for pod, ports in find_backends(cache, service):
        if is_terminating(pod) and not publish:
            continue
        list_ = "addresses" if publish or is_ready(pod) else "notReadyAddresses"
        subsets.setdefault(ports, {}).setdefault(list_, []).append(_address(service, pod))
    return [
        {**_sorted(lists), **({"ports": [_port(*port) for port in ports]} if ports else {})}
        for ports, lists in subsets.items()
    ]


def _sorted(lists: dict[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    return {name: sorted(addresses, key=lambda a: str(a["ip"])) for name, addresses in lists.items()}


def _address(service: Service, pod: Pod) -> dict[str, Any]:
    hostname = endpoint_hostname(service, pod)
    return {
        "ip": pod.status.pod_ip,
        **({"hostname": hostname} if hostname else {}),
        "nodeName": pod.spec.node_name,
        "targetRef": pod_reference(pod),
    }


def _port(port: Any, number: int) -> dict[str, Any]:
    named = {"name": port.name} if port.name else {}
    return {**named, "port": number, "protocol": port.protocol}


RECONCILER = Reconciler(
    name="endpoint-controller",
    plan=plan,
    triggers={SERVICE: own_key, POD: services_of_pod, ENDPOINTS: own_key},
)
