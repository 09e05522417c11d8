"""[IO] The directory of named network namespaces: left as it was found.

iproute2 makes /run/netns a directory and a shared mount point when it first needs it, and so do
we; if it was us, the last cluster to go takes both away again.
"""

from __future__ import annotations

from pathlib import Path

from netemu.cluster.locking import remove_if_empty
from netemu.linux import mounts
from netemu.settings import Paths


def prepare_names(paths: Paths) -> None:
    """Make the directory ready for names, noting first whether that is our doing."""
    was_there = paths.netns.is_dir()
    if not was_there or not _is_mount_point(paths.netns):
        _marker(paths).write_text("mount" if was_there else "directory")
    mounts.make_shared_mount_point(paths.netns)


def release_names(paths: Paths) -> None:
    """Undo ``prepare_names`` when no name is left, whoever's; idempotent."""
    marker = _marker(paths)
    if not marker.exists() or (paths.netns.is_dir() and any(paths.netns.iterdir())):
        return
    made = marker.read_text()
    mounts.detach(paths.netns)
    if made == "directory":
        remove_if_empty(paths.netns)
    marker.unlink()


def _is_mount_point(directory: Path) -> bool:
    return any(mount.path == directory for mount in mounts.mounts_below(directory))


def _marker(paths: Paths) -> Path:
    return paths.run.parent / ".netns-made"
