"""Quantities: what is one, and how much it is."""

from fractions import Fraction

import pytest

from netemu.api import quantity


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", Fraction(0)),
        ("100m", Fraction(1, 10)),
        ("1.5", Fraction(3, 2)),
        (".5", Fraction(1, 2)),
        ("1.", Fraction(1)),
        ("64Mi", Fraction(64 * 2**20)),
        ("1k", Fraction(1000)),
        ("1e3", Fraction(1000)),
        ("1E3", Fraction(1000)),
        ("2E", Fraction(2 * 10**18)),
        ("5n", Fraction(5, 10**9)),
        ("-1Ki", Fraction(-1024)),
        (2, Fraction(2)),
        (0.5, Fraction(1, 2)),
    ],
)
def test_a_quantity_is_read_exactly(text, value):
    assert quantity.parse(text) == value


@pytest.mark.parametrize("text", ["", "m", "1x", "1 Mi", "1mm", "0x10", "1e", "1.2.3", "Mi", "١"])
def test_what_is_no_quantity_is_refused(text):
    assert not quantity.is_valid(text)
    with pytest.raises(ValueError, match="quantities must match"):
        quantity.parse(text)
