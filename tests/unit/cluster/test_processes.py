"""The processes beside the daemon: how they are started."""

from __future__ import annotations

import subprocess

import pytest

from netemu.cluster.processes import end_processes, ensure_process, environment, find_process, python
from netemu.cluster.record import Record

ASLEEP = ("sleep", "60")


def test_modules_of_the_callers_directory_are_not_taken_for_ours(tmp_path):
    (tmp_path / "json.py").write_text("raise SystemExit('not this one')")

    done = subprocess.run(
        python("json.tool", "--compact"),
        cwd=tmp_path,
        env=environment(),
        input=b"{}",
        capture_output=True,
        check=False,
    )

    assert (done.returncode, done.stdout.strip()) == (0, b"{}")


@pytest.fixture
def record(tmp_path):
    record = Record(tmp_path)
    yield record
    end_processes(record, ["server"])


def test_a_process_that_runs_is_not_started_twice(record, tmp_path):
    started = ensure_process(record, "server", ASLEEP, tmp_path / "log")

    assert ensure_process(record, "server", ASLEEP, tmp_path / "log") == started


def test_a_process_is_found_though_its_starter_died_before_it_noted_which_one_it_is(record, tmp_path):
    started = ensure_process(record, "server", ASLEEP, tmp_path / "log")
    record.add("process", "server", {"mark": record.facts("process", "server")["mark"]})

    assert find_process(record, "server") == started


def test_nobody_is_found_whose_starter_died_before_it_started_one(record):
    record.add("process", "server", {"mark": "0123456789abcdef"})

    assert find_process(record, "server") is None


def test_nobody_is_found_of_whom_only_the_name_is_noted(record):
    record.add("process", "server")

    assert find_process(record, "server") is None
