"""The system calls that only the shim makes; the others are in ``netemu.linux.libc``."""

from __future__ import annotations

import ctypes
import os

CLONE_NEWUTS = 0x04000000  # linux/sched.h
CLONE_NEWIPC = 0x08000000
CLONE_NEWPID = 0x20000000

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_SYS_MOUNT_SETATTR = 442  # the same on every architecture (asm-generic/unistd.h); Linux 5.12
_SYS_CLOSE_RANGE = 436  # Linux 5.11 for the flag
_CLOSE_RANGE_CLOEXEC = 4  # linux/close_range.h
_LAST_FD = 0xFFFFFFFF
_AT_FDCWD = -100  # linux/fcntl.h
_AT_RECURSIVE = 0x8000
_MOUNT_ATTR_RDONLY = 0x1  # linux/mount.h


def set_parent_death_signal(signum: int) -> None:
    """Have a signal sent to this process when its parent dies (prctl(2))."""
    _check(ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signum, 0, 0, 0), "prctl")


def make_read_only(target: str) -> None:
    """Make a mount and all below it read-only and change nothing else (mount_setattr(2)).

    A remount would have to repeat flags that a user namespace may not take off.
    """
    attributes = (ctypes.c_uint64 * 4)(_MOUNT_ATTR_RDONLY, 0, 0, 0)
    code = ctypes.CDLL(None, use_errno=True).syscall(
        ctypes.c_long(_SYS_MOUNT_SETATTR),
        ctypes.c_int(_AT_FDCWD),
        os.fsencode(target),
        ctypes.c_uint(_AT_RECURSIVE),
        attributes,
        ctypes.c_size_t(ctypes.sizeof(attributes)),
    )
    _check(code, "mount_setattr")


def give_back_memory() -> None:
    """Give what the start left free back to the machine: half a megabyte a shim (malloc_trim(3))."""
    ctypes.CDLL(None).malloc_trim(0)


def close_all_on_exec(first_fd: int) -> None:
    """Let no descriptor from ``first_fd`` on pass to the next program (close_range(2))."""
    code = ctypes.CDLL(None, use_errno=True).syscall(
        ctypes.c_long(_SYS_CLOSE_RANGE),
        ctypes.c_uint(first_fd),
        ctypes.c_uint(_LAST_FD),
        ctypes.c_uint(_CLOSE_RANGE_CLOEXEC),
    )
    _check(code, "close_range")


def _check(code: int, call: str) -> None:
    if code != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{call}: {os.strerror(number)}")
