"""HorizontalPodAutoscalers as autoscaling/v1 shows them; they are stored as autoscaling/v2. Pure.

What v1 has no field for travels in an annotation. Source: Kubernetes
``pkg/apis/autoscaling/v1/conversion.go``.
"""

from __future__ import annotations

from typing import Any

import msgspec

from netemu.api.client import Object

V1, V2 = "autoscaling/v1", "autoscaling/v2"
METRICS = "autoscaling.alpha.kubernetes.io/metrics"
BEHAVIOR = "autoscaling.alpha.kubernetes.io/behavior"
_PERCENT = "targetCPUUtilizationPercentage"
_CURRENT = "currentCPUUtilizationPercentage"


def as_v1(obj: Object) -> Object:
    """Show a v2 object as a v1 one."""
    if obj.get("kind") != "HorizontalPodAutoscaler":
        return obj
    spec, status = dict(obj.get("spec") or {}), dict(obj.get("status") or {})
    metrics, behavior = spec.pop("metrics", []), spec.pop("behavior", None)
    percents = [percent for metric in metrics if (percent := _cpu_percent(metric)) is not None]
    if percents:
        spec[_PERCENT] = percents[0]
    others = [metric for metric in metrics if _cpu_percent(metric) is None]
    current = status.pop("currentMetrics", [])
    status.pop("conditions", None)
    used = next((value for metric in current if (value := _used(metric)) is not None), None)
    if used is not None:
        status[_CURRENT] = used
    more = {key: _text(value) for key, value in ((METRICS, others), (BEHAVIOR, behavior)) if value}
    shown = {**obj, "apiVersion": V1, "spec": spec, "metadata": _annotated(obj["metadata"], more)}
    return {**shown, "status": status} if status or "status" in obj else shown


def as_v2(obj: Object) -> Object:
    """Read a v1 object, or a patch of one, as a v2 one."""
    if obj.get("kind", "HorizontalPodAutoscaler") != "HorizontalPodAutoscaler":
        return obj
    read = dict(obj)
    if obj.get("apiVersion") == V1:
        read["apiVersion"] = V2
    if not _is_readable(obj):
        return read  # it is refused for what it is
    annotations = (obj.get("metadata") or {}).get("annotations") or {}
    spec = dict(obj.get("spec") or {})
    metrics = _value(annotations.get(METRICS)) or []
    if _PERCENT in spec:
        metrics = [*_cpu_metric(spec.pop(_PERCENT)), *metrics]
    behavior = _value(annotations.get(BEHAVIOR))
    spec |= {key: value for key, value in (("metrics", metrics), ("behavior", behavior)) if value}
    if spec:
        read["spec"] = spec
    if annotations.keys() & {METRICS, BEHAVIOR}:
        read["metadata"] = _annotated(obj["metadata"], {})
    if isinstance(obj.get("status"), dict):
        read["status"] = {key: value for key, value in obj["status"].items() if key != _CURRENT}
    return read


def _is_readable(obj: Object) -> bool:
    """Tell whether the parts that are looked into have the right types."""
    parts = [obj.get(key) or {} for key in ("metadata", "spec", "status")]
    if not all(isinstance(part, dict) for part in parts):
        return False
    annotations = parts[0].get("annotations") or {}
    return isinstance(annotations, dict) and all(
        isinstance(annotations.get(key, ""), str) for key in (METRICS, BEHAVIOR)
    )


def _annotated(metadata: Object, more: dict[str, str]) -> Object:
    given = metadata.get("annotations") or {}
    annotations = {key: value for key, value in given.items() if key not in (METRICS, BEHAVIOR)} | more
    rest = {key: value for key, value in metadata.items() if key != "annotations"}
    return {**rest, "annotations": annotations} if annotations else rest


def _cpu_percent(metric: Object) -> int | None:
    resource = metric.get("resource") or {}
    if metric.get("type") != "Resource" or resource.get("name") != "cpu":
        return None
    percent: int | None = (resource.get("target") or {}).get("averageUtilization")
    return percent


def _cpu_metric(percent: int | None) -> list[Object]:
    if percent is None:
        return []
    target = {"type": "Utilization", "averageUtilization": percent}
    return [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]


def _used(metric: Object) -> int | None:
    resource = metric.get("resource") or {}
    if resource.get("name") != "cpu":
        return None
    used: int | None = (resource.get("current") or {}).get("averageUtilization")
    return used


def _text(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _value(text: str | None) -> Any:
    """Read an annotation; one that cannot be read says nothing."""
    try:
        return msgspec.json.decode(text) if text else None
    except msgspec.DecodeError:
        return None
