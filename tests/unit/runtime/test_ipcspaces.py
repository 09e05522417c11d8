"""Shared IPC namespaces are kept for as long as their pods have their files."""

from __future__ import annotations

import os

import pytest

from netemu.runtime.ipcspaces import IpcSpaces


@pytest.fixture
def spaces():
    """Namespaces of a node, where /dev/null stands for each."""
    return IpcSpaces(lambda _users: os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC))


def is_open(fd):
    return os.path.exists(f"/proc/self/fd/{fd}")


def test_containers_of_a_pod_get_the_same_and_others_another(spaces, tmp_path):
    for name in ("web", "db"):
        (tmp_path / name).mkdir()
    first, again, other = (spaces.join(str(tmp_path / name)) for name in ("web", "web", "db"))

    assert first == again != other


def test_who_shares_none_gets_none(spaces):
    assert spaces.join("") == -1


def test_a_namespace_goes_after_its_pod_has(spaces, tmp_path):
    (tmp_path / "web").mkdir()
    kept = spaces.join(str(tmp_path / "web"))
    spaces.join("")
    assert is_open(kept)
    (tmp_path / "web").rmdir()
    spaces.join("")

    assert not is_open(kept)
