"""The rules of ``x-kubernetes-validations``: what an object breaks of them. Pure.

Source: https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#validation-rules
and apiextensions-apiserver ``pkg/apiserver/schema/cel/validation.go`` (wording).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from msgspec import Struct, field

from netemu.api import cel
from netemu.api.causes import bad_value, duplicate, forbidden, required
from netemu.api.cel.values import visible
from netemu.api.crd.schema import EMBEDDED
from netemu.api.crd.values import ABSENT, item_before
from netemu.api.crd.version import CustomVersion, Json
from netemu.api.errors import Cause

VALIDATIONS = "x-kubernetes-validations"
MAX_MESSAGE = 5120
_OLD_SELF = re.compile(r"(?<![\w.])oldSelf(?!\w)")
_VARIABLES = ("self", "oldSelf")
_OLD_SELVES = "oldSelves"


class Rule(Struct, frozen=True):
    """One rule, as the definition has it."""

    given: Json

    @property
    def text(self) -> str:
        """The expression."""
        return str(self.given.get("rule", ""))

    @property
    def has_optional_old(self) -> bool:
        """Whether it holds for new objects, too, with an ``oldSelf`` that may be absent."""
        return bool(self.given.get("optionalOldSelf"))

    @property
    def reads_old(self) -> bool:
        """Whether it is about a change."""
        return _OLD_SELF.search(self.text) is not None

    def compile(self, text: str) -> cel.Program:
        """Compile the rule, or its message.

        Raises:
            CompileError: it is no expression.

        """
        if not self.has_optional_old:
            return cel.compile_expression(text, _VARIABLES)
        # An optional value cannot be handed in: it is made of a list with one item or none.
        wrapped = f"cel.bind(oldSelf, {_OLD_SELVES}[?0],\n{text}\n)"
        return cel.compile_expression(wrapped, ("self", _OLD_SELVES))


class Guarded(Struct, frozen=True):
    """A part of a schema that has rules, itself or below."""

    schema: Json
    rules: tuple[Rule, ...] = ()
    fields: Mapping[str, Guarded] = field(default_factory=dict)
    values: Guarded | None = None
    items: Guarded | None = None
    is_resource: bool = False


def broken_rules(version: CustomVersion, new: Any, old: Any = ABSENT) -> Iterator[Cause]:
    """Give every rule that an object breaks; with ``old``, also those about changes."""
    guarded = guarded_by(version)
    if guarded is not None:
        budget = cel.Budget()
        try:
            yield from _broken(guarded, new, old, "", budget)
        except cel.OutOfBudgetError as err:
            yield bad_value("", version.schema.get("type", ""), err.message)


@lru_cache(maxsize=256)
def guarded_by(version: CustomVersion) -> Guarded | None:
    """Give the parts of a version's schema that have rules; ``None`` if none has."""
    return guarded_part(version.schema, is_resource=True)


def guarded_part(schema: Any, *, is_resource: bool = False) -> Guarded | None:
    """Give the parts of a schema that have rules; ``None`` if none has."""
    if not isinstance(schema, dict):
        return None
    below = {name: guarded_part(one) for name, one in (schema.get("properties") or {}).items()}
    fields = {name: one for name, one in below.items() if one is not None}
    values, items = guarded_part(schema.get("additionalProperties")), guarded_part(schema.get("items"))
    rules = tuple(Rule(given) for given in schema.get(VALIDATIONS) or ())
    if not (rules or fields or values or items):
        return None
    return Guarded(schema, rules, fields, values, items, is_resource or bool(schema.get(EMBEDDED)))


def _broken(guarded: Guarded, value: Any, old: Any, path: str, budget: cel.Budget) -> Iterator[Cause]:
    if value is None:
        return
    seen: list[Any] = []
    for rule in guarded.rules:
        if rule.reads_old and old is ABSENT and not rule.has_optional_old:
            continue
        if not rule.reads_old and old is not ABSENT and old == value:
            continue  # what was stored before the rule came may stay
        if not seen:
            seen = [visible(guarded.schema, each, is_resource=guarded.is_resource) for each in (value, old)]
        values = _bindings(rule, seen, has_old=old is not ABSENT)
        yield from _checked(rule, guarded.schema, values, path, budget)
    if isinstance(value, dict):
        for name, item in value.items():
            below = guarded.fields.get(name) or guarded.values
            if below is not None:
                was = old.get(name, ABSENT) if isinstance(old, dict) else ABSENT
                yield from _broken(
                    below, item, was, f"{path}{_step(guarded, name)}".removeprefix("."), budget
                )
    elif isinstance(value, list) and guarded.items is not None:
        for index, item in enumerate(value):
            was = item_before(guarded.schema, item, old)
            yield from _broken(guarded.items, item, was, f"{path}[{index}]", budget)


def _step(guarded: Guarded, name: str) -> str:
    return f".{name}" if name in guarded.fields else f"[{name}]"


def _bindings(rule: Rule, seen: list[Any], *, has_old: bool) -> dict[str, Any]:
    if rule.has_optional_old:
        return {"self": seen[0], _OLD_SELVES: seen[1:] if has_old else []}
    return {"self": seen[0], "oldSelf": seen[1]} if has_old else {"self": seen[0]}


def _checked(
    rule: Rule, schema: Json, values: dict[str, Any], path: str, budget: cel.Budget
) -> Iterator[Cause]:
    type_ = schema.get("type", "")
    try:
        holds = rule.compile(rule.text).evaluate(values, budget)
    except cel.CompileError as err:
        yield bad_value(path, type_, f"rule compile error: {err.message}")
    except cel.OutOfBudgetError:
        raise
    except cel.EvaluationError as err:
        said = rule.given.get("message") or rule.text
        yield bad_value(path, type_, f"{err.message} evaluating rule: {said}")
    else:
        if holds is not True:
            yield _cause(
                rule, type_, f"{path}{rule.given.get('fieldPath') or ''}", _message(rule, values, budget)
            )


def _message(rule: Rule, values: dict[str, Any], budget: cel.Budget) -> str:
    """Give what a rule says; what its expression says goes first, if it says something."""
    given: str = (rule.given.get("message") or "").strip()
    expression = rule.given.get("messageExpression")
    if expression:
        try:
            said = rule.compile(expression).evaluate(values, budget)
        except (cel.CompileError, cel.EvaluationError):
            said = ""
        if isinstance(said, str) and said.strip() and "\n" not in said and len(said) <= MAX_MESSAGE:
            return said.strip()
    return given or f"failed rule: {rule.text.strip()}"


def _cause(rule: Rule, type_: str, path: str, message: str) -> Cause:
    match rule.given.get("reason"):
        case "FieldValueForbidden":
            return forbidden(path, message)
        case "FieldValueRequired":
            return required(path, message)
        case "FieldValueDuplicate":
            return duplicate(path, type_)
        case _:
            return bad_value(path, type_, message)
