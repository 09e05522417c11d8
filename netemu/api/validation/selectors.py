"""The rules of label selectors in objects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from netemu.api import syntax
from netemu.api.causes import bad_value, bad_values, forbidden, required
from netemu.api.errors import Cause
from netemu.api.validation.meta import check_labels


def check_label_selector(selector: Mapping[str, Any], path: str) -> Iterator[Cause]:
    """Check a ``LabelSelector``."""
    yield from check_labels(f"{path}.matchLabels", selector.get("matchLabels", {}))
    for index, requirement in enumerate(selector.get("matchExpressions", ())):
        yield from _check_requirement(requirement, f"{path}.matchExpressions[{index}]")


def _check_requirement(requirement: Mapping[str, Any], field: str) -> Iterator[Cause]:
    key, operator = requirement.get("key", ""), requirement.get("operator", "")
    values = requirement.get("values", ())
    yield from bad_values(f"{field}.key", key, syntax.qualified_name(key))
    match operator:
        case "In" | "NotIn":
            if not values:
                yield required(f"{field}.values", "must be specified when `operator` is 'In' or 'NotIn'")
        case "Exists" | "DoesNotExist":
            if values:
                yield forbidden(
                    f"{field}.values", "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
                )
        case _:
            yield bad_value(f"{field}.operator", operator, "not a valid selector operator")
    for index, value in enumerate(values):
        yield from bad_values(f"{field}.values[{index}]", value, syntax.label_value(value))
