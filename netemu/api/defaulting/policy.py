"""Defaults of NetworkPolicy, HorizontalPodAutoscaler, RBAC bindings, storage, webhooks and priorities."""

from __future__ import annotations

from typing import Any

from netemu.api.client import Object
from netemu.api.defaulting.zero import fill_zero

RBAC_GROUP = "rbac.authorization.k8s.io"
CPU_PERCENT = 80

_OF_DRIVERS = {
    "attachRequired": True,
    "podInfoOnMount": False,
    "volumeLifecycleModes": ["Persistent"],
    "storageCapacity": False,
    "fsGroupPolicy": "ReadWriteOnceWithFSType",
    "requiresRepublish": False,
    "seLinuxMount": False,
}


def fill_network_policy(obj: Object) -> None:
    """Say which directions it is about: in, and out where it has rules for that."""
    spec = obj.setdefault("spec", {})
    for direction in ("ingress", "egress"):
        for rule in spec.get(direction, ()):
            for port in rule.get("ports", ()):
                port.setdefault("protocol", "TCP")
    if not spec.get("policyTypes"):
        spec["policyTypes"] = ["Ingress", "Egress"] if spec.get("egress") else ["Ingress"]


def fill_autoscaler(obj: Object) -> None:
    """Keep one pod at least, and look at the processors where nothing is said."""
    spec = obj.setdefault("spec", {})
    spec.setdefault("minReplicas", 1)
    if not spec.get("metrics"):
        target = {"type": "Utilization", "averageUtilization": CPU_PERCENT}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]


def fill_binding(obj: Object) -> None:
    """Complete the groups of roles and subjects."""
    for subject in obj.get("subjects", ()):
        if subject.get("kind") in ("User", "Group"):
            fill_zero(subject, "apiGroup", RBAC_GROUP)
    if obj.get("roleRef"):
        fill_zero(obj["roleRef"], "apiGroup", RBAC_GROUP)


def fill_priority_class(obj: Object) -> None:
    """Let it displace what matters less."""
    obj.setdefault("preemptionPolicy", "PreemptLowerPriority")


def fill_storage_class(obj: Object) -> None:
    """Delete what is released, and bind at once."""
    obj.setdefault("reclaimPolicy", "Delete")
    obj.setdefault("volumeBindingMode", "Immediate")


def fill_csi_driver(obj: Object) -> None:
    """Attach volumes, and let the driver say nothing of pods and capacity."""
    spec = obj.setdefault("spec", {})
    for key, value in _OF_DRIVERS.items():
        spec.setdefault(key, value)


def fill_volume(obj: Object) -> None:
    """Keep what is released."""
    spec = obj.setdefault("spec", {})
    fill_zero(spec, "persistentVolumeReclaimPolicy", "Retain")
    spec.setdefault("volumeMode", "Filesystem")
    obj.setdefault("status", {}).setdefault("phase", "Pending")


def fill_claim(obj: Object) -> None:
    """Ask for a file system."""
    obj.setdefault("spec", {}).setdefault("volumeMode", "Filesystem")
    obj.setdefault("status", {}).setdefault("phase", "Pending")


def fill_limit_range(obj: Object) -> None:
    """Derive what a container gets when it says nothing from what it may have."""
    for limit in obj.get("spec", {}).get("limits", ()):
        if limit.get("type") == "Container":
            given = {**limit.get("max", {}), **limit.get("default", {})}
            asked = {**limit.get("min", {}), **given, **limit.get("defaultRequest", {})}
            limit.update(
                {key: value for key, value in (("default", given), ("defaultRequest", asked)) if value}
            )


def fill_mutating_webhooks(obj: Object) -> None:
    """Call each once."""
    _fill_webhooks(obj)
    for webhook in obj.get("webhooks", ()):
        webhook.setdefault("reinvocationPolicy", "Never")


def fill_validating_webhooks(obj: Object) -> None:
    """Refuse what cannot be asked about."""
    _fill_webhooks(obj)


def fill_admission_policy(obj: Object) -> None:
    """Refuse what cannot be decided about."""
    spec = obj.setdefault("spec", {})
    spec.setdefault("failurePolicy", "Fail")
    if "matchConstraints" in spec:
        _fill_matched(spec["matchConstraints"])


def fill_admission_binding(obj: Object) -> None:
    """Match all that the policy matches."""
    matched = obj.setdefault("spec", {}).get("matchResources")
    if matched is not None:
        _fill_matched(matched)


def fill_api_service(obj: Object) -> None:
    """Give its Service a port."""
    service: dict[str, Any] | None = obj.setdefault("spec", {}).get("service")
    if service is not None:
        service.setdefault("port", 443)


def _fill_matched(matched: dict[str, Any], *keys: str) -> None:
    """Fill in what stands for "all"."""
    matched.setdefault("matchPolicy", "Equivalent")
    matched.setdefault("namespaceSelector", {})
    matched.setdefault("objectSelector", {})
    for key in keys or ("resourceRules", "excludeResourceRules"):
        for rule in matched.get(key, ()):
            rule.setdefault("scope", "*")


def _fill_webhooks(obj: Object) -> None:
    for webhook in obj.get("webhooks", ()):
        webhook.setdefault("failurePolicy", "Fail")
        webhook.setdefault("timeoutSeconds", 10)
        _fill_matched(webhook, "rules")
        service = webhook.get("clientConfig", {}).get("service")
        if service is not None:
            service.setdefault("port", 443)
