"""Become a program in a container whose root has nothing of ours: no nsenter, no setpriv, no env."""

from __future__ import annotations

import fcntl
import os
import signal
import termios

from netemu.linux import libc
from netemu.runtime.command import find_fault
from netemu.runtime.spawn import exit_code
from netemu.runtime.syscalls import (
    close_all_on_exec,
    filter_calls,
    give_up_privileges,
    hide_memory,
    set_parent_death_signal,
)

TYPE_CHECKING = False  # typing.TYPE_CHECKING without importing typing (0.6 MB a shim)
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn

    from netemu.runtime.wire import UserJson

_MOST_FDS = 1 << 20
_NAMESPACES = ("ipc", "uts", "net", "pid", "mnt")


class Joined:
    """A program to be run in the namespaces of a container's pid 1, with its user and capabilities.

    ``calls`` is the filter of its system calls, ``may_gain`` whether set-user-ID bits have an effect,
    ``has_users`` whether the container is in a user namespace of its own.
    """

    def __init__(
        self,
        pid: int,
        argv: Sequence[str],
        env: dict[str, str],
        cwd: str,
        *,
        user: UserJson,
        capabilities: Sequence[str],
        terminal: bool,
        calls: bytes = b"",
        may_gain: bool = False,
        has_users: bool = False,
    ) -> None:
        self._calls = calls
        self._may_gain = may_gain
        self._has_users = has_users
        self._pid = pid
        self._argv = list(argv)
        self._env = env
        self._cwd = cwd or "/"
        self._user = user
        self._capabilities = capabilities
        self._terminal = terminal

    def run(self, error_fd: int) -> NoReturn:
        """Join, and wait as the program's parent: who enters a PID namespace is not in it, a child is.

        The child is seen in there while it is still a copy of the shim, with all that this knows.
        """
        hide_memory()
        root = os.open(f"/proc/{self._pid}/root", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        users = [self._open("user")] if self._has_users else []
        for fd in [self._open(name) for name in _NAMESPACES]:
            libc.setns(fd, 0)
        os.fchdir(root)
        os.chroot(".")
        for fd in users:
            libc.setns(fd, 0)
        child = os.fork()
        if child == 0:
            self._become(error_fd)
        os.closerange(0, _MOST_FDS)  # whoever reads its streams waits for the last end of them
        _, status = os.waitpid(child, 0)
        os._exit(exit_code(status))

    def _open(self, namespace: str) -> int:
        return os.open(f"/proc/{self._pid}/ns/{namespace}", os.O_RDONLY)

    def _become(self, error_fd: int) -> NoReturn:
        try:
            os.setsid()
            if self._terminal:
                fcntl.ioctl(0, termios.TIOCSCTTY, 0)
            give_up_privileges(self._capabilities, may_gain=self._may_gain)
            if self._may_gain:  # it has the power to only now
                self._filter()
            if any((self._has_users, self._user["uid"], self._user["gid"], self._user["groups"])):
                os.setgroups(list(dict.fromkeys((self._user["gid"], *self._user["groups"]))))
            os.setgid(self._user["gid"])
            os.setuid(self._user["uid"])
            set_parent_death_signal(signal.SIGKILL)  # a change of user has undone it
            os.chdir(self._cwd)
            if fault := find_fault(self._argv, self._env.get("PATH", ""), self._cwd, str):
                os.write(error_fd, fault.encode())
            else:
                close_all_on_exec(3)
                if not self._may_gain:  # the last, for it may allow nothing of this
                    self._filter()
                self._execute()
        except OSError as err:
            os.write(error_fd, str(err).encode())
        finally:
            os._exit(127)

    def _filter(self) -> None:
        if self._calls:
            filter_calls(self._calls)

    def _execute(self) -> None:
        """Execute the program where PATH has it (os.execvpe would import what is out of reach here)."""
        name = self._argv[0]
        places = [name] if "/" in name else [f"{p}/{name}" for p in self._env.get("PATH", "").split(":") if p]
        for place in places:
            try:
                os.execve(place, self._argv, self._env)
            except FileNotFoundError:
                if place == places[-1]:
                    raise
