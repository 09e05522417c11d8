"""Quantities in expressions. Pure.

Source: apiserver ``pkg/cel/library/quantity.go``.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from netemu.api import quantity as syntax

Value = dict[str, Any]


def quantity(text: str) -> Value:
    """Read a quantity.

    Raises:
        ValueError: it is none.

    """
    return _made(syntax.parse(text))


def is_quantity(text: str) -> bool:
    """Tell whether a text is a quantity."""
    return syntax.is_valid(text)


def is_integer(value: Value) -> bool:
    """Tell whether ``asInteger`` works."""
    return _of(value).denominator == 1 and -(1 << 63) <= _of(value) < 1 << 63


def as_integer(value: Value) -> int:
    """Give the whole number that it is.

    Raises:
        ValueError: it is none.

    """
    if not is_integer(value):
        raise ValueError("cannot convert value to integer")
    return int(_of(value))


def as_float(value: Value) -> float:
    """Give it as a number that may be a little off."""
    return float(_of(value))


def sign(value: Value) -> int:
    """Give -1, 0 or 1."""
    return compare(value, _made(Fraction(0)))


def add(value: Value, other: Value) -> Value:
    """Add two quantities."""
    return _made(_of(value) + _of(other))


def add_number(value: Value, other: int) -> Value:
    """Add a number."""
    return _made(_of(value) + other)


def subtract(value: Value, other: Value) -> Value:
    """Take a quantity away."""
    return _made(_of(value) - _of(other))


def subtract_number(value: Value, other: int) -> Value:
    """Take a number away."""
    return _made(_of(value) - other)


def compare(value: Value, other: Value) -> int:
    """Give -1, 0 or 1: less, equal, greater."""
    return (_of(value) > _of(other)) - (_of(value) < _of(other))


def is_less(value: Value, other: Value) -> bool:
    """Tell whether it is less."""
    return _of(value) < _of(other)


def is_greater(value: Value, other: Value) -> bool:
    """Tell whether it is more."""
    return _of(value) > _of(other)


def _made(number: Fraction) -> Value:
    return {"kubernetes.Quantity": str(number)}


def _of(value: Value) -> Fraction:
    found = value.get("kubernetes.Quantity")
    if not isinstance(found, str):
        raise TypeError("no such overload")
    return Fraction(found)
