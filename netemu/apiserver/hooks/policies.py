"""ValidatingAdmissionPolicies: what CEL says of a write. Pure.

Source: https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/ and apiserver
``pkg/admission/plugin/policy/validating`` (words).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from netemu.api import cel
from netemu.api.client import Object
from netemu.api.errors import Cause, DecidedElsewhereError
from netemu.api.kinds import Kind
from netemu.api.selectors import matches
from netemu.api.views.meta import LabelSelector
from netemu.apiserver.hooks import matching
from netemu.apiserver.hooks.attempt import Attempt
from netemu.apiserver.hooks.matching import FindNamespace, Versions

VARIABLES = ("authorizer", "namespaceObject", "object", "oldObject", "params", "request", "variables")
_CODES = {"Unauthorized": 401, "Forbidden": 403, "RequestEntityTooLarge": 413}

Json = Mapping[str, Any]
Params = Callable[[Json, Json, str], list[Object] | None]
"""Finds the parameters of a policy's kind that a binding names: ``None`` where there is no such kind."""


@dataclass(frozen=True, slots=True)
class Decision:
    """A rule of a policy that a write breaks, as one binding sees it."""

    policy: str
    binding: str
    message: str
    reason: str
    actions: tuple[str, ...]

    def warning(self) -> str:
        """Say it to a client whose write goes on all the same."""
        return (
            f"Validation failed for ValidatingAdmissionPolicy '{self.policy}' with binding"
            f" '{self.binding}': {self.message}"
        )


def decisions(
    policies: Iterable[Object],
    bindings: Iterable[Object],
    attempt: Attempt,
    versions: Versions,
    find_namespace: FindNamespace,
    find_params: Params,
) -> Iterator[Decision]:
    """Give all that is broken, in the order of policies and bindings."""
    bindings = tuple(bindings)
    for policy in policies:
        name, spec = policy["metadata"]["name"], policy["spec"]
        if not _matches(spec.get("matchConstraints") or {}, attempt, versions, find_namespace):
            continue
        for binding in bindings:
            bound = binding["spec"]
            if bound["policyName"] != name or not _matches_binding(bound, attempt, versions, find_namespace):
                continue
            label, actions = binding["metadata"]["name"], tuple(bound.get("validationActions") or ())
            for message, reason in _broken(spec, bound, attempt, find_namespace, find_params):
                yield Decision(name, label, message, reason, actions)


def refusal(attempt: Attempt, decision: Decision) -> DecidedElsewhereError:
    """Say that a policy refuses a write."""
    kind, name = attempt.kind, attempt.name
    what = f'{kind.key} "{name}" is forbidden' if name else f"{kind.key} is forbidden"
    said = (
        f"ValidatingAdmissionPolicy '{decision.policy}' with binding '{decision.binding}' denied request:"
        f" {decision.message}"
    )
    return DecidedElsewhereError(
        f"{what}: {said}",
        http_status=_CODES.get(decision.reason, 422),
        reason=decision.reason,
        group=kind.group,
        kind=kind.resource,
        name=name,
        causes=(Cause(field="", message=said),),
    )


def _matches(matched: Json, attempt: Attempt, versions: Versions, find: FindNamespace) -> bool:
    is_exact = matched.get("matchPolicy") == "Exact"
    excluded = matched.get("excludeResourceRules") or ()
    if matching.wanted_kind(excluded, attempt, versions, is_exact=is_exact) is not None:
        return False
    rules = matched.get("resourceRules") or ()
    if matching.wanted_kind(rules, attempt, versions, is_exact=is_exact) is None:
        return False
    return matching.selects(matched, attempt, find)


def _matches_binding(bound: Json, attempt: Attempt, versions: Versions, find: FindNamespace) -> bool:
    matched = bound.get("matchResources")
    if not matched:
        return True
    if matched.get("resourceRules"):
        return _matches(matched, attempt, versions, find)
    excluded = matched.get("excludeResourceRules") or ()
    if matching.wanted_kind(excluded, attempt, versions) is not None:
        return False
    return matching.selects(matched, attempt, find)


