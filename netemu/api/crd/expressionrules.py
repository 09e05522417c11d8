"""Whether the rules of ``x-kubernetes-validations`` are rules: checked with their definition. Pure.

Source: apiextensions-apiserver ``pkg/apis/apiextensions/validation`` (wording).
"""

from __future__ import annotations

from collections.abc import Iterator

from netemu.api import cel
from netemu.api.causes import bad_value, not_supported, required
from netemu.api.cel.fields import as_root, complaints
from netemu.api.crd.expressions import VALIDATIONS, Guarded, Rule, guarded_part
from netemu.api.crd.version import Json
from netemu.api.errors import Cause

REASONS = ("FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired")
MAX_MESSAGE = 2048


def check_expressions(schema: Json, path: str) -> Iterator[Cause]:
    """Check all rules of a version's schema, which is structural."""
    guarded = guarded_part(schema, is_resource=True)
    if guarded is not None:
        yield from _check_part(guarded, path, "")


def _check_part(guarded: Guarded, path: str, uncorrelatable: str) -> Iterator[Cause]:
    """Check the rules of one part; ``uncorrelatable`` is where its values lose their past."""
    for index, rule in enumerate(guarded.rules):
        yield from _check_rule(guarded, rule, f"{path}.{VALIDATIONS}[{index}]", uncorrelatable)
    for name, below in guarded.fields.items():
        yield from _check_part(below, f"{path}.properties[{name}]", uncorrelatable)
    if guarded.values is not None:
        yield from _check_part(guarded.values, f"{path}.additionalProperties", uncorrelatable)
    if guarded.items is not None:
        is_keyed = guarded.schema.get("x-kubernetes-list-type") == "map"
        lost = uncorrelatable or ("" if is_keyed else path)
        yield from _check_part(guarded.items, f"{path}.items", lost)


def _check_rule(guarded: Guarded, rule: Rule, path: str, uncorrelatable: str) -> Iterator[Cause]:
    given = rule.given
    if not rule.text.strip():
        yield required(f"{path}.rule", "rule is not specified")
        return
    message = given.get("message") or ""
    if given.get("message") is not None and message and not message.strip():
        yield bad_value(f"{path}.message", message, "message must be non-empty if specified")
    elif "\n" in message.strip():
        yield bad_value(f"{path}.message", message, "message must not contain line breaks")
    elif "\n" in rule.text.strip() and not message.strip():
        yield required(f"{path}.message", "message must be specified if rule contains line breaks")
    if len(message) > MAX_MESSAGE:
        yield bad_value(
            f"{path}.message", f"{message[:10]}...", f"must have a maximum length of {MAX_MESSAGE}"
        )
    if given.get("reason") and given["reason"] not in REASONS:
        yield not_supported(f"{path}.reason", given["reason"], REASONS)
    yield from _check_text(guarded, rule, rule.text, f"{path}.rule", "bool")
    if given.get("messageExpression"):
        yield from _check_text(
            guarded, rule, given["messageExpression"], f"{path}.messageExpression", "string"
        )
    if uncorrelatable and rule.reads_old:
        yield bad_value(
            f"{path}.rule",
            rule.text,
            f"oldSelf cannot be used on the uncorrelatable portion of the schema within {uncorrelatable}",
        )


def _check_text(guarded: Guarded, rule: Rule, text: str, path: str, wanted: str) -> Iterator[Cause]:
    is_rule = wanted == "bool"
    try:
        program = rule.compile(text)
    except cel.CompileError as err:
        head = "compilation failed" if is_rule else "messageExpression compilation failed"
        yield bad_value(path, text, f"{head}: {err.message}")
        return
    schema = as_root(guarded.schema) if guarded.is_resource else guarded.schema
    if not rule.has_optional_old:
        unknown = complaints(program, {"self": schema, "oldSelf": schema})
        if unknown:
            yield bad_value(path, text, f"compilation failed: {unknown}")
    if program.type not in (wanted.upper(), "DYN"):
        what = (
            "cel expression must evaluate to a bool"
            if is_rule
            else ("messageExpression must evaluate to a string")
        )
        yield bad_value(path, text, what)
