"""Defaults of Pod, and of the pod templates in workloads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from netemu.api.client import Object
from netemu.api.defaulting import containers
from netemu.api.defaulting.zero import fill_zero

# PriorityClasses that every cluster has.
SYSTEM_PRIORITIES = {"system-cluster-critical": 2_000_000_000, "system-node-critical": 2_000_001_000}
EVICTION_DELAY_S = 300
_TOLERATED = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
_FILE_MODE = 0o644


def fill_pod(obj: Object) -> None:
    """Fill in a Pod, with what admission adds."""
    spec = obj.setdefault("spec", {})
    fill_pod_spec(spec)
    fill_volumes(spec)
    for container in _containers(spec):
        _fill_requests(container)
        if spec.get("hostNetwork"):
            _fill_host_ports(container)
    _admit(spec)
    status = obj.setdefault("status", {})
    fill_zero(status, "phase", "Pending")
    if "qosClass" not in status:
        status["qosClass"] = _quality_of_service(spec)


def fill_pod_spec(spec: dict[str, Any]) -> None:
    """Fill in what Pods and pod templates have in common."""
    fill_zero(spec, "restartPolicy", "Always")
    fill_zero(spec, "dnsPolicy", "ClusterFirst")
    fill_zero(spec, "schedulerName", "default-scheduler")
    spec.setdefault("terminationGracePeriodSeconds", 30)
    spec.setdefault("securityContext", {})
    account = spec.get("serviceAccountName") or spec.get("serviceAccount")
    if account:
        spec["serviceAccountName"] = spec["serviceAccount"] = account
    for container in _containers(spec):
        containers.fill(container)


def fill_volumes(spec: dict[str, Any]) -> None:
    """Give volumes their file modes; one without a source is an empty directory."""
    for volume in spec.get("volumes", ()):
        if len(volume) == 1:
            volume["emptyDir"] = {}
        for source in ("secret", "configMap", "downwardAPI", "projected"):
            if source in volume:
                volume[source].setdefault("defaultMode", _FILE_MODE)
        if "image" in volume:
            fill_zero(
                volume["image"], "pullPolicy", containers.pull_policy(volume["image"].get("reference", ""))
            )
        if "hostPath" in volume:
            volume["hostPath"].setdefault("type", "")
        _fill_items(volume.get("downwardAPI", {}))
        for projection in volume.get("projected", {}).get("sources", ()):
            _fill_items(projection.get("downwardAPI", {}))
            if "serviceAccountToken" in projection:
                projection["serviceAccountToken"].setdefault("expirationSeconds", 3600)


def _fill_items(source: dict[str, Any]) -> None:
    for item in source.get("items", ()):
        if "fieldRef" in item:
            fill_zero(item["fieldRef"], "apiVersion", "v1")


def _containers(spec: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from spec.get("initContainers", ())
    yield from spec.get("containers", ())
    yield from spec.get("ephemeralContainers", ())


def _fill_requests(container: dict[str, Any]) -> None:
    limits = container["resources"].get("limits")
    if limits:
        requests = container["resources"].setdefault("requests", {})
        for resource, amount in limits.items():
            requests.setdefault(resource, amount)


def _fill_host_ports(container: dict[str, Any]) -> None:
    for port in container.get("ports", ()):
        if not port.get("hostPort") and "containerPort" in port:
            port["hostPort"] = port["containerPort"]


def _admit(spec: dict[str, Any]) -> None:
    """Do what the admission plugins ServiceAccount, Priority and DefaultTolerationSeconds do."""
    if not spec.get("serviceAccountName"):
        spec["serviceAccountName"] = spec["serviceAccount"] = "default"
    spec.setdefault("enableServiceLinks", True)
    spec.setdefault("priority", SYSTEM_PRIORITIES.get(spec.get("priorityClassName", ""), 0))
    spec.setdefault("preemptionPolicy", "PreemptLowerPriority")
    tolerations = spec.setdefault("tolerations", [])
    for taint in _TOLERATED:
        if not any(_tolerates(toleration, taint) for toleration in tolerations):
            tolerations.append(
                {
                    "key": taint,
                    "operator": "Exists",
                    "effect": "NoExecute",
                    "tolerationSeconds": EVICTION_DELAY_S,
                }
            )


def _tolerates(toleration: dict[str, Any], taint: str) -> bool:
    return toleration.get("key", "") in ("", taint) and toleration.get("effect", "") in ("", "NoExecute")


def _quality_of_service(spec: dict[str, Any]) -> str:
    resources = [
        container.get("resources", {})
        for group in ("initContainers", "containers")
        for container in spec.get(group, ())
    ]
    if not any(r.get("requests") or r.get("limits") for r in resources):
        return "BestEffort"
    return "Guaranteed" if all(_is_guaranteed(r) for r in resources) else "Burstable"


def _is_guaranteed(resources: dict[str, Any]) -> bool:
    limits, requests = resources.get("limits", {}), resources.get("requests", {})
    return all(name in limits and requests.get(name) == limits[name] for name in ("cpu", "memory"))
