"""Mounts: bind, temporary file systems, and taking them away without ever failing on what is gone."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import NamedTuple

from netemu.errors import KernelError
from netemu.linux import libc


class MountPoint(NamedTuple):
    """One line of /proc/PID/mountinfo."""

    path: Path
    filesystem: str
    source: str


def bind(source: Path, target: Path, *, read_only: bool = False, recursive: bool = False) -> None:
    """Show ``source`` at ``target`` as well; ``target`` exists and is of the same sort."""
    flags = libc.MS_BIND | (libc.MS_REC if recursive else 0)
    _mount(source, target, "none", flags)
    if read_only:  # the kernel ignores MS_RDONLY on the first call of a bind mount
        _mount(source, target, "none", libc.MS_BIND | libc.MS_REMOUNT | libc.MS_RDONLY)


def tmpfs(target: Path, *, options: str = "mode=0755") -> None:
    """Mount an empty file system in memory."""
    _mount("tmpfs", target, "tmpfs", libc.MS_NOSUID | libc.MS_NODEV, options)


def make_private(target: Path) -> None:
    """Keep what is mounted below ``target`` from here on to this mount namespace, both ways."""
    _mount("none", target, "none", libc.MS_REC | libc.MS_PRIVATE)


def make_shared_mount_point(directory: Path) -> None:
    """Turn a directory into a shared mount point of its own, as ``ip netns add`` does.

    Names that are mounted in it are then seen in every mount namespace that shares it, and
    one that was copied before (``unshare --mount``) does not keep a deleted name busy.
    Nothing happens when it is one already. Source: iproute2, ip/ipnetns.c, netns_add.
    """
    if not directory.exists():
        directory.mkdir(mode=0o755, parents=True, exist_ok=True)
    try:  # not MS_REC, as iproute2 does: that walks over every name there is
        libc.mount("", directory, "none", libc.MS_SHARED)
    except OSError as err:
        if err.errno != errno.EINVAL:
            raise _refused(f"make {directory} shared", err) from err
        _mount(directory, directory, "none", libc.MS_BIND | libc.MS_REC)
        _mount("", directory, "none", libc.MS_SHARED)


def detach(target: Path) -> None:
    """Unmount ``target`` at once, even if it is in use; nothing happens if nothing is mounted."""
    try:
        libc.umount2(target, libc.MNT_DETACH)
    except OSError as err:
        if err.errno not in (errno.EINVAL, errno.ENOENT):
            raise _refused(f"unmount {target}", err) from err


def mounts_below(directory: Path) -> tuple[MountPoint, ...]:
    """List the mounts at and below a directory, deepest first, as this process sees them."""
    found = (parse_mountinfo(line) for line in Path("/proc/self/mountinfo").read_text().splitlines())
    below = [mount for mount in found if mount.path == directory or directory in mount.path.parents]
    return tuple(reversed(below))


def parse_mountinfo(line: str) -> MountPoint:
    """Read one line of mountinfo (proc(5)); blanks in paths are escaped in octal there."""
    before, _, after = line.partition(" - ")
    filesystem, source, *_ = after.split(" ")
    path = before.split(" ")[4].encode().decode("unicode_escape").encode("latin-1").decode()
    return MountPoint(Path(path), filesystem, source)


def _mount(source: str | Path, target: Path, filesystem: str, flags: int, options: str = "") -> None:
    try:
        libc.mount(source, target, filesystem, flags, options)
    except OSError as err:
        raise _refused(f"mount {source} at {target}", err) from err


def _refused(what: str, err: OSError) -> KernelError:
    return KernelError(f"cannot {what}: {err.strerror}", errno=err.errno or 0)
