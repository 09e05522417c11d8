"""The demo's steps make sense before any of them is played."""

import re
import runpy
import shlex
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent.parent
STEPS = [
    step for part in runpy.run_path(str(ROOT / "scripts/demo_steps.py"))["PARTS"].values() for step in part
]


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.command[:60])
def test_a_step_says_what_it_shows_and_its_patterns_can_be_read(step):
    assert step.shows
    assert all(re.compile(pattern) for pattern in (*step.expect, *step.absent))
    assert all(re.compile(pattern).groups == 1 for pattern in step.captures.values())


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.command[:60])
def test_a_step_s_files_are_there(step):
    files = [word for word in shlex.split(step.command) if word.startswith("tests/")]

    assert [file for file in files if not (ROOT / file).is_file()] == []


def test_what_a_step_uses_was_captured_before():
    captured = set()
    for step in STEPS:
        texts = (step.command, step.shows, *step.expect, *step.absent)
        used = {name for text in texts for name in re.findall(r"<([a-z_]+)>", text)} - {"pending"}
        assert used <= captured
        captured |= set(step.captures)
