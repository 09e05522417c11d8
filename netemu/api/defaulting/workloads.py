"""Defaults of Deployment, ReplicaSet, DaemonSet and StatefulSet, and of their templates."""

from __future__ import annotations

from typing import Any

from netemu.api.client import Object
from netemu.api.defaulting.pods import fill_pod_spec, fill_volumes
from netemu.api.defaulting.policy import fill_claim
from netemu.api.defaulting.zero import fill_zero


def fill_deployment(obj: Object) -> None:
    """Roll over by a quarter at a time, with ten old revisions kept."""
    spec = _fill_common(obj)
    spec.setdefault("replicas", 1)
    strategy = spec.setdefault("strategy", {})
    if fill_zero(strategy, "type", "RollingUpdate") == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {})
        rolling.setdefault("maxUnavailable", "25%")
        rolling.setdefault("maxSurge", "25%")
    spec.setdefault("revisionHistoryLimit", 10)
    spec.setdefault("progressDeadlineSeconds", 600)


def fill_replica_set(obj: Object) -> None:
    """Ask for one pod."""
    _fill_common(obj).setdefault("replicas", 1)


def fill_daemon_set(obj: Object) -> None:
    """Replace one pod after the other."""
    spec = _fill_common(obj)
    strategy = spec.setdefault("updateStrategy", {})
    if fill_zero(strategy, "type", "RollingUpdate") == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {})
        rolling.setdefault("maxUnavailable", 1)
        rolling.setdefault("maxSurge", 0)
    spec.setdefault("revisionHistoryLimit", 10)


def fill_stateful_set(obj: Object) -> None:
    """Start one pod after the other, update all of them, keep their claims."""
    spec = _fill_common(obj)
    fill_zero(spec, "podManagementPolicy", "OrderedReady")
    for claim in spec.get("volumeClaimTemplates", ()):
        fill_zero(claim, "apiVersion", "v1")
        fill_zero(claim, "kind", "PersistentVolumeClaim")
        fill_claim(claim)
    strategy = spec.setdefault("updateStrategy", {})
    if fill_zero(strategy, "type", "RollingUpdate") == "RollingUpdate":
        strategy.setdefault("rollingUpdate", {}).setdefault("partition", 0)
    retention = spec.setdefault("persistentVolumeClaimRetentionPolicy", {})
    fill_zero(retention, "whenDeleted", "Retain")
    fill_zero(retention, "whenScaled", "Retain")
    spec.setdefault("replicas", 1)
    spec.setdefault("revisionHistoryLimit", 10)


def _fill_common(obj: Object) -> dict[str, Any]:
    spec: dict[str, Any] = obj.setdefault("spec", {})
    template = spec.get("template")
    if template is not None:
        fill_pod_spec(template.setdefault("spec", {}))
        fill_volumes(template["spec"])
    obj.setdefault("status", {})
    return spec
