"""[IO] The directory of named network namespaces: left as it was found.

iproute2 makes /run/netns a directory and a shared mount point when it first needs it, and so do
we; if it was us, the last cluster to go takes both away again. Each cluster leaves a file beside its
directory for as long as it needs the names, also before it has made the first one.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from netemu.cluster.locking import remove_if_empty
from netemu.linux import mounts
from netemu.settings import Paths

_SUFFIX = ".netns"


def prepare_names(paths: Paths) -> None:
    """Make the directory ready for names, noting first whether that is our doing."""
    with _alone(paths):
        _claim(paths).touch()
        was_there = paths.netns.is_dir()
        if not was_there or not _is_mount_point(paths.netns):
            _marker(paths).write_text("mount" if was_there else "directory")
        mounts.make_shared_mount_point(paths.netns)


def release_names(paths: Paths) -> None:
    """Undo ``prepare_names`` when no cluster needs it and no name is left, whoever's; idempotent."""
    with _alone(paths):
        _claim(paths).unlink(missing_ok=True)
        marker = _marker(paths)
        if not marker.exists() or _is_needed(paths):
            return
        made = marker.read_text()
        mounts.detach(paths.netns)
        if made == "directory":
            remove_if_empty(paths.netns)
        marker.unlink()


@contextmanager
def _alone(paths: Paths) -> Iterator[None]:
    """Keep other clusters from doing either meanwhile."""
    descriptor = os.open(paths.run.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _is_needed(paths: Paths) -> bool:
    claims = (path for path in paths.run.parent.iterdir() if path.name.endswith(_SUFFIX))
    others = (path.with_name(path.name.removeprefix(".").removesuffix(_SUFFIX)) for path in claims)
    return any(run.is_dir() for run in others) or (paths.netns.is_dir() and any(paths.netns.iterdir()))


def _claim(paths: Paths) -> Path:
    return paths.run.parent / f".{paths.run.name}{_SUFFIX}"


def _is_mount_point(directory: Path) -> bool:
    return any(mount.path == directory for mount in mounts.mounts_below(directory))


def _marker(paths: Paths) -> Path:
    return paths.run.parent / ".netns-made"
