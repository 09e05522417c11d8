import os
import signal
import sys

import pytest

from netemu.errors import MissingProgramError
from netemu.linux import mounts, probe, process, trials
from netemu.linux.process import ProcessId, ProgramError

ENV = {"PATH": "/usr/bin:/bin"}
SLEEPER = [sys.executable, "-c", "import signal; signal.pause()"]


def test_a_program_gets_its_input_and_environment_and_nothing_else():
    code = "import os, sys; print(sys.stdin.read(), sorted(set(os.environ) - {'LC_CTYPE'}))"
    done = process.run([sys.executable, "-c", code], env={"ONLY": "this"}, timeout_s=30, stdin=b"hello")

    assert (done.exit_code, done.stdout) == (0, b"hello ['ONLY']\n")


def test_a_program_that_takes_too_long_is_killed():
    with pytest.raises(ProgramError, match="did not end within"):
        process.run(SLEEPER, env=ENV, timeout_s=0.3)


def test_a_missing_program_names_its_debian_package():
    with pytest.raises(MissingProgramError) as raised:
        process.run(["bwrap"], env={"PATH": "/nowhere"}, timeout_s=30)

    assert "apt-get install bubblewrap" in raised.value.hint


def test_a_detached_process_lives_in_its_own_session_and_can_be_ended(tmp_path):
    running = process.start_detached(SLEEPER, tmp_path / "log", env=ENV)
    assert process.is_alive(running)
    assert os.getsid(running.pid) == running.pid

    assert process.kill(running, signal.SIGKILL)
    assert process.wait_gone(running, timeout_s=30)
    assert not process.kill(running, signal.SIGKILL)


def test_what_a_detached_process_says_is_in_its_log(tmp_path):
    argv = [sys.executable, "-c", "import sys; print('out'); sys.stderr.write('err')"]
    ended = process.start_detached(argv, tmp_path / "log", env=ENV)

    assert process.wait_gone(ended, timeout_s=30)
    assert sorted((tmp_path / "log").read_text().split()) == ["err", "out"]


def test_a_process_that_has_anothers_pid_is_never_hit(tmp_path):
    running = process.start_detached(SLEEPER, tmp_path / "log", env=ENV)
    before = ProcessId(running.pid, running.start_ticks - 1)

    assert not process.is_alive(before)
    assert not process.kill(before, signal.SIGKILL)
    assert process.is_alive(running)
    process.kill(running, signal.SIGKILL)
    assert process.wait_gone(running, timeout_s=30)


def test_mounts_come_and_go_and_going_twice_is_no_error(tmp_path):
    mounts.tmpfs(tmp_path)
    (tmp_path / "source").mkdir()
    (tmp_path / "a target").mkdir()
    mounts.bind(tmp_path / "source", tmp_path / "a target", read_only=True)
    assert [mount.path for mount in mounts.mounts_below(tmp_path)] == [tmp_path / "a target", tmp_path]
    with pytest.raises(OSError, match="Read-only"):
        (tmp_path / "a target" / "file").touch()

    for _ in range(2):
        mounts.detach(tmp_path / "a target")
        mounts.detach(tmp_path)
    assert mounts.mounts_below(tmp_path) == ()


def test_the_probe_tries_everything_and_leaves_nothing():
    checks = {check.name: check for check in probe.probe()}

    needed = {"kernel", "network namespaces", "veth", "bridge", "vxlan", "nftables nat"}
    assert {name for name in needed if not checks[name].ok} == set()
    assert set(trials.TRIALS) <= set(checks)
