"""Sysctls of a network namespace, and never of the machine's own.

A name is its path below /proc/sys (``net/ipv4/ip_forward``): dots would be ambiguous, an
interface's name may hold some. The kernel shows each thread those of the namespace it is in.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path

from netemu.errors import KernelError, PermissionDeniedError
from netemu.linux import netns

_ROOT = Path("/proc/sys")
_MACHINE = Path("/proc/1/ns/net")


def write(ns_fd: int, values: Mapping[str, int | str]) -> None:
    """Set sysctls of a namespace.

    Raises:
        KernelError: there is no such sysctl (``errno`` ENOENT), or its value is refused.
        PermissionDeniedError: the namespace is the machine's own.

    """
    _refuse_the_machine(ns_fd, values)
    with netns.entered(ns_fd), ExitStack() as stack:
        directories: dict[str, int] = {}
        for name, value in values.items():
            directory, _, leaf = name.rpartition("/")
            if directory not in directories:
                # Each way from the top passes the names of all namespaces (fs/proc/proc_sysctl.c,
                # proc_sys_compare): 0.4 ms where there are a thousand.
                directories[directory] = opened = _open_directory(directory, name)
                stack.callback(os.close, opened)
            _write(directories[directory], leaf, name, str(value))


def ensure(ns_fd: int, values: Mapping[str, int | str]) -> None:
    """Set those sysctls of a namespace that are not so already."""
    with netns.entered(ns_fd):
        changes = {name: value for name, value in values.items() if _read(name) != str(value)}
    write(ns_fd, changes)


def read(ns_fd: int, name: str) -> str:
    """Read one sysctl of a namespace, without the newline.

    Raises:
        KernelError: there is no such sysctl (``errno`` ENOENT).

    """
    with netns.entered(ns_fd):
        return _read(name)


def has(ns_fd: int, name: str) -> bool:
    """Tell whether a namespace has this sysctl (a module may be missing)."""
    with netns.entered(ns_fd):
        return (_ROOT / name).exists()


def is_machines_own(ns_fd: int) -> bool:
    """Tell whether a namespace is that of the machine's init.

    An ordinary user may not look; then it is not one whose sysctls this process could change.
    """
    with suppress(OSError):
        init, ours = _MACHINE.stat(), os.fstat(ns_fd)
        return (init.st_dev, init.st_ino) == (ours.st_dev, ours.st_ino)
    return False


def _refuse_the_machine(ns_fd: int, values: Mapping[str, int | str]) -> None:
    # Before entering: in a container this process may be PID 1, and its thread then moves "init".
    if values and is_machines_own(ns_fd):
        raise PermissionDeniedError(
            f"refused to set {', '.join(sorted(values))} in the machine's own network namespace",
            hint="netemu changes only namespaces that it made; set it yourself if you want it.",
        )


def _open_directory(directory: str, name: str) -> int:
    try:
        return os.open(_ROOT / directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as err:
        raise _refused(f"set sysctl {name}", err) from err


def _write(directory: int, leaf: str, name: str, value: str) -> None:
    try:
        # Not write_text: it would create (O_CREAT), which /proc answers with EACCES, not ENOENT.
        fd = os.open(leaf, os.O_WRONLY | os.O_CLOEXEC, dir_fd=directory)
        try:
            os.write(fd, value.encode())
        finally:
            os.close(fd)
    except OSError as err:
        raise _refused(f"set sysctl {name} to {value}", err) from err


def _read(name: str) -> str:
    try:
        return (_ROOT / name).read_text().strip()
    except OSError as err:
        raise _refused(f"read sysctl {name}", err) from err


def _refused(what: str, err: OSError) -> KernelError:
    hint = "The kernel module that offers it is not loaded." if err.errno == errno.ENOENT else ""
    return KernelError(f"cannot {what}: {err.strerror}", errno=err.errno or 0, hint=hint)
