"""Whether a webhook or policy wants to be asked about a write. Pure.

Source: apiserver ``pkg/admission/plugin/webhook/predicates`` and
https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#matching-requests-rules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from netemu.api import cel
from netemu.api.client import Object
from netemu.api.kinds import NAMESPACE, Kind
from netemu.api.selectors import matches
from netemu.api.views.meta import LabelSelector
from netemu.apiserver.hooks.attempt import Attempt

FindNamespace = Callable[[str], Object | None]
Versions = Callable[[Kind], Iterable[Kind]]
Json = Mapping[str, Any]


def wanted_kind(
    rules: Iterable[Json], attempt: Attempt, versions: Versions, *, is_exact: bool = False
) -> Kind | None:
    """Find the version of the kind in which a write is wanted: the requested one, if rules name that.

    ``versions`` gives all of a kind; others than the requested count unless the match is exact.
    """
    rules = tuple(rules)
    if any(_rule_matches(rule, attempt, attempt.requested) for rule in rules):
        return attempt.requested
    if is_exact:
        return None
    others = (kind for kind in versions(attempt.kind) if kind is not attempt.requested)
    return next((kind for kind in others if any(_rule_matches(rule, attempt, kind) for rule in rules)), None)


def selects(matching: Json, attempt: Attempt, find_namespace: FindNamespace) -> bool:
    """Tell whether the selectors of namespaces and objects admit a write."""
    return _selects_namespace(matching.get("namespaceSelector"), attempt, find_namespace) and _selects_object(
        matching.get("objectSelector"), attempt
    )


def meets_conditions(conditions: Iterable[Json], values: Mapping[str, Any]) -> bool:
    """Tell whether all ``matchConditions`` hold.

    Raises:
        EvaluationError, CompileError: one of them has no value, and none is false.

    """
    failed: cel.EvaluationError | None = None
    for condition in conditions:
        try:
            if (
                cel.compile_expression(condition["expression"], tuple(sorted(values))).evaluate(values)
                is False
            ):
                return False
        except cel.EvaluationError as err:
            failed = failed or err
    if failed is not None:
        raise failed
    return True


def _rule_matches(rule: Json, attempt: Attempt, kind: Kind) -> bool:
    scope = rule.get("scope") or "*"
    if scope not in ("*", "Namespaced" if kind.namespaced else "Cluster"):
        return False
    return (
        _has(rule.get("operations") or (), attempt.operation)
        and _has(rule.get("apiGroups") or (), kind.group)
        and _has(rule.get("apiVersions") or (), kind.version)
        and any(_names(each, kind.resource, attempt.subresource) for each in rule.get("resources") or ())
        and _is_named(rule.get("resourceNames") or (), attempt.name)
    )


def _has(wanted: Iterable[str], value: str) -> bool:
    return any(each in ("*", value) for each in wanted)


def _is_named(names: Iterable[str], name: str) -> bool:
    names = tuple(names)
    return not names or name in names


def _names(wanted: str, resource: str, subresource: str) -> bool:
    """Tell whether ``pods``, ``pods/log``, ``pods/*``, ``*/log`` or ``*/*`` names a resource."""
    head, _, tail = wanted.partition("/")
    return head in ("*", resource) and (tail in (subresource, "*"))


def _selects_namespace(selector: Json | None, attempt: Attempt, find: FindNamespace) -> bool:
    if not selector:
        return True
    if attempt.kind is NAMESPACE:
        # Of a namespace its own labels count, before they are stored.
        obj = attempt.object if attempt.object is not None else attempt.old
    elif attempt.namespace:
        obj = find(attempt.namespace)
    else:
        return True
    return matches(_selector(selector), _labels(obj))


def _selects_object(selector: Json | None, attempt: Attempt) -> bool:
    if not selector:
        return True
    wanted = _selector(selector)
    return any(matches(wanted, _labels(obj)) for obj in (attempt.object, attempt.old) if obj is not None)


def _selector(selector: Json) -> LabelSelector:
    return msgspec.convert(selector, LabelSelector)


def _labels(obj: Object | None) -> dict[str, str]:
    return ((obj or {}).get("metadata") or {}).get("labels") or {}
