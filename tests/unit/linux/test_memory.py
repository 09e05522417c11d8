"""When memory is given back."""

from __future__ import annotations

import pytest

from netemu.linux.libc import give_back_memory
from netemu.linux.memory import is_due


@pytest.mark.parametrize(
    ("worked_s", "lately_s", "expected"),
    [
        pytest.param(3.0, 0.01, True, id="a-burst-is-over"),
        pytest.param(3.0, 0.9, False, id="in-a-burst"),
        pytest.param(0.05, 0.01, False, id="nothing-was-done"),
    ],
)
def test_memory_is_given_back_when_a_burst_is_over(worked_s, lately_s, expected):
    assert is_due(worked_s, lately_s) is expected


def test_what_is_in_use_stays():
    kept = [bytes([number]) * 5_000 for number in range(200)]

    give_back_memory()

    assert [block[-1] for block in kept] == list(range(200))
