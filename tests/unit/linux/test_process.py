import os

import pytest

from netemu.linux import process
from netemu.linux.process import ProcessId


def test_this_process_is_alive():
    own = process.process_id(os.getpid())

    assert own is not None
    assert process.is_alive(own)


def test_the_same_pid_with_another_start_is_another_process():
    own = process.process_id(os.getpid())

    assert not process.is_alive(ProcessId(own.pid, own.start_ticks + 1))


def test_a_pid_that_nobody_has():
    assert process.process_id(2**22 + 1) is None
    assert not process.is_alive(ProcessId(2**22 + 1, 1))


@pytest.mark.parametrize(("name", "package"), [("nft", "nftables"), ("/usr/bin/bwrap", "bubblewrap")])
def test_a_missing_program_names_its_package(name, package):
    assert f"apt-get install {package}" in process.missing_program(name).hint


def test_an_unknown_program_has_a_hint_too():
    assert "PATH" in process.missing_program("frobnicate").hint
