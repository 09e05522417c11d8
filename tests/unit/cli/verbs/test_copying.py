"""Archives of ``cp``: what is packed, and what is never unpacked."""

from __future__ import annotations

import io
import tarfile
from pathlib import PurePosixPath

import pytest

from netemu.cli.verbs.copying import CopyError, _pack, _unpack


@pytest.fixture
def tree(tmp_path):
    root = tmp_path / "from"
    (root / "sub").mkdir(parents=True)
    (root / "one").write_text("1")
    (root / "one").chmod(0o755)
    (root / "sub/two").write_text("2")
    return root


def archive_of(**members):
    """Make an archive of files."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    data.seek(0)
    return data


def test_what_is_packed_is_unpacked_under_its_new_name(tree, tmp_path):
    data = io.BytesIO()
    _pack(data, tree, "inside")
    data.seek(0)

    _unpack(data, PurePosixPath("/inside"), tmp_path / "to")

    assert (tmp_path / "to/sub/two").read_text() == "2"
    assert (tmp_path / "to/one").stat().st_mode & 0o777 == 0o755


def test_a_copy_comes_into_a_directory_that_is_there(tmp_path):
    (tmp_path / "to").mkdir()
    _unpack(archive_of(**{"etc/hostname": b"web"}), PurePosixPath("/etc/hostname"), tmp_path / "to")

    assert (tmp_path / "to/hostname").read_text() == "web"


def test_nothing_is_written_elsewhere(tmp_path, capsys):
    (tmp_path / "to").mkdir()
    _unpack(archive_of(**{"x/../../evil": b"!"}), PurePosixPath("x"), tmp_path / "to/x")

    assert [path.name for path in tmp_path.rglob("*")] == ["to"]
    assert "skipping x/../../evil" in capsys.readouterr().err


def test_links_are_left_out(tmp_path, capsys):
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        link = tarfile.TarInfo("x/link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    data.seek(0)

    _unpack(data, PurePosixPath("x"), tmp_path / "x")

    assert not (tmp_path / "x").exists()
    assert "skipping x/link" in capsys.readouterr().err


def test_a_file_that_is_not_here_is_told(tmp_path):
    with pytest.raises(CopyError, match="No such file or directory"):
        _pack(io.BytesIO(), tmp_path / "nope", "nope")
