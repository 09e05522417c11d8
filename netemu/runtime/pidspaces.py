"""PID namespaces that several containers of a pod share (shareProcessNamespace).

Their first process is no container but a sandbox that waits and reaps: it has the machine's
programs and nothing else, so that /proc/1/root leads nowhere, and no network: containers may trace it.
"""

from __future__ import annotations

import os
import signal

from netemu.linux import libc
from netemu.runtime.node import SCRATCH
from netemu.runtime.spawn import SpawnError, find_child, in_memory, spawn
from netemu.runtime.users import enter_users

TYPE_CHECKING = False  # typing.TYPE_CHECKING without importing typing (0.6 MB a shim)
if TYPE_CHECKING:
    from collections.abc import Iterator

_ARGUMENTS_FD = 3
_READY_FD = 4
_PAUSE = f"{SCRATCH}/pause"
_SHOWN = "/pause"  # what people see as the pod's first process
_NAMESPACES = ("--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-net", "--die-with-parent")


class PidSpaces:
    """The shared PID namespaces of a node, by the word that containers share."""

    def __init__(self, bwrap: str, usr: list[str]) -> None:
        self._bwrap = bwrap
        self._words = [*_NAMESPACES, "--cap-drop", "ALL", *usr, "--proc", "/proc", "--dev", "/dev"]
        self._by_word: dict[str, tuple[int, set[str]]] = {}

    def join(self, word: str, container_id: str, users_fd: int = -1) -> int:
        """Open the namespace of a word for a container, made now for the first, perhaps in its user
        namespace; it is in it until ``leave``. SpawnError if it cannot be made.
        """
        if word not in self._by_word:
            self._by_word[word] = self._make(users_fd), set()
        monitor, members = self._by_word[word]
        members.add(container_id)
        return open_of(find_child(monitor))

    def leave(self, container_id: str) -> None:
        """Let go of a container; a namespace without any ends. Idempotent."""
        for word, (monitor, members) in list(self._by_word.items()):
            members.discard(container_id)
            if not members:
                del self._by_word[word]
                os.kill(find_child(monitor) or monitor, signal.SIGKILL)

    def take_exit(self, pid: int) -> bool:
        """Note that a child of ours ended; false if it was none of these."""
        words = [word for word, (monitor, _members) in self._by_word.items() if monitor == pid]
        for word in words:
            del self._by_word[word]
        return bool(words)

    def _make(self, users_fd: int) -> int:
        """Start the first process and wait until it is there (some 5 ms); give our child's pid."""
        ready_read, ready_write = os.pipe2(os.O_CLOEXEC)
        null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        if not os.path.lexists(_PAUSE):
            os.symlink(self._bwrap, _PAUSE)
        arguments = in_memory(self._words)
        said = f"echo >&{_READY_FD}; exec {_READY_FD}>&-; exec sleep infinity"
        try:
            monitor = spawn(
                [_SHOWN, "--args", str(_ARGUMENTS_FD), "/usr/bin/sh", "-c", said],
                {},
                descriptors=(null, null, null, arguments, ready_write),
                prepare=lambda: _enter(users_fd),
                program=_PAUSE,
            )
        finally:
            os.close(null)
            os.close(arguments)
            os.close(ready_write)
        with open(ready_read, "rb") as ready:
            if not ready.read(1):
                raise SpawnError("the pod's PID namespace could not be made")
        return monitor


def _enter(users_fd: int) -> None:
    """Show the PID namespace of the node in /proc, where bubblewrap looks itself up, and enter a user
    namespace if there is one (not -1).
    """
    libc.unshare(libc.CLONE_NEWNS)
    libc.mount("proc", "/proc", "proc", libc.MS_NOSUID | libc.MS_NODEV | libc.MS_NOEXEC)
    enter_users(users_fd)


def open_of(pid: int) -> int:
    """Open the PID namespace of a process."""
    return os.open(f"/proc/{pid}/ns/pid", os.O_RDONLY | os.O_CLOEXEC)


def end_all_with(mounts: str) -> None:
    """Kill whatever is left of a container: processes of its mount namespace (``mounts_of``)."""
    for pid in _everyone():
        if mounts and mounts_of(pid) == mounts:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue


def mounts_of(pid: int) -> str:
    """Name a process's mount namespace; empty if the process is gone."""
    try:
        return os.readlink(f"/proc/{pid}/ns/mnt")
    except OSError:
        return ""


def _everyone() -> Iterator[int]:
    return (int(name) for name in os.listdir("/proc") if name.isdecimal())
