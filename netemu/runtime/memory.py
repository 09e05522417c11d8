"""Volumes that are memory: a file system of limited size, in the node's mounts alone.

It goes with its directory: the kernel takes a mount away whose mount point somebody removes in
another mount namespace, as the agent does with all that a pod leaves.
"""

from __future__ import annotations

import os

from netemu.linux import libc
from netemu.runtime.syscalls import make_below

TYPE_CHECKING = False  # typing.TYPE_CHECKING without importing typing (0.6 MB a shim)
if TYPE_CHECKING:
    from collections.abc import Iterable

    from netemu.runtime.wire import MountJson


def make_memory(mounts: Iterable[MountJson]) -> None:
    """Make the file systems of those volumes that are memory. Idempotent."""
    for mount in mounts:
        place, size_bytes = mount.get("memory_at", ""), mount.get("memory_bytes", 0)
        if size_bytes:
            if not os.path.ismount(place):
                options = _options(os.stat(place), size_bytes)
                libc.mount("tmpfs", place, "tmpfs", libc.MS_NOSUID | libc.MS_NODEV, options)
            _make_inside(place, mount["source"])


def _make_inside(place: str, source: str) -> None:
    """Make a directory of a volume, unless a link that a container made there leads out of it."""
    root = os.path.realpath(place)
    if not f"{os.path.realpath(source)}/".startswith(f"{root}/"):
        raise OSError(f"{source} leads out of its volume")
    make_below(root, source)  # what changes meanwhile leads nowhere else


def _options(place: os.stat_result, size_bytes: int) -> str:
    """Give the owner and the permissions of the directory that is covered to what covers it."""
    return f"size={size_bytes},mode={place.st_mode & 0o7777:o},uid={place.st_uid},gid={place.st_gid}"
