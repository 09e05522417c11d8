"""Resource quantities: ``100m``, ``1.5``, ``64Mi``, ``1e3``.

Source: apimachinery ``pkg/api/resource`` as the API reference describes it.
"""

from __future__ import annotations

import re
from fractions import Fraction

WORDS = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"

_SYNTAX = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))([numkMGTPE]|[KMGTPE]i|[eE][+-]?\d{1,3})?", re.ASCII)
_DECIMAL = {unit: Fraction(1000) ** (place - 3) for place, unit in enumerate(["n", "u", "m", "", *"kMGTPE"])}
_BINARY = {f"{unit}i": Fraction(1024) ** place for place, unit in enumerate("KMGTPE", start=1)}
_POWERS = _DECIMAL | _BINARY


def is_valid(text: str) -> bool:
    """Tell whether text is a quantity."""
    return _SYNTAX.fullmatch(text) is not None


def parse(value: str | float) -> Fraction:
    """Read a quantity exactly; a JSON number is taken as its text.

    Raises:
        ValueError: it is none.

    """
    match = _SYNTAX.fullmatch(str(value))
    if match is None:
        raise ValueError(f"{value!r}: {WORDS}")
    number, unit = match[1], match[2] or ""
    if unit in _POWERS:
        return Fraction(number) * _POWERS[unit]
    return Fraction(number) * Fraction(10) ** int(unit[1:])
