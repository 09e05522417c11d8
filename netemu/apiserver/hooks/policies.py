"""ValidatingAdmissionPolicies: what CEL says of a write. Pure.

Source: https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/ and apiserver
``pkg/admission/plugin/policy/validating`` (words).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from netemu.api import cel
from netemu.api.errors import Cause, DecidedElsewhereError
from netemu.apiserver.hooks import matching
from netemu.apiserver.hooks.attempt import Attempt
from netemu.apiserver.hooks.bindings import Invocation, Surroundings, values_for

_CODES = {"Unauthorized": 401, "Forbidden": 403, "RequestEntityTooLarge": 413}

Json = Mapping[str, Any]


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


def decisions(asked: Iterable[Invocation], attempt: Attempt, around: Surroundings) -> Iterator[Decision]:
    """Give all that is broken, in the order in which policies are asked."""
    for invocation in asked:
        actions = tuple(invocation.binding["spec"].get("validationActions") or ())
        for message, reason in _broken(invocation, attempt, around):
            yield Decision(*invocation.names, message, reason, actions)


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


def _broken(invocation: Invocation, attempt: Attempt, around: Surroundings) -> Iterator[tuple[str, str]]:
    """Give message and reason of each rule that is broken."""
    spec, is_ignorant = invocation.spec, invocation.is_ignorant
    if invocation.problem:
        if not is_ignorant:
            yield invocation.problem, "Invalid"
        return
    values = values_for(invocation, attempt, around)
    try:
        if not matching.meets_conditions(spec.get("matchConditions") or (), values):
            return
    except (cel.EvaluationError, cel.CompileError) as err:
        if not is_ignorant:
            yield err.message, "Invalid"
        return
    values["variables"] = cel.evaluate_variables(spec, values)
    optionals, budget = cel.optional_variables(spec), cel.Budget()
    for rule in spec.get("validations") or ():
        said = _checked(rule, values, optionals, budget, is_ignorant=is_ignorant)
        if said is not None:
            yield said, rule.get("reason") or "Invalid"


def _checked(
    rule: Json, values: Json, optionals: frozenset[str], budget: cel.Budget, *, is_ignorant: bool
) -> str | None:
    expression = rule["expression"]
    try:
        holds = cel.compile_expression(expression, cel.VARIABLES, optionals=optionals).evaluate(
            values, budget
        )
    except cel.CompileError as err:
        return None if is_ignorant else f"compilation error: compilation failed: {err.message}"
    except cel.EvaluationError as err:
        return None if is_ignorant else f"expression '{expression}' resulted in error: {err.message}"
    return None if holds is True else _message(rule, values, optionals, budget)


def _message(rule: Json, values: Json, optionals: frozenset[str], budget: cel.Budget) -> str:
    if rule.get("messageExpression"):
        try:
            program = cel.compile_expression(rule["messageExpression"], cel.VARIABLES, optionals=optionals)
            said = program.evaluate(values, budget)
        except (cel.CompileError, cel.EvaluationError):
            said = ""
        if isinstance(said, str) and said.strip() and "\n" not in said:
            return said.strip()
    given: str = (rule.get("message") or "").strip()
    return given or f"failed expression: {rule['expression'].strip()}"
