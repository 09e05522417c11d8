"""A copy of a process that becomes another program: to all who look, it was executed."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from netemu.linux import copies

PROGRAM = """
import json, os, signal, sys

def main():
    with open("/proc/self/cmdline") as cmdline, open("/proc/self/environ") as environ:
        shown = {"argv": cmdline.read().split("\\0")[:-1], "env": environ.read().split("\\0")[:-1]}
    shown["own_argv"] = sys.argv
    shown["own_env"] = dict(os.environ)
    shown["session"] = os.getsid(0) == os.getpid()
    shown["streams"] = [os.readlink(f"/proc/self/fd/{number}") for number in range(3)]
    shown["others"] = [os.path.exists(f"/proc/self/fd/{number}") for number in range(3, 20)]
    shown["pipe_signal_ignored"] = signal.getsignal(signal.SIGPIPE) is signal.SIG_IGN
    print(json.dumps(shown))
    {end}
"""
STARTER = """
import os, signal, sys
from pathlib import Path
from netemu.linux.process import start_copied, wait_gone

sys.path.insert(0, sys.argv[1])
signal.signal(signal.SIGPIPE, signal.SIG_DFL)
inherited = [os.open(os.devnull, os.O_RDONLY) for _ in range(5)]
argv = (sys.executable, "-P", "-m", sys.argv[2], "--word", "a b")
made = start_copied(argv, Path(sys.argv[1], "log"), env={"ONE": "1", "TWO": "zwei"})
_pid, status = os.waitpid(made.pid, 0)
sys.exit(os.waitstatus_to_exitcode(status))
"""
NOWHERE = """
import sys
from netemu.linux import copies

parts = copies.Parts()
parts.start_code = 0
copies.become(parts, (sys.executable, "-P", "-m", "json.tool", "--compact"), {})
"""


@pytest.fixture
def run(tmp_path):
    """Have a new interpreter, which has one thread, start a copy; give its exit code and its log."""

    def run(end: str = "", file: str = "program.py", module: str = "program") -> tuple[int, str]:
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_text(PROGRAM.replace("{end}", end))
        done = subprocess.run([sys.executable, "-c", STARTER, str(tmp_path), module], check=False)
        return done.returncode, (tmp_path / "log").read_text()

    return run


def test_a_copy_is_shown_as_what_it_became(run):
    code, log = run()

    shown = json.loads(log)
    assert code == 0
    assert shown["argv"] == [sys.executable, "-P", "-m", "program", "--word", "a b"]
    assert shown["env"] == ["ONE=1", "TWO=zwei"]


def test_a_copy_has_nothing_of_what_it_was(run, tmp_path):
    _code, log = run()

    shown = json.loads(log)
    assert shown["own_argv"] == ["program", "--word", "a b"]
    assert shown["own_env"] == {"ONE": "1", "TWO": "zwei"}
    assert shown["streams"] == ["/dev/null", str(tmp_path / "log"), str(tmp_path / "log")]
    assert not any(shown["others"])
    assert shown["session"]
    assert shown["pipe_signal_ignored"]


def test_a_package_runs_as_its_main_module(run):
    code, log = run("return 0", file="package/__main__.py", module="package")

    assert code == 0
    assert json.loads(log)["own_argv"] == ["package", "--word", "a b"]


@pytest.mark.parametrize(
    ("end", "code", "said"),
    [
        pytest.param("return 3", 3, "", id="returned"),
        pytest.param("sys.exit()", 0, "", id="left"),
        pytest.param("sys.exit('no more')", 1, "no more", id="left-with-words"),
        pytest.param("raise ValueError('odd')", 1, "ValueError: odd", id="failed"),
    ],
)
def test_a_copy_ends_as_an_interpreter_does(run, end, code, said):
    ended, log = run(end)

    assert ended == code
    assert said in log


def test_what_the_kernel_does_not_show_as_a_copy_is_executed():
    done = subprocess.run([sys.executable, "-c", NOWHERE], input=b"[1, 2]", capture_output=True, check=True)

    assert done.stdout == b"[1,2]\n"


def test_only_our_interpreter_with_a_module_can_be_a_copy():
    assert copies.is_own((sys.executable, "-P", "-m", "netemu.dns.server"))
    assert not copies.is_own((sys.executable, "-m", "netemu.dns.server"))
    assert not copies.is_own(("sleep", "1000"))
