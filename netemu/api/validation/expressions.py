"""The rules of expressions that others of Kubernetes' objects have in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from netemu.api import cel, syntax
from netemu.api.causes import bad_value, bad_values, duplicate, required, too_many
from netemu.api.errors import Cause

MAX_CONDITIONS = 64

Json = Mapping[str, Any]
Variables = tuple[str, ...]


def check_conditions(of: Json, path: str, variables: Variables) -> Iterator[Cause]:
    """Check the ``matchConditions`` of something."""
    conditions = of.get("matchConditions") or ()
    if len(conditions) > MAX_CONDITIONS:
        yield too_many(path, len(conditions), MAX_CONDITIONS)
    seen: set[str] = set()
    for index, condition in enumerate(conditions):
        name = condition.get("name", "")
        text, at = condition.get("expression", ""), f"{path}[{index}].expression"
        yield from check_expression(text, at, variables, "BOOL")
        if not name:
            yield required(f"{path}[{index}].name")
            continue
        yield from bad_values(f"{path}[{index}].name", name, syntax.qualified_name(name))
        if name in seen:
            yield duplicate(f"{path}[{index}].name", name)
        seen.add(name)


def check_expression(
    text: str,
    path: str,
    variables: Variables,
    *wanted: str,
    missing: str = "",
    optionals: frozenset[str] = frozenset(),
) -> Iterator[Cause]:
    """Check an expression, whose value is of one of the types that are ``wanted``, if any are."""
    if not text.strip():
        yield required(path, missing)
        return
    try:
        program = cel.compile_expression(text, variables, optionals=optionals)
    except cel.CompileError as err:
        yield bad_value(path, text, f"compilation failed: {err.message}")
        return
    if wanted and program.type not in (*wanted, "DYN"):
        yield bad_value(path, text, must_be(*wanted))


def must_be(*types: str) -> str:
    """Say of which type a value must be."""
    names = [each.lower() + "_type" * (each == "NULL") for each in types]
    return (
        f"must evaluate to {names[0]}" if len(names) == 1 else f"must evaluate to one of [{' '.join(names)}]"
    )
