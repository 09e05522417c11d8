"""The few C library calls that Python 3.11 does not have, with errors as ``OSError``."""

from __future__ import annotations

import ctypes
import os
from functools import lru_cache

TYPE_CHECKING = False  # a shim per node imports this: pathlib would cost each 0.9 MB
if TYPE_CHECKING:
    from pathlib import Path

CLONE_NEWNS = 0x00020000  # linux/sched.h
CLONE_NEWUSER = 0x10000000
CLONE_NEWNET = 0x40000000

MS_RDONLY = 0x1  # linux/mount.h
MS_NOSUID = 0x2
MS_NODEV = 0x4
MS_NOEXEC = 0x8
MS_REMOUNT = 0x20
MS_BIND = 0x1000
MS_REC = 0x4000
MS_PRIVATE = 1 << 18
MS_SLAVE = 1 << 19
MS_SHARED = 1 << 20
MNT_DETACH = 2

USER_IDS = 65536
"""How many users and groups a user namespace of ours has, from 0 on."""


def setns(fd: int, kind: int) -> None:
    """Move the calling thread into the namespace behind ``fd`` (setns(2))."""
    _check(_libc().setns(fd, kind), "setns")


def unshare(flags: int) -> None:
    """Give the calling thread namespaces of its own (unshare(2))."""
    _check(_libc().unshare(flags), "unshare")


def mount(
    source: str | Path, target: str | Path, filesystem: str = "none", flags: int = 0, options: str = ""
) -> None:
    """Mount a file system, or change a mount (mount(2))."""
    code = _libc().mount(
        os.fsencode(source),
        os.fsencode(target),
        filesystem.encode(),
        ctypes.c_ulong(flags),
        options.encode() or None,
    )
    _check(code, "mount", str(target))


def umount2(target: str | Path, flags: int = 0) -> None:
    """Take a mount away (umount2(2))."""
    _check(_libc().umount2(os.fsencode(target), flags), "umount2", str(target))


def give_back_memory() -> None:
    """Give what is free of the C library's memory back to the machine (malloc_trim(3))."""
    _libc().malloc_trim(0)


@lru_cache(maxsize=1)
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _check(code: int, call: str, path: str | None = None) -> None:
    if code != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{call}: {os.strerror(number)}", path)