def _broken(
    spec: Json, bound: Json, attempt: Attempt, find: FindNamespace, find_params: Params
) -> Iterator[tuple[str, str]]:
    """Give message and reason of each rule that is broken, for each of the parameters."""
    is_ignorant = spec.get("failurePolicy") == "Ignore"
    for params in _all_params(spec, bound, attempt, find_params):
        if isinstance(params, str):
            if not is_ignorant:
                yield params, "Invalid"
            continue
        values = _values(attempt, params, find)
        try:
            if not matching.meets_conditions(spec.get("matchConditions") or (), values):
                continue
        except (cel.EvaluationError, cel.CompileError) as err:
            if not is_ignorant:
                yield err.message, "Invalid"
            continue
        values["variables"] = _variables(spec.get("variables") or (), values)
        for rule in spec.get("validations") or ():
            said = _checked(rule, values, is_ignorant=is_ignorant)
            if said is not None:
                yield said, rule.get("reason") or "Invalid"


def _all_params(
    spec: Json, bound: Json, attempt: Attempt, find_params: Params
) -> Iterator[Object | str | None]:
    """Give each parameter that a binding names; a text says why there is none."""
    kind, ref = spec.get("paramKind"), bound.get("paramRef")
    if not kind or not ref:
        yield None
        return
    found = find_params(kind, ref, attempt.namespace)
    if found is None:
        yield (
            f"failed to configure binding: failed to find resource referenced by paramKind:"
            f" '{kind.get('apiVersion')}, Kind={kind.get('kind')}'"
        )
    elif found:
        yield from found
    elif ref.get("parameterNotFoundAction", "Deny") == "Deny":
        yield (
            "failed to configure binding: no params found for policy binding with `Deny`"
            " parameterNotFoundAction"
        )


def selected_params(found: Iterable[Object], ref: Json) -> list[Object]:
    """Give those of all possible parameters that a reference selects."""
    if ref.get("name"):
        return [obj for obj in found if obj["metadata"]["name"] == ref["name"]]
    wanted = msgspec.convert(ref.get("selector") or {}, LabelSelector)
    return [obj for obj in found if matches(wanted, obj["metadata"].get("labels") or {})]


def _values(attempt: Attempt, params: Object | None, find: FindNamespace) -> dict[str, Any]:
    namespace = find(attempt.namespace) if attempt.namespace and attempt.kind.namespaced else None
    return {
        "object": attempt.object,
        "oldObject": attempt.old,
        "authorizer": attempt.authorizer(),
        "request": attempt.request(""),
        "params": params,
        "namespaceObject": namespace,
        "variables": {},
    }


def _variables(given: Iterable[Json], values: Mapping[str, Any]) -> dict[str, Any]:
    """Evaluate variables in their order; one without a value is missed only by who reads it."""
    made: dict[str, Any] = {}
    for variable in given:
        try:
            program = cel.compile_expression(variable["expression"], VARIABLES)
            made[variable["name"]] = program.evaluate({**values, "variables": made})
        except (cel.EvaluationError, cel.CompileError):
            continue
    return made


def _checked(rule: Json, values: Mapping[str, Any], *, is_ignorant: bool) -> str | None:
    expression = rule["expression"]
    try:
        holds = cel.compile_expression(expression, VARIABLES).evaluate(values)
    except cel.CompileError as err:
        return None if is_ignorant else f"compilation error: compilation failed: {err.message}"
    except cel.EvaluationError as err:
        return None if is_ignorant else f"expression '{expression}' resulted in error: {err.message}"
    return None if holds is True else _message(rule, values)


def _message(rule: Json, values: Mapping[str, Any]) -> str:
    if rule.get("messageExpression"):
        try:
            said = cel.compile_expression(rule["messageExpression"], VARIABLES).evaluate(values)
        except (cel.CompileError, cel.EvaluationError):
            said = ""
        if isinstance(said, str) and said.strip() and "\n" not in said:
            return said.strip()
    given: str = (rule.get("message") or "").strip()
    return given or f"failed expression: {rule['expression'].strip()}"


def is_kind_of(kind: Kind, param_kind: Json) -> bool:
    """Tell whether a kind is the one that a policy takes its parameters from."""
    return (kind.api_version, kind.kind) == (param_kind.get("apiVersion"), param_kind.get("kind"))
