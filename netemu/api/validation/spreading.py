"""The rules of where pods go: their spread over domains, and who they want near.

Source: kubernetes ``pkg/apis/core/validation`` (``validateTopologySpreadConstraints``, ``validateAffinity``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from netemu.api.causes import bad_value, duplicate, one_of, required
from netemu.api.errors import Cause
from netemu.api.validation.selectors import check_label_selector

_UNSATISFIABLE = ("DoNotSchedule", "ScheduleAnyway")
_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"

Json = Mapping[str, Any]


def check_spreads(spec: Json, path: str) -> Iterator[Cause]:
    """Check the topology spread constraints of a pod's spec."""
    seen: set[tuple[str, str]] = set()
    for index, constraint in enumerate(spec.get("topologySpreadConstraints") or ()):
        field = f"{path}.topologySpreadConstraints[{index}]"
        skew, key = constraint.get("maxSkew", 0), constraint.get("topologyKey", "")
        action = constraint.get("whenUnsatisfiable", "")
        if skew <= 0:
            yield bad_value(f"{field}.maxSkew", skew, "must be greater than zero")
        if not key:
            yield required(f"{field}.topologyKey", "can not be empty")
        yield from one_of(f"{field}.whenUnsatisfiable", action, _UNSATISFIABLE)
        if (key, action) in seen:
            yield duplicate(f"{field}.{{topologyKey, whenUnsatisfiable}}", f"{{{key}, {action}}}")
        seen.add((key, action))
        yield from check_label_selector(constraint.get("labelSelector") or {}, f"{field}.labelSelector")


def check_affinity(affinity: Json, path: str) -> Iterator[Cause]:
    """Check whom a pod wants near and far, and how much."""
    for name in ("podAffinity", "podAntiAffinity"):
        rules, field = affinity.get(name) or {}, f"{path}.{name}"
        for index, term in enumerate(rules.get(_REQUIRED) or ()):
            yield from _check_term(term, f"{field}.{_REQUIRED}[{index}]")
        for index, weighted in enumerate(rules.get(_PREFERRED) or ()):
            own = f"{field}.{_PREFERRED}[{index}]"
            yield from _check_weight(weighted, own)
            yield from _check_term(weighted.get("podAffinityTerm") or {}, f"{own}.podAffinityTerm")
    for index, weighted in enumerate((affinity.get("nodeAffinity") or {}).get(_PREFERRED) or ()):
        yield from _check_weight(weighted, f"{path}.nodeAffinity.{_PREFERRED}[{index}]")


def _check_weight(weighted: Json, path: str) -> Iterator[Cause]:
    weight = weighted.get("weight", 0)
    if not 1 <= weight <= 100:
        yield bad_value(f"{path}.weight", weight, "must be in the range 1-100")


def _check_term(term: Json, path: str) -> Iterator[Cause]:
    for key in ("labelSelector", "namespaceSelector"):
        yield from check_label_selector(term.get(key) or {}, f"{path}.{key}")
    if not term.get("topologyKey"):
        yield required(f"{path}.topologyKey", "can not be empty")
