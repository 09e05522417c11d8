"""Label and field selectors: parse and match.

Source: https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/ and
…/field-selectors/.
"""

from __future__ import annotations

from collections.abc import Mapping

from netemu.api.views.meta import LabelSelector, SelectorRequirement


def matches(selector: LabelSelector, labels: Mapping[str, str]) -> bool:
    """Tell whether labels satisfy a selector; an empty selector matches everything."""
    return all(labels.get(k) == v for k, v in selector.match_labels.items()) and all(
        _holds(requirement, labels) for requirement in selector.match_expressions
    )


def matches_labels(wanted: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    """Tell whether labels contain all of ``wanted`` (a Service's selector)."""
    return all(labels.get(k) == v for k, v in wanted.items())


def _holds(requirement: SelectorRequirement, labels: Mapping[str, str]) -> bool:
    value = labels.get(requirement.key)
    match requirement.operator:
        case "In":
            return value in requirement.values
        case "NotIn":
            return value not in requirement.values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
