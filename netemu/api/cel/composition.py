"""Variables of policies, which are made of each other. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from netemu.api.cel.budget import EvaluationError
from netemu.api.cel.program import CompileError, Program, compile_expression

VARIABLES = ("authorizer", "namespaceObject", "object", "oldObject", "params", "request", "variables")
"""What expressions of policies may speak of."""

Json = Mapping[str, Any]
Given = tuple[tuple[str, str], ...]


def optional_variables(spec: Json) -> frozenset[str]:
    """Give the names of a policy's variables whose values may be absent."""
    return _optionals(_given(spec))


def evaluate_variables(spec: Json, values: Json) -> dict[str, Any]:
    """Evaluate a policy's variables in their order; one without a value is missed only by who reads it."""
    made: dict[str, Any] = {}
    for name, program in _programs(_given(spec)):
        try:
            made[name] = program.evaluate({**values, "variables": made})
        except EvaluationError:
            continue
    return made


def _given(spec: Json) -> Given:
    return tuple(
        (each.get("name") or "", each.get("expression") or "") for each in spec.get("variables") or ()
    )


@lru_cache(maxsize=1024)
def _optionals(given: Given) -> frozenset[str]:
    found: frozenset[str] = frozenset()
    for name, text in given:
        try:
            program = compile_expression(text, VARIABLES, optionals=found)
        except CompileError:
            continue
        if program.is_optional:
            found |= {name}
    return found


def _programs(given: Given) -> Iterator[tuple[str, Program]]:
    optionals = _optionals(given)
    for name, text in given:
        # No optional value leaves an expression: it is put into a list, see ``rewriting``.
        shown = f"[?(\n{text}\n)]" if name in optionals else text
        try:
            yield name, compile_expression(shown, VARIABLES, optionals=optionals)
        except CompileError:
            continue
