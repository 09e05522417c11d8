"""A bound to a container's processes where no control group can be written: its PID namespace's own.

Since Linux 6.14 ``kernel.pid_max`` belongs to each PID namespace, and its owner may lower it, also an
ordinary user's root (kernel/pid_namespace.c). Before, it is the machine's, and
must never be written.
"""

from __future__ import annotations

import errno
import os

from netemu.linux import libc
from netemu.runtime.pidspaces import open_of
from netemu.runtime.spawn import SpawnError, fork
from netemu.runtime.syscalls import CLONE_NEWPID

TYPE_CHECKING = False  # typing.TYPE_CHECKING without importing typing (0.6 MB a shim)
if TYPE_CHECKING:
    from typing import NoReturn

_FIRST_RELEASE = (6, 14)
_PID_MAX = "/proc/sys/kernel/pid_max"


def is_bounded_by_namespaces(release: str = "") -> bool:
    """Tell whether this kernel (or one of that release) bounds PID namespaces."""
    major, minor, *_ = (release or os.uname().release).split(".")
    return (int(major), int("".join(c for c in minor if c.isdigit()))) >= _FIRST_RELEASE


def bound_processes(pid: int, most: int) -> bool:
    """Let there be no more processes in a process's PID namespace; tell whether that could be done.

    The namespace must not be ours. Takes some 3 ms, for somebody has to go there.
    """
    try:
        namespace = open_of(pid)
    except OSError:
        return False  # it has ended
    try:
        child = fork(lambda _: _go(namespace, most), descriptors=())
    except SpawnError:
        return False
    finally:
        os.close(namespace)
    return os.waitpid(child, 0)[1] == 0


def _go(namespace: int, most: int) -> NoReturn:
    """Write from inside: who enters a PID namespace is not in it, a child is."""
    libc.setns(namespace, CLONE_NEWPID)
    child = os.fork()
    if child == 0:
        try:
            _write(str(most))
            os._exit(0)
        finally:
            os._exit(1)
    os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


def _write(text: str) -> None:
    try:
        with open(_PID_MAX, "w") as file:
            file.write(text)
    except OSError as err:
        if err.errno != errno.EROFS:
            raise
        libc.unshare(libc.CLONE_NEWNS)  # inside of other containers /proc/sys is often read-only
        libc.mount("none", "/", "none", libc.MS_REC | libc.MS_SLAVE)
        libc.mount("proc", "/proc", "proc", libc.MS_NOSUID | libc.MS_NODEV | libc.MS_NOEXEC)
        with open(_PID_MAX, "w") as file:
            file.write(text)
