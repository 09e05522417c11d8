import os

import pytest

from netemu.runtime.staging import find_missing, staged
from netemu.runtime.syscalls import make_below, open_below


def mount(source, **fields):
    return {"source": str(source), "target": "/data", "read_only": False, **fields}


@pytest.fixture
def volume(tmp_path):
    (tmp_path / "volume/inside").mkdir(parents=True)
    (tmp_path / "outside").mkdir()
    return tmp_path / "volume"


def test_what_is_mounted_is_looked_for_below_its_volume_whatever_links_say(volume):
    (volume / "out").symlink_to("../outside")
    (volume / "absolute").symlink_to("/inside")
    below = str(volume)

    assert (
        find_missing([mount(volume / "inside", below=below), mount(volume / "absolute", below=below)]) == ""
    )
    assert find_missing([mount(volume / "out", below=below)]) == (
        f'error mounting "{volume}/out" to rootfs at "/data": No such file or directory'
    )


def test_what_is_memory_is_made_before_it_is_looked_for(tmp_path):
    assert find_missing([mount(tmp_path / "none", memory_bytes=1)]) == ""


def test_each_mount_has_a_place_of_its_own_and_all_else_stays(tmp_path):
    first, second = staged([mount(tmp_path), mount(tmp_path, read_only=True)])

    assert first["source"] != second["source"]
    assert (first["target"], second["read_only"]) == ("/data", True)


def test_directories_are_made_below_a_volume_and_nowhere_else(volume):
    (volume / "link").symlink_to("../outside")
    make_below(str(volume), f"{volume}/inside/a/b")
    with pytest.raises(OSError, match="File exists"):
        make_below(str(volume), f"{volume}/link/c")

    assert (volume / "inside/a/b").is_dir()
    assert list((volume.parent / "outside").iterdir()) == []


def test_a_file_is_made_where_a_link_of_the_volume_leads_inside_of_it(volume):
    (volume / "absolute").symlink_to("/inside")
    os.close(open_below(str(volume), f"{volume}/absolute/new", os.O_WRONLY | os.O_CREAT, 0o600))

    assert (volume / "inside/new").is_file()
