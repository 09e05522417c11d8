"""The rules of RBAC kinds, Leases, PriorityClasses, budgets and autoscalers.

Source: kubernetes ``pkg/apis/{rbac,coordination,scheduling,policy,autoscaling}/validation``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from netemu.api.causes import bad_value, forbidden, not_negative, not_supported, one_of, required
from netemu.api.client import Object
from netemu.api.defaulting.policy import RBAC_GROUP
from netemu.api.errors import Cause
from netemu.api.validation.selectors import check_label_selector
from netemu.api.validation.workloads import PERCENT

HIGHEST_USER_PRIORITY = 1_000_000_000
SYSTEM_PRIORITIES = ("system-cluster-critical", "system-node-critical")

Json = Mapping[str, Any]


def check_role(new: Object, old: Object | None) -> Iterator[Cause]:  # noqa: ARG001 - one of the checks
    """Check a Role."""
    yield from _check_rules(new, is_namespaced=True)


def check_cluster_role(new: Object, old: Object | None) -> Iterator[Cause]:  # noqa: ARG001 - one of the checks
    """Check a ClusterRole."""
    yield from _check_rules(new, is_namespaced=False)


def check_role_binding(new: Object, old: Object | None) -> Iterator[Cause]:
    """Check a RoleBinding."""
    yield from _check_binding(new, old, ("ClusterRole", "Role"))


def check_cluster_role_binding(new: Object, old: Object | None) -> Iterator[Cause]:
    """Check a ClusterRoleBinding."""
    yield from _check_binding(new, old, ("ClusterRole",))


def check_lease(new: Object, old: Object | None) -> Iterator[Cause]:  # noqa: ARG001 - one of the checks
    """Check a Lease."""
    spec = new.get("spec") or {}
    duration = spec.get("leaseDurationSeconds")
    if duration is not None and duration <= 0:
        yield bad_value("spec.leaseDurationSeconds", duration, "must be greater than 0")
    yield from not_negative("spec.leaseTransitions", spec.get("leaseTransitions"))


def check_priority_class(new: Object, old: Object | None) -> Iterator[Cause]:
    """Check a PriorityClass."""
    name, value = new["metadata"].get("name", ""), new.get("value", 0)
    is_system = name in SYSTEM_PRIORITIES
    if name.startswith("system-") and not is_system:
        yield forbidden(
            "metadata.name",
            "priority class names with 'system-' prefix are reserved for system use only. error: "
            f"{name} is not a known system priority class",
        )
    elif not is_system and value > HIGHEST_USER_PRIORITY:
        yield forbidden(
            "value", f"maximum allowed value of a user defined priority is {HIGHEST_USER_PRIORITY}"
        )
    yield from one_of("preemptionPolicy", new.get("preemptionPolicy"), ("Never", "PreemptLowerPriority"))
    if old is not None:
        if value != old.get("value", 0):
            yield forbidden("value", "may not be changed in an update.")
        if new.get("preemptionPolicy") != old.get("preemptionPolicy"):
            yield bad_value("preemptionPolicy", new.get("preemptionPolicy"), "field is immutable")


def check_disruption_budget(new: Object, old: Object | None) -> Iterator[Cause]:  # noqa: ARG001 - one of the checks
    """Check a PodDisruptionBudget."""
    spec = new.get("spec") or {}
    least, most = spec.get("minAvailable"), spec.get("maxUnavailable")
    if least is not None and most is not None:
        yield bad_value("spec", spec, "minAvailable and maxUnavailable cannot be both set")
    for key, amount in (("minAvailable", least), ("maxUnavailable", most)):
        if isinstance(amount, int):
            yield from not_negative(f"spec.{key}", amount)
        elif isinstance(amount, str) and not re.fullmatch("[0-9]{1,9}%", amount):
            yield bad_value(f"spec.{key}", amount, PERCENT)
        elif isinstance(amount, str) and int(amount[:-1]) > 100:
            yield bad_value(f"spec.{key}", amount, "must not be greater than 100%")
    yield from check_label_selector(spec.get("selector") or {}, "spec.selector")
    policy = spec.get("unhealthyPodEvictionPolicy")
    if policy is not None:
        yield from one_of("spec.unhealthyPodEvictionPolicy", policy, ("AlwaysAllow", "IfHealthyBudget"))


def check_autoscaler(new: Object, old: Object | None) -> Iterator[Cause]:  # noqa: ARG001 - one of the checks
    """Check a HorizontalPodAutoscaler."""
    spec = new.get("spec") or {}
    least, most = spec.get("minReplicas"), spec.get("maxReplicas", 0)
    if least is not None and least < 1:
        yield bad_value("spec.minReplicas", least, "must be greater than or equal to 1")
    if most < 1:
        yield bad_value("spec.maxReplicas", most, "must be greater than 0")
    if least is not None and most < least:
        yield bad_value("spec.maxReplicas", most, "must be greater than or equal to `minReplicas`")
    target = spec.get("scaleTargetRef") or {}
    for key in ("kind", "name"):
        if not target.get(key):
            yield required(f"spec.scaleTargetRef.{key}")


def _check_rules(role: Object, *, is_namespaced: bool) -> Iterator[Cause]:
    for index, rule in enumerate(role.get("rules") or ()):
        field = f"rules[{index}]"
        if not rule.get("verbs"):
            yield required(f"{field}.verbs", "verbs must contain at least one value")
        urls = rule.get("nonResourceURLs")
        if urls:
            if is_namespaced:
                yield bad_value(
                    f"{field}.nonResourceURLs", urls, "namespaced rules cannot apply to non-resource URLs"
                )
            if any(rule.get(key) for key in ("apiGroups", "resources", "resourceNames")):
                yield bad_value(
                    f"{field}.nonResourceURLs",
                    urls,
                    "rules cannot apply to both regular resources and non-resource URLs",
                )
            continue
        if not rule.get("apiGroups"):
            yield required(f"{field}.apiGroups", "resource rules must supply at least one api group")
        if not rule.get("resources"):
            yield required(f"{field}.resources", "resource rules must supply at least one resource")


def _check_binding(new: Object, old: Object | None, roles: tuple[str, ...]) -> Iterator[Cause]:
    role = new.get("roleRef") or {}
    if role.get("apiGroup") != RBAC_GROUP:
        yield not_supported("roleRef.apiGroup", role.get("apiGroup", ""), (RBAC_GROUP,))
    if role.get("kind") not in roles:
        yield not_supported("roleRef.kind", role.get("kind", ""), roles)
    if not role.get("name"):
        yield required("roleRef.name")
    for index, subject in enumerate(new.get("subjects") or ()):
        yield from _check_subject(subject, f"subjects[{index}]", is_namespaced="Role" in roles)
    if old is not None and role != (old.get("roleRef") or {}):
        yield bad_value("roleRef", role, "cannot change roleRef")


def _check_subject(subject: Json, field: str, *, is_namespaced: bool) -> Iterator[Cause]:
    if not subject.get("name"):
        yield required(f"{field}.name")
    group = subject.get("apiGroup", "")
    match subject.get("kind"):
        case "ServiceAccount":
            if group:
                yield not_supported(f"{field}.apiGroup", group, ("",))
            if not is_namespaced and not subject.get("namespace"):
                yield required(f"{field}.namespace")
        case "User" | "Group":
            if group != RBAC_GROUP:
                yield not_supported(f"{field}.apiGroup", group, (RBAC_GROUP,))
        case kind:
            yield not_supported(f"{field}.kind", kind or "", ("Group", "ServiceAccount", "User"))
