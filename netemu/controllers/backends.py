"""The pods behind a Service, and on which numbers they serve its ports. Pure.

Source: endpointslice ``utils.go`` of Kubernetes (which pods count, how a named port is found).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from netemu.api.client import Object
from netemu.api.kinds import NODE, POD, SERVICE
from netemu.api.selectors import matches_labels
from netemu.api.views.core import Pod, Service, ServicePort
from netemu.controllers.indexes import selected_pods, selecting_services
from netemu.controllers.pods import is_over
from netemu.informer.cache import Cache, Change, Key

Ports = tuple[tuple[ServicePort, int], ...]
"""Ports of a Service, each with its number on some pods; pods may differ in these."""

ZONE_LABEL = "topology.kubernetes.io/zone"


class Backend(NamedTuple):
    """A pod that is, or will be, or was until now, behind a Service."""

    pod: Pod
    ports: Ports


def find_backends(cache: Cache, service: Service, only: Iterable[Key] | None = None) -> list[Backend]:
    """Find the pods that a Service selects and that have an address, in order of creation.

    ``only`` names those that are of interest.
    """
    keys = only
    if keys is None:
        keys = selected_pods(cache, service.metadata.namespace, service.spec.selector)
    found: list[Pod] = []
    for key in keys:
        pod = cache.find(POD, key, Pod)
        if pod is not None and _counts(pod) and matches_labels(service.spec.selector, pod.metadata.labels):
            found.append(pod)
    ports = _numeric(service)
    return [Backend(pod, ports if ports is not None else _resolve(service, pod)) for pod in found]


def addresses_of(pod: Pod) -> tuple[str, ...]:
    """Give a pod's addresses, at most one of each family."""
    return tuple(ip.ip for ip in pod.status.pod_ips) or (pod.status.pod_ip,)


def family_of(address: str) -> str:
    """Tell the family of an address, as Services and slices call it."""
    return "IPv6" if ":" in address else "IPv4"


def families_of(service: Service) -> tuple[str, ...]:
    """Give the families of a Service; one that has none yet, as its addresses say."""
    return service.spec.ip_families or tuple({family_of(ip): None for ip in service.spec.cluster_ips}) or _ALL


_ALL = ("IPv4", "IPv6")


def has_backends(service: Service) -> bool:
    """Tell whether the endpoints of a Service are ours to write."""
    return bool(service.spec.selector) and service.spec.type != "ExternalName"


def ready_since(pod: Pod) -> str:
    """Tell since when a pod is as ready as it is; empty if its status does not say."""
    times = (c.last_transition_time for c in pod.status.conditions if c.type == "Ready")
    return next(times, None) or ""


def pod_reference(pod: Pod) -> dict[str, str]:
    """Refer to a pod from an endpoint."""
    meta = pod.metadata
    return {"kind": "Pod", "namespace": meta.namespace, "name": meta.name, "uid": meta.uid}


def endpoint_hostname(service: Service, pod: Pod) -> str:
    """Give the name under which DNS knows a pod within its headless Service, or nothing."""
    return pod.spec.hostname if pod.spec.subdomain == service.metadata.name else ""


def zone_of(cache: Cache, node: str) -> str:
    """Give a node's zone, or nothing."""
    obj = cache.get(NODE, Key("", node))
    return str((obj["metadata"].get("labels") or {}).get(ZONE_LABEL, "")) if obj is not None else ""


def services_of_pod(cache: Cache, change: Change) -> Iterable[Key]:
    """Plan the Services that select a pod, or did; if it changed in anything they tell of."""
    old, new = change.old, change.new
    if old is not None and new is not None and _told(old) == _told(new):
        return ()
    keys: dict[Key, None] = {}
    for obj in (old, new):
        labels = (obj["metadata"].get("labels") or {}) if obj is not None else {}
        for key in selecting_services(cache, change.key.namespace, labels):
            service = cache.get(SERVICE, key)
            if service is not None and matches_labels(service["spec"]["selector"], labels):
                keys[key] = None
    return keys


def _told(pod: Object) -> tuple[Any, ...]:
    """Give what the endpoints of a pod depend on; its spec does not change after it is bound."""
    meta, status = pod["metadata"], pod.get("status") or {}
    ready = any(c["type"] == "Ready" and c["status"] == "True" for c in status.get("conditions") or ())
    return (
        meta.get("labels"),
        "deletionTimestamp" in meta,
        pod["spec"].get("nodeName"),
        status.get("podIP"),
        status.get("podIPs"),
        status.get("phase") in ("Succeeded", "Failed"),
        ready,
        meta.get("uid"),
    )


def _counts(pod: Pod) -> bool:
    return bool(pod.status.pod_ip or pod.status.pod_ips) and not is_over(pod)


def _numeric(service: Service) -> Ports | None:
    """Resolve all ports without looking at a pod, if none is named."""
    if any(isinstance(port.target_port, str) for port in service.spec.ports):
        return None
    return tuple((port, int(port.target_port or port.port)) for port in service.spec.ports)


def _resolve(service: Service, pod: Pod) -> Ports:
    found = ((port, _find_port(port, pod)) for port in service.spec.ports)
    return tuple((port, number) for port, number in found if number is not None)


def _find_port(port: ServicePort, pod: Pod) -> int | None:
    if not isinstance(port.target_port, str):
        return port.target_port or port.port
    sidecars = (c for c in pod.spec.init_containers if c.restart_policy == "Always")
    containers = (*pod.spec.containers, *sidecars)
    named = (p for container in containers for p in container.ports if p.name == port.target_port)
    return next((p.container_port for p in named if p.protocol == port.protocol), None)
