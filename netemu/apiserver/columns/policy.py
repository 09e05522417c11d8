"""The columns of what limits and guards: policies, budgets, quotas, autoscalers, priorities. Pure."""

from __future__ import annotations

from typing import Any

from netemu.api.client import Object
from netemu.apiserver.autoscaling import as_v2
from netemu.apiserver.columns.column import (
    AGE,
    NAME,
    NONE,
    UNKNOWN,
    UNSET,
    Cell,
    Column,
    column,
    count,
    field,
    number,
)
from netemu.apiserver.columns.selectors import selector_text

CREATED = column("Created At", lambda obj: obj["metadata"].get("creationTimestamp") or UNKNOWN)
MAX_METRICS = 2


def _amount(budget: Object, name: str) -> str:
    amount = field(budget, "spec", name)
    return "N/A" if amount is None else str(amount)


NETWORK_POLICIES: tuple[Column, ...] = (
    NAME,
    column("Pod-Selector", lambda obj: selector_text(field(obj, "spec", "podSelector"))),
    AGE,
)
POD_DISRUPTION_BUDGETS: tuple[Column, ...] = (
    NAME,
    column("Min Available", lambda obj: _amount(obj, "minAvailable")),
    column("Max Unavailable", lambda obj: _amount(obj, "maxUnavailable")),
    count("Allowed Disruptions", lambda obj: number(obj, "status", "disruptionsAllowed")),
    AGE,
)
PRIORITY_CLASSES: tuple[Column, ...] = (
    NAME,
    count("Value", lambda obj: int(obj.get("value") or 0)),
    column("Global-Default", lambda obj: bool(obj.get("globalDefault"))),
    AGE,
    column("PreemptionPolicy", lambda obj: obj.get("preemptionPolicy") or NONE),
)
LIMIT_RANGES: tuple[Column, ...] = (NAME, CREATED)


def _quota(quota: Object, *, of_limits: bool) -> str:
    hard: dict[str, Any] = field(quota, "status", "hard") or {}
    used: dict[str, Any] = field(quota, "status", "used") or {}
    names = [name for name in sorted(hard) if name.startswith("limits.") is of_limits]
    return ", ".join(f"{name}: {used.get(name, 0)}/{hard[name]}" for name in names)


RESOURCE_QUOTAS: tuple[Column, ...] = (
    NAME,
    column("Request", lambda obj: _quota(obj, of_limits=False)),
    column("Limit", lambda obj: _quota(obj, of_limits=True)),
    AGE,
)


def _reference(autoscaler: Object) -> str:
    target = field(autoscaler, "spec", "scaleTargetRef") or {}
    return f"{target.get('kind', '')}/{target.get('name', '')}"


def _targets(autoscaler: Object) -> str:
    autoscaler = as_v2(autoscaler)
    metrics = field(autoscaler, "spec", "metrics") or ()
    if not metrics:
        return NONE
    current = field(autoscaler, "status", "currentMetrics") or ()
    shown = [_target(metric, current[i] if i < len(current) else {}) for i, metric in enumerate(metrics)]
    more = len(shown) - MAX_METRICS
    return ", ".join(shown[:MAX_METRICS]) + (f" + {more} more..." if more > 0 else "")


def _target(metric: Object, current: Object) -> str:
    """Write one metric as ``cpu: 12%/80%``; what is not measured is unknown."""
    source = metric.get("type", "")
    key = source[:1].lower() + source[1:]
    spec, status = metric.get(key) or {}, current.get(key) or {}
    wanted, have = spec.get("target") or {}, status.get("current") or {}
    name = f"{spec['name']}: " if key in ("resource", "containerResource") and "name" in spec else ""
    if "averageUtilization" in wanted:
        seen = have.get("averageUtilization")
        return f"{name}{UNKNOWN if seen is None else f'{seen}%'}/{wanted['averageUtilization']}%"
    unit = "averageValue" if "averageValue" in wanted else "value"
    average = " (avg)" if unit == "averageValue" and key in ("external", "object") else ""
    return f"{name}{have.get(unit, UNKNOWN)}/{wanted.get(unit, UNKNOWN)}{average}"


def _min_pods(autoscaler: Object) -> Cell:
    least = field(autoscaler, "spec", "minReplicas")
    return UNSET if least is None else str(least)


HORIZONTAL_POD_AUTOSCALERS: tuple[Column, ...] = (
    NAME,
    column("Reference", _reference),
    column("Targets", _targets),
    column("MinPods", _min_pods),
    column("MaxPods", lambda obj: str(number(obj, "spec", "maxReplicas"))),
    count("Replicas", lambda obj: number(obj, "status", "currentReplicas")),
    AGE,
)
