import hashlib
import os
import stat
import tarfile
from contextlib import suppress

import pytest

from netemu.image.archive import Layer
from netemu.image.errors import ImageError
from netemu.image.sources import DirectorySource
from netemu.image.unpack import unpack_layer
from netemu.testing.images import hard_link, layer


@pytest.fixture
def unpack(tmp_path):
    """Put layers of entries over each other and give the root."""
    root, files = tmp_path / "root", tmp_path / "files"
    root.mkdir()
    files.mkdir()

    def unpack(*layers):
        for data in layers:
            (files / "layer").write_bytes(data)
            digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
            unpack_layer(DirectorySource(files), Layer("layer", digest, digest), root)
        return root

    return unpack


def names(root):
    return sorted(str(path.relative_to(root)) for path in root.rglob("*"))


def test_a_later_layer_replaces_files_of_an_earlier_one(unpack):
    root = unpack(layer({"etc": None, "etc/a": b"old", "etc/b": b"b"}), layer({"etc/a": b"new"}))

    assert (root / "etc/a").read_bytes() == b"new"
    assert (root / "etc/b").read_bytes() == b"b"


def test_missing_directories_are_made(unpack):
    root = unpack(layer({"a/b/c": b"x"}))

    assert (root / "a/b/c").read_bytes() == b"x"


def test_a_whiteout_removes_what_lies_below(unpack):
    root = unpack(layer({"a/x": b"", "a/y/z": b"", "b": b""}), layer({"a/.wh.y": b"", ".wh.b": b""}))

    assert names(root) == ["a", "a/x"]


def test_a_whiteout_of_what_is_not_there_does_nothing(unpack):
    assert names(unpack(layer({"a": b""}), layer({".wh.b": b""}))) == ["a"]


def test_a_whiteout_spares_what_its_own_layer_made(unpack):
    root = unpack(layer({"d/old": b""}), layer({"d/new": b"", ".wh.d": b""}))

    assert names(root) == ["d", "d/new"]


@pytest.mark.parametrize("first", [True, False])
def test_an_opaque_directory_hides_what_lies_below_and_nothing_of_its_own_layer(unpack, first):
    entries = {"d/.wh..wh..opq": b"", "d/sub/new": b""}
    ordered = entries if first else dict(reversed(entries.items()))

    root = unpack(layer({"d/old": b"", "d/sub/old": b"", "e": b""}), layer(ordered))

    assert names(root) == ["d", "d/sub", "d/sub/new", "e"]


def test_a_directory_s_link_is_followed_inside_the_root(unpack):
    root = unpack(layer({"bin": "usr/bin", "usr/bin": None}), layer({"bin/tool": b"x"}))

    assert (root / "usr/bin/tool").read_bytes() == b"x"
    assert (root / "bin").is_symlink()


@pytest.mark.parametrize(
    "target", ["/outside", "../../../outside", "../outside", "/../../outside", "x/../../outside"]
)
def test_a_link_that_leads_out_leads_to_the_root(unpack, tmp_path, target):
    (tmp_path / "outside").mkdir()

    root = unpack(layer({"x": None, "door": target, "door/file": b"x"}))

    assert (root / "outside/file").read_bytes() == b"x"
    assert list((tmp_path / "outside").iterdir()) == []


def test_a_link_to_a_file_outside_is_replaced_and_not_written_through(unpack, tmp_path):
    (tmp_path / "victim").write_bytes(b"safe")

    root = unpack(layer({"door": str(tmp_path / "victim")}), layer({"door": b"x"}))

    assert (tmp_path / "victim").read_bytes() == b"safe"
    assert (root / "door").read_bytes() == b"x"


def test_a_whiteout_through_a_link_stays_inside(unpack, tmp_path):
    (tmp_path / "victim").write_bytes(b"safe")

    unpack(layer({"door": "../"}), layer({"door/.wh.victim": b""}))

    assert (tmp_path / "victim").exists()


def test_a_hard_link_through_a_link_stays_inside(unpack, tmp_path):
    (tmp_path / "victim").write_bytes(b"safe")

    with pytest.raises(ImageError):
        unpack(layer({"door": "../", "mine": hard_link("door/victim")}))


def test_hard_links_are_one_file(unpack):
    root = unpack(layer({"a/x": b"1", "b/y": hard_link("a/x")}))

    assert os.stat(root / "a/x").st_ino == os.stat(root / "b/y").st_ino


def test_a_hard_link_to_a_symbolic_link_does_not_reach_its_target(unpack, tmp_path):
    (tmp_path / "victim").write_bytes(b"safe")

    root = unpack(layer({"door": str(tmp_path / "victim"), "mine": hard_link("door")}))

    assert (root / "mine").is_symlink()
    assert os.stat(tmp_path / "victim").st_nlink == 1


@pytest.mark.parametrize("name", ["../x", "a/../../x", "a/.."])
def test_an_entry_that_leads_out_is_refused(unpack, name):
    with pytest.raises(ImageError, match="leads out of the image"):
        unpack(layer({name: b"x"}))


def test_absolute_names_and_dots_are_of_the_root(unpack):
    assert names(unpack(layer({"/a": b"", "./b": b"", ".": None}))) == ["a", "b"]


def test_links_in_a_circle_are_refused(unpack):
    with pytest.raises(ImageError, match="too many symbolic links"):
        unpack(layer({"a": "b", "b": "a", "a/x": b""}))


def test_a_file_takes_a_directory_s_place_and_the_other_way_round(unpack):
    root = unpack(layer({"a/x": b"", "b": b""}), layer({"a": b"now a file", "b": None, "b/x": b""}))

    assert (root / "a").is_file()
    assert (root / "b").is_dir()


def test_device_nodes_are_left_out(unpack):
    device = tarfile.TarInfo()
    device.type, device.devmajor, device.devminor = tarfile.CHRTYPE, 1, 3

    assert names(unpack(layer({"dev/null": device, "dev/x": b""}))) == ["dev", "dev/x"]


def test_modes_are_kept_also_set_user_id(unpack):
    root = unpack(layer({"su": b""}, mode=0o4755))

    assert stat.S_IMODE((root / "su").stat().st_mode) == 0o4755


def test_many_directories_do_not_use_up_the_descriptors(unpack):
    root = unpack(layer({f"d{number}/file": b"" for number in range(1500)}))

    assert len(names(root)) == 3000


@pytest.mark.parametrize(
    "fields",
    [{"mtime": 1e30}, {"pax_headers": {"path": "a\0b"}}, {"pax_headers": {"SCHILY.xattr.user.x": "y"}}],
    ids=["a time without end", "a name with a zero", "an attribute"],
)
def test_odd_entries_do_no_harm(unpack, tmp_path, fields):
    entry = tarfile.TarInfo()
    for field, value in fields.items():
        setattr(entry, field, value)

    with suppress(ImageError):
        unpack(layer({"a": entry, "b": b""}))

    assert sorted(os.listdir(tmp_path)) == ["files", "root"]


def test_content_that_is_not_what_its_digest_says_is_refused(tmp_path):
    (tmp_path / "layer").write_bytes(layer({"a": b"x"}))
    wrong = f"sha256:{'0' * 64}"

    with pytest.raises(ImageError, match="not what its digest says"):
        unpack_layer(DirectorySource(tmp_path), Layer("layer", "", wrong), tmp_path)
