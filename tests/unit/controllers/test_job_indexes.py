"""Sets of numbers as text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netemu.controllers.job_indexes import first_free, parse_indexes, render_indexes


@pytest.mark.parametrize(
    ("indexes", "text"),
    [((), ""), ((3,), "3"), ((0, 1), "0,1"), ((1, 3, 4, 5, 7), "1,3-5,7"), ((0, 1, 2), "0-2")],
)
def test_three_in_a_row_are_a_range(indexes, text):
    assert render_indexes(indexes) == text


@given(st.sets(st.integers(0, 60)))
def test_reading_is_the_inverse_of_writing(indexes):
    assert parse_indexes(render_indexes(indexes), 61) == indexes


def test_what_is_no_number_or_too_high_is_left_out():
    assert parse_indexes("x,1,3-9,12", 5) == {1, 3, 4}
    assert parse_indexes(None, 5) == frozenset()


def test_the_lowest_free_indexes_come_first():
    assert first_free({0, 2}, completions=5, count=2) == [1, 3]
    assert first_free({0, 1}, completions=3, count=5) == [2]
