"""Played programs end with the codes of those that they play."""

from __future__ import annotations

import signal
from typing import get_args

import pytest

from netemu.standin import exits
from netemu.standin.catalogue import App
from netemu.standin.exits import exit_code


@pytest.mark.parametrize(
    ("app", "signum", "code"),
    [
        ("nginx", signal.SIGTERM, 0),
        ("pause", signal.SIGTERM, 0),
        ("netexec", signal.SIGTERM, 0),
        ("liveness", signal.SIGTERM, 2),
        ("agnhost-pause", signal.SIGTERM, 2),
        ("nginx", signal.SIGKILL, 137),
    ],
)
def test_a_signal_ends_a_program_with_a_code(app, signum, code):
    assert exit_code(app, signum) == code


def test_all_that_are_named_can_be_played():
    assert set(get_args(App)) >= exits.HEEDLESS
