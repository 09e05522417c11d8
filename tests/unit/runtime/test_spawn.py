from __future__ import annotations

import os
import signal

import pytest

from netemu.runtime.spawn import SpawnError, exit_code, find_child, spawn


@pytest.fixture
def null():
    fd = os.open(os.devnull, os.O_RDWR)
    yield fd
    os.close(fd)


def run(argv, env, null, **options):
    """Run a program to its end; give its output and exit code."""
    read, write = os.pipe()
    pid = spawn(argv, env, descriptors=(null, write, write), **options)
    os.close(write)
    with open(read, "rb") as output:
        said = output.read()
    return said.decode(), exit_code(os.waitpid(pid, 0)[1])


def test_a_program_gets_its_environment_and_no_other(null):
    assert run(["/usr/bin/env"], {"A": "b"}, null) == ("A=b\n", 0)


def test_a_program_gets_no_descriptor_that_was_not_passed(null):
    extra = os.dup(null)
    os.set_inheritable(extra, True)
    listed, _ = run(["/usr/bin/ls", "/proc/self/fd"], {}, null)
    os.close(extra)

    assert listed.split() == ["0", "1", "2", "3"]  # 3 is ls's own


def test_a_program_is_the_leader_of_its_session(null):
    said, _ = run(["/usr/bin/sh", "-c", "cut -d' ' -f1,6 /proc/$$/stat"], {"PATH": "/usr/bin"}, null)
    pid, session = said.split()

    assert pid == session


def test_a_closed_pipe_ends_a_program_as_everywhere(null):
    assert run(["/usr/bin/sh", "-c", "kill -PIPE $$; echo survived"], {}, null) == ("", 128 + signal.SIGPIPE)


def test_a_program_that_does_not_exist_is_an_error_here(null):
    with pytest.raises(SpawnError, match="No such file"):
        spawn(["/no/such/program"], {}, descriptors=(null, null, null))


def test_what_fails_while_it_is_prepared_is_an_error_here(null):
    def prepare():
        raise OSError("no such namespace")

    with pytest.raises(SpawnError, match="no such namespace"):
        spawn(["/usr/bin/true"], {}, descriptors=(null, null, null), prepare=prepare)


def test_the_child_of_a_child_is_found(null):
    read, write = os.pipe()
    pid = spawn(
        ["/usr/bin/sh", "-c", "sleep 60 & echo $!; wait"],
        {"PATH": "/usr/bin"},
        descriptors=(null, write, null),
    )
    os.close(write)
    with open(read, "rb", buffering=0) as output:
        grandchild = int(output.readline())
        found = find_child(pid)
    os.killpg(pid, signal.SIGKILL)
    os.waitpid(pid, 0)

    assert found == grandchild


def test_who_has_no_child_has_none(null):
    pid = spawn(["/usr/bin/sleep", "60"], {}, descriptors=(null, null, null))
    found = find_child(pid)
    os.kill(pid, signal.SIGKILL)
    status = os.waitpid(pid, 0)[1]

    assert found == 0
    assert exit_code(status) == 137
