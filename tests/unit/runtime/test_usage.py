from __future__ import annotations

import os
import time
from pathlib import Path

from netemu.runtime.usage import processes_usage, written_bytes


def test_a_container_has_used_what_all_its_processes_have():
    until_s = time.process_time() + 0.03
    while time.process_time() < until_s:
        pass
    used = processes_usage({"c1": os.getpid()})

    assert used["c1"][0] > 0
    assert used["c1"][1] > 1 << 20


def test_who_is_not_confined_has_used_no_more_than_itself():
    resident = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    assert processes_usage({"c1": os.getpid()})["c1"][1] < 2 * resident


def test_a_container_that_is_gone_has_used_nothing():
    assert processes_usage({"c1": 2**22 + 1}) == {"c1": [0.0, 0.0]}


def test_nobody_is_looked_for_where_there_is_no_container():
    assert processes_usage({}) == {}


def test_what_lies_over_an_image_was_written(tmp_path):
    (tmp_path / "upper/var").mkdir(parents=True)
    (tmp_path / "upper/var/a").write_bytes(b"x" * 10_000)
    (tmp_path / "upper/b").write_bytes(b"x" * 10_000)
    (tmp_path / "upper/to-a").symlink_to("var/a")

    assert written_bytes(str(tmp_path), 1 << 20) == 0
    (tmp_path / "workdir/work").mkdir(parents=True)
    assert 20_000 <= written_bytes(str(tmp_path), 1 << 20) < 40_000
    assert 1_000 < written_bytes(str(tmp_path), 1_000) < 20_000


def test_nothing_was_written_where_nothing_is(tmp_path):
    assert written_bytes(str(tmp_path / "gone"), 1) == 0
