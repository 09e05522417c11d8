"""The processes beside the daemon: how they are started."""

from __future__ import annotations

import subprocess

from netemu.cluster.processes import environment, python


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
