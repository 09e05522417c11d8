"""User namespaces that own a network: their root may there what the machine's may everywhere.

A user namespace lives for as long as the network namespace that was made in it: whoever has that finds
the other (``NS_GET_USERNS``, ioctl_ns(2)), so nothing else has to be kept.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

from netemu.errors import KernelError, MissingProgramError, NetemuError
from netemu.linux.libc import USER_IDS

_FIRST_RELEASE = (6, 3)  # idmapped mounts of tmpfs
_SCRIPT = "echo; read -r _"  # it is told to end by the end of its input


@contextmanager
def network_of_new_users(first_id: int) -> Iterator[str]:
    """Make a user namespace, and a network namespace in it; give that one's path, there for the block.

    ``first_id`` is the machine's number of its user and group 0.

    Raises:
        KernelError: this kernel makes none, or this user may not.
        MissingProgramError: there is no unshare(1).

    """
    import subprocess  # few ever need it

    argv = ["unshare", "--user", "--net", "--", "sh", "-c", _SCRIPT]
    try:
        holder = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={"PATH": "/usr/bin:/bin"},
        )
    except FileNotFoundError as err:
        raise MissingProgramError("unshare is not installed", hint="apt-get install util-linux") from err
    with holder:
        assert holder.stdout is not None, "it was asked for"
        assert holder.stderr is not None, "it was asked for"
        if not holder.stdout.readline():
            raise KernelError(f"cannot make a user namespace: {holder.stderr.read().decode().strip()}")
        for kind in ("uid", "gid"):
            _map(f"/proc/{holder.pid}/{kind}_map", first_id)
        yield f"/proc/{holder.pid}/ns/net"


@lru_cache(maxsize=1)
def are_possible() -> bool:
    """Tell whether this machine has such namespaces, and mounts that show files as theirs; tried once."""
    major, minor, *_ = os.uname().release.split(".")
    if (int(major), int("".join(c for c in minor if c.isdigit()))) < _FIRST_RELEASE:
        return False
    try:
        with network_of_new_users(USER_IDS):
            return True
    except NetemuError:
        return False


def _map(path: str, first_id: int) -> None:
    try:
        with open(path, "w") as file:
            file.write(f"0 {first_id} {USER_IDS}")
    except OSError as err:
        raise KernelError(f"cannot map users: {err.strerror}", errno=err.errno or 0) from err
