from pathlib import Path

from netemu.linux.mounts import MountPoint, parse_mountinfo


def test_a_line_of_mountinfo_is_read():
    line = "36 35 98:0 /mnt1 /run/netns/a rw,noatime shared:1 master:2 - nsfs nsfs rw"

    assert parse_mountinfo(line) == MountPoint(Path("/run/netns/a"), "nsfs", "nsfs")


def test_blanks_and_other_letters_in_a_path_are_read():
    line = r"36 35 98:0 / /tmp/a\040dir/é rw - tmpfs none rw"

    assert parse_mountinfo(line).path == Path("/tmp/a dir/é")
