"""User namespaces of pods: what their containers may in them, they may nowhere else.

A pod's belongs to its network namespace, or rather owns it (``netemu.linux.users``): it is found there.
"""

from __future__ import annotations

import fcntl
import os
import signal

from netemu.linux import libc
from netemu.runtime.control import Refusal
from netemu.runtime.spawn import fork
from netemu.runtime.syscalls import CLONE_NEWIPC

TYPE_CHECKING = False  # typing.TYPE_CHECKING without importing typing (0.6 MB a shim)
if TYPE_CHECKING:
    from typing import NoReturn

_NS_GET_USERNS = 0xB701  # linux/nsfs.h, Linux 4.9


def open_users(netns_fd: int, first_id: int) -> int:
    """Open the user namespace of a pod by its network namespace; -1 without one (and a ``first_id``).

    Raises:
        Refusal: it should have one, and its network is not such a namespace's.

    """
    if not first_id:
        return -1
    users = fcntl.ioctl(netns_fd, _NS_GET_USERNS)
    os.set_inheritable(users, False)
    if os.path.samestat(os.fstat(users), os.stat("/proc/self/ns/user")):
        os.close(users)
        raise Refusal("the pod's network does not belong to a user namespace of its own")
    return users


def enter_users(users_fd: int) -> None:
    """Become root of a user namespace, and nobody else anywhere; nothing for -1."""
    if users_fd >= 0:
        libc.setns(users_fd, libc.CLONE_NEWUSER)
        os.setgroups([])
        os.setresgid(0, 0, 0)
        os.setresuid(0, 0, 0)


def make_ipc(users_fd: int) -> int:
    """Make an IPC namespace that belongs to a user namespace, and give its descriptor."""

    def live(error_fd: int) -> NoReturn:
        libc.setns(users_fd, libc.CLONE_NEWUSER)
        libc.unshare(CLONE_NEWIPC)
        os.close(error_fd)
        while True:
            signal.pause()

    pid = fork(live, descriptors=())
    try:
        return os.open(f"/proc/{pid}/ns/ipc", os.O_RDONLY | os.O_CLOEXEC)
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
