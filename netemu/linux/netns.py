"""Network namespaces: made, named as iproute2 names them, entered and left.

No process is forked and no thread is started: the calling thread makes the namespace, is in it for
a moment and comes back.
"""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from netemu.errors import KernelError, PermissionDeniedError
from netemu.linux import libc, mounts, users

RUN_NETNS = Path("/run/netns")
OWN = "/proc/thread-self/ns/net"

_SIOCSIFFLAGS = 0x8914  # linux/sockios.h
_IFF_UP = 0x1


class StrandedThreadError(BaseException):
    """A thread could not leave a namespace; whatever it did next would hit the wrong one.

    Not an ``Exception``: nothing may catch it and go on.
    """


def create(name: str, directory: Path = RUN_NETNS, *, first_id: int = 0) -> None:
    """Make a network namespace with ``lo`` up and give it a name that ``ip netns`` sees.

    With a ``first_id`` it belongs to a new user namespace (``linux.users``), whose root has that number here.

    Raises:
        KernelError: the name is taken (``errno`` EEXIST), or the kernel refuses.
        PermissionDeniedError: this user may not make namespaces.

    """
    mounts.make_shared_mount_point(directory)
    path = directory / name
    _reserve(path)
    own = os.open(OWN, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if first_id:
            _make_owned(path, first_id)
        else:
            _make_here(path)
    except BaseException:
        delete(name, directory)
        raise
    finally:
        _return_to(own)
        os.close(own)


def delete(name: str, directory: Path = RUN_NETNS) -> None:
    """Take a namespace's name away; the kernel ends it when nobody uses it. Idempotent."""
    path = directory / name
    mounts.detach(path)
    path.unlink(missing_ok=True)


def exists(name: str, directory: Path = RUN_NETNS) -> bool:
    """Tell whether a living namespace has this name."""
    return _is_mounted(directory / name)


def list_names(directory: Path = RUN_NETNS) -> frozenset[str]:
    """List the names of living namespaces."""
    with suppress(FileNotFoundError):
        return frozenset(path.name for path in directory.iterdir() if _is_mounted(path))
    return frozenset()


def open_ns(path_or_name: str | Path) -> int:
    """Open a namespace by its path, or by its name under /run/netns; the caller closes it.

    Raises:
        KernelError: there is no such namespace (``errno`` ENOENT).

    """
    path = Path(path_or_name) if "/" in str(path_or_name) else RUN_NETNS / path_or_name
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as err:
        raise KernelError(
            f"cannot open network namespace {path}: {err.strerror}", errno=err.errno or 0
        ) from err


@contextmanager
def opened(path_or_name: str | Path) -> Iterator[int]:
    """Open a namespace for the length of a block."""
    fd = open_ns(path_or_name)
    try:
        yield fd
    finally:
        os.close(fd)


@contextmanager
def entered(ns_fd: int) -> Iterator[None]:
    """Run a block with the calling thread inside a namespace. The block must not await.

    Raises:
        StrandedThreadError: the thread could not go back.

    """
    own = os.open(OWN, os.O_RDONLY | os.O_CLOEXEC)
    try:
        _enter(ns_fd)
        try:
            yield
        finally:
            _return_to(own)
    finally:
        os.close(own)


def open_socket(ns_fd: int, family: int, kind: int, protocol: int = 0) -> socket.socket:
    """Make a socket inside a namespace; it stays there, whatever the thread does later."""
    with entered(ns_fd):
        return socket.socket(family, kind, protocol)


def is_same(first_fd: int, second_fd: int) -> bool:
    """Tell whether two descriptors are of one namespace."""
    return identity(first_fd) == identity(second_fd)


def identity(ns_fd: int) -> tuple[int, int]:
    """Give what no other namespace has while this one lives."""
    status = os.fstat(ns_fd)
    return status.st_dev, status.st_ino


def _reserve(path: Path) -> None:
    """Make the file that the namespace is mounted on, also over one that a crash left behind."""
    try:
        os.close(os.open(path, os.O_RDONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0))
    except FileExistsError as err:
        if _is_mounted(path):
            raise KernelError(f"network namespace {path.name} exists already", errno=errno.EEXIST) from err
    except OSError as err:
        raise _refused(f"make {path}", err) from err


def _is_mounted(path: Path) -> bool:
    try:
        return path.stat().st_dev != path.parent.stat().st_dev
    except FileNotFoundError:
        return False


def _make_here(path: Path) -> None:
    """Make the namespace, with the calling thread inside, and mount it."""
    try:
        libc.unshare(libc.CLONE_NEWNET)
        libc.mount(OWN, path, "none", libc.MS_BIND)
        _set_lo_up()
    except OSError as err:
        raise _refused(f"make network namespace {path.name}", err) from err


def _make_owned(path: Path, first_id: int) -> None:
    """Have the namespace made in a process of its own: ours has threads, which share their user namespace."""
    with users.network_of_new_users(first_id) as made:
        libc.mount(made, path, "none", libc.MS_BIND)
    with opened(path) as fd, entered(fd):
        _set_lo_up()


def _set_lo_up() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        fcntl.ioctl(sock, _SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", _IFF_UP))


def _enter(ns_fd: int) -> None:
    try:
        libc.setns(ns_fd, libc.CLONE_NEWNET)
    except OSError as err:
        raise _refused("enter a network namespace", err) from err


def _return_to(own: int) -> None:
    try:
        libc.setns(own, libc.CLONE_NEWNET)
    except OSError as err:
        raise StrandedThreadError(f"cannot return to the thread's network namespace: {err}") from err


def _refused(what: str, err: OSError) -> KernelError | PermissionDeniedError:
    if err.errno in (errno.EPERM, errno.EACCES):
        return PermissionDeniedError(
            f"this user may not {what}: {err.strerror}",
            hint="Run as root, or inside `unshare --user --map-root-user --net --mount`.",
        )
    return KernelError(f"cannot {what}: {err.strerror}", errno=err.errno or 0)
