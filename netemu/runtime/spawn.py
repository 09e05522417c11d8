"""Start a process from a fork of this small one, and find what it started in turn."""

from __future__ import annotations

import fcntl
import os
import signal

from netemu.runtime.syscalls import close_all_on_exec, set_parent_death_signal

TYPE_CHECKING = False  # typing.TYPE_CHECKING without importing typing (0.6 MB a shim)
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import NoReturn

_DEFAULTED = (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_NEAR_PIDS = 64
_HIGH_FD = 64


class SpawnError(Exception):
    """The process could not be started; the text says why."""


def spawn(
    argv: Sequence[str],
    env: dict[str, str],
    *,
    descriptors: Sequence[int],
    prepare: Callable[[], None] | None = None,
    program: str = "",
) -> int:
    """Start a program in a session of its own; it dies with us.

    ``program`` is where it is, if ``argv`` calls it otherwise. ``prepare`` runs in the child, before anything
    else (namespaces, terminal). The program gets ``descriptors`` as 0, 1, 2 and so on, and no other of ours.

    Returns:
        Its pid; the caller waits for it.

    Raises:
        SpawnError: it could not be prepared or executed.

    """

    def execute(_error_fd: int) -> None:
        close_all_on_exec(len(descriptors))  # also what we inherited ourselves
        os.chdir("/")
        os.execvpe(program or argv[0], list(argv), env)

    return fork(execute, descriptors=descriptors, prepare=prepare)


def fork(
    body: Callable[[int], None], *, descriptors: Sequence[int], prepare: Callable[[], None] | None = None
) -> int:
    """Let a copy of this process do something, in a session of its own; it dies with us.

    ``body`` gets a descriptor on which it says what went wrong, and which it closes when it will
    not fail any more: until then the caller waits. An exception in it is said there too; it ends
    the process itself.

    Returns:
        Its pid; the caller waits for it.

    Raises:
        SpawnError: it could not be prepared, or said so.

    """
    error_read, error_write = os.pipe2(os.O_CLOEXEC)
    pid = os.fork()
    if pid == 0:
        _become(body, descriptors, prepare, error_write)
    os.close(error_write)
    with open(error_read, "rb") as errors:
        if message := errors.read():
            os.waitpid(pid, 0)
            raise SpawnError(message.decode())
    return pid


def find_child(parent: int) -> int:
    """Find the one child of a process that was started a moment ago; 0 if it is gone.

    Numbers are given out in order, so it is nearly always among the next few. (The kernel's
    own list, /proc/PID/task/TID/children, is not built into every kernel, and what the child
    says of itself is its number in another namespace.)
    """
    for pid in range(parent + 1, parent + _NEAR_PIDS):
        if _parent_of(pid) == parent:
            return pid
    everyone = (int(name) for name in os.listdir("/proc") if name.isdecimal())
    return next((pid for pid in everyone if _parent_of(pid) == parent), 0)


def in_memory(arguments: list[str]) -> int:
    """Put arguments where only the reader sees them: ``ps`` would show the environment to all."""
    return in_memory_bytes(b"".join(os.fsencode(argument) + b"\0" for argument in arguments))


def in_memory_bytes(content: bytes) -> int:
    """Give a descriptor from which a child can read something that is in no file."""
    fd = os.memfd_create("arguments", os.MFD_CLOEXEC)
    with open(fd, "wb", closefd=False) as file:
        file.write(content)
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


def exit_code(status: int) -> int:
    """Give a wait status as containerd reports it: 128 + signal if a signal ended it."""
    code = os.waitstatus_to_exitcode(status)
    return 128 - code if code < 0 else code


def _become(
    body: Callable[[int], None],
    descriptors: Sequence[int],
    prepare: Callable[[], None] | None,
    error_fd: int,
) -> NoReturn:
    try:
        set_parent_death_signal(signal.SIGKILL)
        os.setsid()
        for signum in _DEFAULTED:
            signal.signal(signum, signal.SIG_DFL)
        if prepare is not None:
            prepare()
        high = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _HIGH_FD) for fd in descriptors]
        for number, fd in enumerate(high):  # from above, so that none overwrites another's source
            os.dup2(fd, number)
        body(error_fd)
    except BaseException as err:  # the parent raises it; nothing of ours may go on running here
        os.write(error_fd, str(err).encode())
    finally:
        os._exit(127)


def _parent_of(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/stat", "rb") as stat:
            return int(stat.read().rpartition(b")")[2].split()[1])
    except OSError:
        return 0
