"""The rules of taints and of tolerations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from netemu.api import syntax
from netemu.api.causes import bad_value, bad_values, duplicate, one_of, required
from netemu.api.errors import Cause

EFFECTS = ("NoExecute", "NoSchedule", "PreferNoSchedule")


def check_tolerations(tolerations: list[dict[str, Any]], path: str) -> Iterator[Cause]:
    """Check the tolerations of a pod."""
    for index, toleration in enumerate(tolerations):
        yield from _check_toleration(toleration, f"{path}[{index}]")


def check_taints(taints: list[dict[str, Any]], path: str) -> Iterator[Cause]:
    """Check the taints of a node."""
    seen: set[tuple[str, str]] = set()
    for index, taint in enumerate(taints):
        field, key, effect = f"{path}[{index}]", taint.get("key", ""), taint.get("effect", "")
        yield from bad_values(f"{field}.key", key, syntax.qualified_name(key))
        yield from bad_values(
            f"{field}.value", taint.get("value"), syntax.label_value(taint.get("value", ""))
        )
        if not effect:
            yield required(f"{field}.effect")
        else:
            yield from one_of(f"{field}.effect", effect, EFFECTS)
        if (key, effect) in seen:
            yield duplicate(field, taint)
        seen.add((key, effect))


def _check_toleration(toleration: Mapping[str, Any], field: str) -> Iterator[Cause]:
    key, operator = toleration.get("key", ""), toleration.get("operator", "Equal")
    effect, value = toleration.get("effect", ""), toleration.get("value", "")
    if key:
        yield from bad_values(f"{field}.key", key, syntax.qualified_name(key))
    elif operator != "Exists":
        yield bad_value(
            f"{field}.operator",
            operator,
            'operator must be Exists when `key` is empty, which means "match all values and all keys"',
        )
    yield from one_of(f"{field}.operator", operator, ("Equal", "Exists"))
    if operator == "Exists" and value:
        yield bad_value(f"{field}.operator", value, "value must be empty when `operator` is 'Exists'")
    elif operator == "Equal":
        yield from bad_values(f"{field}.operator", value, syntax.label_value(value))
    if effect:
        yield from one_of(f"{field}.effect", effect, EFFECTS)
    if "tolerationSeconds" in toleration and effect != "NoExecute":
        yield bad_value(
            f"{field}.effect", effect, "effect must be 'NoExecute' when `tolerationSeconds` is set"
        )
