"""Make causes in Kubernetes' words: ``Invalid value: 0: must be between …``.

Source: apimachinery ``pkg/util/validation/field`` (how each kind of error is worded).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from netemu.api.errors import Cause

IMMUTABLE = "field is immutable"


def required(field: str, detail: str = "") -> Cause:
    """Say that a value is missing."""
    return Cause(field=field, message=_with("Required value", detail), reason="FieldValueRequired")


def bad_value(field: str, value: Any, detail: str = "") -> Cause:
    """Say that a value, or that there is none, breaks a rule."""
    text = shown("null" if value is None else value)  # Kubernetes quotes it like a text
    return Cause(field=field, message=_with(f"Invalid value: {text}", detail))


def bad_values(field: str, value: Any, details: Iterable[str]) -> Iterable[Cause]:
    """Say, once for each rule, which rules a value breaks."""
    return (bad_value(field, value, detail) for detail in details)


def immutable(field: str, value: Any) -> Cause:
    """Say that a value must stay as it was."""
    return bad_value(field, value, IMMUTABLE)


def not_supported(field: str, value: Any, supported: Iterable[str], *, as_given: bool = False) -> Cause:
    """Say that a value is none of the known ones, which are sorted, or told ``as_given``."""
    known = ", ".join(f'"{name}"' for name in (supported if as_given else sorted(supported)))
    return Cause(
        field=field,
        message=f"Unsupported value: {shown(value)}: supported values: {known}",
        reason="FieldValueNotSupported",
    )


def one_of(field: str, value: Any, supported: Iterable[str]) -> Iterator[Cause]:
    """Ask that a value is one of the known ones."""
    if value not in supported:
        yield not_supported(field, value, supported)


def not_negative(field: str, value: int | None) -> Iterator[Cause]:
    """Ask that a number, if it is there, is not negative."""
    if value is not None and value < 0:
        yield bad_value(field, value, "must be greater than or equal to 0")


def duplicate(field: str, value: Any) -> Cause:
    """Say that a value that must be unique comes again."""
    return Cause(field=field, message=f"Duplicate value: {shown(value)}", reason="FieldValueDuplicate")


def forbidden(field: str, detail: str) -> Cause:
    """Say that a field may not be set, or not be changed."""
    return Cause(field=field, message=f"Forbidden: {detail}", reason="FieldValueForbidden")


def not_found(field: str, value: Any) -> Cause:
    """Say that a value names something that does not exist."""
    return Cause(field=field, message=f"Not found: {shown(value)}", reason="FieldValueNotFound")


def too_long(field: str, limit_bytes: int) -> Cause:
    """Say that a text or the sum of several is too long."""
    return Cause(
        field=field,
        message=f"Too long: may not be more than {limit_bytes} bytes",
        reason="FieldValueTooLong",
    )


def too_many(field: str, count: int, limit: int) -> Cause:
    """Say that a list has too many items."""
    return Cause(
        field=field,
        message=f"Too many: {count}: must have at most {limit} items",
        reason="FieldValueTooMany",
    )


def shown(value: Any) -> str:
    """Write a value as Kubernetes' messages do: as JSON."""
    return msgspec.json.encode(value).decode()


def _with(head: str, detail: str) -> str:
    return f"{head}: {detail}" if detail else head
