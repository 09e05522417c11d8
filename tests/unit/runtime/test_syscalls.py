"""Files that containers write, read from outside."""

from __future__ import annotations

import os

import pytest

from netemu.runtime.syscalls import read_in_root


@pytest.fixture
def volume(tmp_path):
    """A volume with a file, and a secret beside it."""
    (tmp_path / "volume/etc").mkdir(parents=True)
    (tmp_path / "volume/etc/passwd").write_text("the container's")
    (tmp_path / "secret").write_text("the machine's")
    return tmp_path / "volume"


def test_a_link_leads_where_it_leads_in_the_container(volume):
    (volume / "link").symlink_to("/etc/passwd")

    assert read_in_root(str(volume), "link", 100) == b"the container's"
    assert read_in_root(str(volume), "/etc/passwd", 3) == b"the"


@pytest.mark.parametrize("target", ["../secret", "round", "gone"])
def test_no_link_leads_out_and_a_circle_is_an_error_of_the_system(volume, target):
    (volume / "round").symlink_to(target)

    with pytest.raises(OSError, match=r"No such file|Too many levels"):
        read_in_root(str(volume), "round", 100)


def test_a_pipe_is_not_waited_for(volume):
    os.mkfifo(volume / "pipe")

    assert read_in_root(str(volume), "pipe", 100) == b""
