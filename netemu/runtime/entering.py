"""The way of a container's first process into its pod: its network, IPC, mounts, users."""

from __future__ import annotations

import fcntl
import os
import termios

from netemu.linux import libc
from netemu.runtime.control import Refusal
from netemu.runtime.ipcspaces import IpcSpaces
from netemu.runtime.node import POD_SYSFS, Machine
from netemu.runtime.streams import close
from netemu.runtime.syscalls import CLONE_NEWIPC
from netemu.runtime.users import open_users

TYPE_CHECKING = False  # typing.TYPE_CHECKING without importing typing (0.6 MB a shim)
if TYPE_CHECKING:
    from collections.abc import Sequence

    from netemu.runtime.wire import SpecJson

_HIDDEN = ("firmware", "devices/virtual/powercap")  # of /sys, as containerd has it
_FLAGS = libc.MS_NOSUID | libc.MS_NODEV | libc.MS_NOEXEC | libc.MS_RDONLY


class Way:
    """Descriptors of a pod's namespaces, which a child enters; ``users`` is -1 for a pod without its own.

    Raises:
        Refusal: there is no such network namespace, or it belongs to others.

    """

    def __init__(self, machine: Machine, spec: SpecJson) -> None:
        name = spec["netns"]
        try:
            self._netns = machine.open_netns(name)
        except OSError as err:
            raise Refusal(f"cannot open network namespace {name}: {err.strerror}") from err
        try:
            self.users = open_users(self._netns, spec["first_id"])
        except BaseException:
            os.close(self._netns)
            raise
        self._ipc = -1

    def share_ipc(self, spaces: IpcSpaces, place: str) -> bool:
        """Take the IPC namespace along that the pod's containers share, if they share one; tell whether."""
        self._ipc = spaces.join(place, self.users)
        return self._ipc >= 0

    def enter(self, *, sysctls: dict[str, str], own_ipc: bool = False) -> None:
        """Enter the pod's network and IPC namespace, and mount what bubblewrap cannot or needs.

        It binds the pod's /sys from where we mount it, and looks itself up in a /proc that must be
        of its own PID namespace (the node's is the machine's).
        """
        libc.setns(self._netns, libc.CLONE_NEWNET)
        if self._ipc >= 0:
            libc.setns(self._ipc, CLONE_NEWIPC)
        libc.unshare(libc.CLONE_NEWNS | (CLONE_NEWIPC if own_ipc else 0))
        libc.mount("proc", "/proc", "proc", libc.MS_NOSUID | libc.MS_NODEV | libc.MS_NOEXEC)
        write_sysctls(sysctls)
        try:
            libc.mount("sysfs", POD_SYSFS, "sysfs", _FLAGS)
        except OSError:
            return  # not every user namespace may: the container's /sys stays empty
        for name in _HIDDEN:
            if os.path.isdir(f"{POD_SYSFS}/{name}"):
                libc.mount("tmpfs", f"{POD_SYSFS}/{name}", "tmpfs", _FLAGS, "mode=0555")

    def close(self) -> None:
        """Close what was opened for this container."""
        close(self._netns, self.users)


def take_terminal(terminal: int) -> None:
    """Be controlled by a terminal, if there is one (not -1)."""
    if terminal >= 0:
        fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)


def join_groups(files: Sequence[int]) -> None:
    """Put this process, and whatever it starts, into control groups."""
    for fd in files:
        os.write(fd, b"0")


def write_sysctls(sysctls: dict[str, str]) -> None:
    """Set sysctls of the namespaces that this process is in; OSError names one that they have not so."""
    for name, value in sysctls.items():
        path = "/proc/sys/" + name.replace(".", "/")
        try:
            with open(path, "w") as file:
                file.write(value)
        except OSError as err:  # what the kernel does not take has no name yet
            raise OSError(err.errno, err.strerror, path) from err
