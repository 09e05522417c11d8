"""What a container mounts, gathered where only its own mount namespace has it, before anything is mounted.

Containers write in volumes, also while another one starts: each source is looked for once, by a
descriptor, and whoever mounts it afterwards finds it at a place that no container can reach.
"""

from __future__ import annotations

import os
import stat

from netemu.linux import libc
from netemu.runtime.node import SCRATCH
from netemu.runtime.syscalls import make_read_only, mount_as_theirs, open_below, take_devices_away

TYPE_CHECKING = False  # typing.TYPE_CHECKING without importing typing (0.6 MB a shim)
if TYPE_CHECKING:
    from collections.abc import Sequence

    from netemu.runtime.wire import MountJson

STAGE = f"{SCRATCH}/mounts"


def staged(mounts: Sequence[MountJson]) -> list[MountJson]:
    """Give the mounts with the places as sources that ``stage`` gives them."""
    return [{**mount, "source": f"{STAGE}/{number}"} for number, mount in enumerate(mounts)]


def stage(mounts: Sequence[MountJson], users_fd: int = -1) -> None:
    """Gather what is to be mounted, in a mount namespace that ends with the container.

    For a user namespace, what is root's here is shown as its root's. OSError names what is not there.
    """
    os.makedirs(STAGE, exist_ok=True)
    libc.mount("tmpfs", STAGE, "tmpfs", libc.MS_NOSUID | libc.MS_NODEV, "mode=0711")
    for number, mount in enumerate(mounts):
        source = _open(mount)
        try:
            _place(source, f"{STAGE}/{number}", mount, users_fd)
        finally:
            os.close(source)


def find_missing(mounts: Sequence[MountJson]) -> str:
    """Say which source is not there, or leads out of where it must be; empty if none."""
    for mount in mounts:
        try:
            if not mount.get("memory_bytes"):  # it is made before it is mounted
                os.close(_open(mount))
        except OSError as err:
            return f'error mounting "{mount["source"]}" to rootfs at "{mount["target"]}": {err.strerror}'
    return ""


def _open(mount: MountJson) -> int:
    if below := mount.get("below", ""):
        return open_below(below, mount["source"])
    return os.open(mount["source"], os.O_PATH | os.O_CLOEXEC)


def _place(source: int, place: str, mount: MountJson, users_fd: int) -> None:
    if stat.S_ISDIR(os.fstat(source).st_mode):
        os.mkdir(place)
    else:
        os.close(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
    if users_fd >= 0 and not mount.get("is_theirs"):
        mount_as_theirs(source, place, users_fd)
    else:
        libc.mount(f"/proc/self/fd/{source}", place, "none", libc.MS_BIND | libc.MS_REC)
    take_devices_away(place, programs_too=mount.get("no_exec", False))
    if mount["read_only"]:
        make_read_only(place)
