"""What is opened in a container whose root may have changed all that it sees."""

from __future__ import annotations

import os

import pytest

from netemu.runtime.control import Refusal
from netemu.runtime.programs import open_multiplexer


@pytest.fixture
def opened(tmp_path):
    """Give a file of the machine that nobody is to open, and a container's root."""
    (tmp_path / "machines").touch()
    (tmp_path / "root/dev/pts").mkdir(parents=True)
    return tmp_path / "root/dev/pts/ptmx"


def test_no_link_of_a_container_leads_to_a_file_of_the_machine(tmp_path, opened):
    opened.symlink_to(tmp_path / "machines")

    with pytest.raises(FileNotFoundError):
        open_multiplexer(str(tmp_path / "root"))


@pytest.mark.parametrize(
    "make", [os.mkfifo, lambda path: path.touch(), os.mkdir], ids=["pipe", "file", "directory"]
)
def test_what_makes_no_terminals_is_not_opened(tmp_path, opened, make):
    make(opened)

    with pytest.raises(Refusal, match="makes no terminals"):
        open_multiplexer(str(tmp_path / "root"))


def test_the_machines_own_makes_terminals():
    os.close(open_multiplexer("/"))
