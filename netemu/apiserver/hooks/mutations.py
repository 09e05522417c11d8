"""MutatingAdmissionPolicies: what CEL makes of a write. Pure.

Source: https://kubernetes.io/docs/reference/access-authn-authz/mutating-admission-policy/ and apiserver
``pkg/admission/plugin/policy/mutating`` (order, words).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from netemu.api import cel, schema
from netemu.api import patch as patches
from netemu.api.apply.merging import merge
from netemu.api.apply.structure import Division, division, item_shape
from netemu.api.cel import mutation
from netemu.api.client import Object
from netemu.api.defaulting import default
from netemu.api.errors import Cause, DecidedElsewhereError, InvalidError
from netemu.api.schema import Shape
from netemu.apiserver.hooks import matching
from netemu.apiserver.hooks.attempt import Attempt
from netemu.apiserver.hooks.bindings import Invocation, Surroundings, values_for
from netemu.apiserver.hooks.review import internal, read_as

Json = Mapping[str, Any]


@dataclass(slots=True)
class Outcome:
    """What policies made of a write; ``asked`` are those that may be asked once more."""

    attempt: Attempt
    asked: set[tuple[str, ...]] = field(default_factory=set)
    problems: list[tuple[str, str]] = field(default_factory=list)
    """What was said against the write, with a reason."""


def mutated(asked: Iterable[Invocation], attempt: Attempt, around: Surroundings) -> Outcome:
    """Give a write as policies want it.

    Raises:
        ApiError: one of them makes no object of its kind of it.

    """
    outcome = Outcome(attempt)
    for invocation in asked:
        said = list(_applied(invocation, outcome, around))
        if not invocation.is_ignorant:
            outcome.problems += said
    return outcome


def refusal(attempt: Attempt, problems: list[tuple[str, str]]) -> DecidedElsewhereError:
    """Say why a write that no policy could complete is refused."""
    return DecidedElsewhereError(
        problems[0][0],
        http_status=403,
        reason=problems[0][1],
        group=attempt.kind.group,
        kind=attempt.kind.resource,
        name=attempt.name,
        causes=tuple(Cause(field="", message=said) for said, _ in problems),
    )


def _applied(invocation: Invocation, outcome: Outcome, around: Surroundings) -> Iterator[tuple[str, str]]:
    """Change a write as one policy wants it; give what cannot be done of it."""
    policy, binding = invocation.names
    denied = f"policy '{policy}' with binding '{binding}' denied request: "
    if invocation.problem:
        yield f"{denied}{invocation.problem}", "Forbidden"
        return
    values = values_for(invocation, outcome.attempt, around)
    try:
        if not matching.meets_conditions(invocation.spec.get("matchConditions") or (), values):
            return
    except (cel.EvaluationError, cel.CompileError) as err:
        yield f"{denied}{err.message}", "Invalid"
        return
    if invocation.spec.get("reinvocationPolicy") == "IfNeeded":
        outcome.asked.add(invocation.key)
    values["variables"] = cel.evaluate_variables(invocation.spec, values)
    for each in invocation.spec.get("mutations") or ():
        attempt = outcome.attempt
        if attempt.object is None:
            return
        try:
            changed = _patched(invocation, each, attempt, {**values, "object": attempt.object})
        except (cel.EvaluationError, cel.CompileError) as err:
            yield f"{denied}{err.message}", "Invalid"
        else:
            outcome.attempt = replace(attempt, object=changed)


def _patched(invocation: Invocation, given: Json, attempt: Attempt, values: Json) -> Object:
    """Give an object as one mutation wants it.

    Raises:
        EvaluationError, CompileError: the expression has no value, or one that cannot be used.
        ApiError: it makes no object of its kind.

    """
    assert attempt.object is not None
    type_ = given["patchType"]
    text = given[mutation.FIELDS[type_]]["expression"]
    optionals = cel.optional_variables(invocation.spec)
    program = mutation.compile_patch(text, type_, cel.VARIABLES, optionals)
    try:
        value = program.evaluate(values)
    except cel.EvaluationError as err:
        raise cel.EvaluationError(f"expression '{text}' resulted in error: {err.message}") from err
    if type_ == mutation.APPLY:
        changed = _merged(attempt, mutation.wish_of(value))
    else:
        changed = _operated(attempt, mutation.operations_of(value))
    if changed is attempt.object or _shape(attempt) is None:
        return changed
    return default(attempt.kind, read_as(attempt, changed))


def _operated(attempt: Attempt, operations: list[dict[str, Any]]) -> Object:
    """Apply a JSON patch; one whose test fails is not applied."""
    assert attempt.object is not None
    try:
        changed = patches.json_patch(attempt.object, operations)
    except InvalidError as err:
        why = err.message.removeprefix(patches.REJECTED)
        if why.endswith(": test failed"):
            return attempt.object
        raise cel.EvaluationError(f"JSONPath: {why}") from err
    if isinstance(changed, dict) and _shape(attempt) is not None and attempt.kind.custom is None:
        unknown = schema.check(attempt.kind, changed).unknown
        if unknown:
            said = ", ".join(cause.message for cause in unknown)
            raise internal(f"strict decoding error: {said}")
    made: Object = changed
    return made


def _merged(attempt: Attempt, wish: dict[str, Any]) -> Object:
    """Merge a wish as server-side apply does, but for who owns what."""
    assert attempt.object is not None
    shape, live = _shape(attempt), attempt.object
    wish = {"apiVersion": live.get("apiVersion"), "kind": live.get("kind"), **wish}
    for said in _undeclared(attempt, wish):
        raise _inapplicable(f"failed to convert patch object to typed object: {said}")
    atomics = list(_atomics(shape, wish, ""))
    if atomics:
        listed = ", ".join(atomics)
        raise _inapplicable(
            f"invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: {listed}"
        )
    merged: Object = merge(shape, live, wish)
    return merged


def _undeclared(attempt: Attempt, wish: Object) -> Iterator[str]:
    if _shape(attempt) is None:
        return
    found = schema.check(attempt.kind, {"metadata": {}, **wish})
    yield from (f".{cause.field}: field not declared in schema" for cause in found.unknown)
    yield from (f".{cause.field}: {cause.message}" for cause in found.wrong)


def _atomics(shape: Shape | None, value: Any, path: str) -> Iterator[str]:
    """Give the places of all that would be replaced as a whole."""
    if not isinstance(value, dict | list):
        return
    if division(shape, value) is Division.WHOLE:
        yield path
    elif isinstance(value, dict):
        for name, each in value.items():
            yield from _atomics(schema.child(shape, name), each, f"{path}.{name}")
    else:
        for index, each in enumerate(value):
            yield from _atomics(item_shape(shape), each, f"{path}[{index}]")


def _shape(attempt: Attempt) -> Shape | None:
    """Give the shape of what is written; none is known of what some subresources are sent."""
    kind = attempt.kind
    is_object = attempt.shown_as == (kind.group, kind.version, kind.kind)
    return schema.shape_of(kind) if is_object else None


def _inapplicable(why: str) -> cel.EvaluationError:
    return cel.EvaluationError(f"error applying patch: {why}")
