"""The root file system of a container that has an image: a layer of its own over the image's files.

All of this happens in a mount namespace that ends with the container: whatever becomes of the one
that made the mounts, none is left behind.
"""

from __future__ import annotations

import os
from contextlib import suppress

from netemu.linux import libc
from netemu.runtime.spawn import SpawnError, spawn
from netemu.runtime.syscalls import mount_as_theirs, open_in_root, take_devices_away

TYPE_CHECKING = False  # typing.TYPE_CHECKING without importing typing (0.6 MB a shim)
if TYPE_CHECKING:
    from collections.abc import Sequence

    from netemu.runtime.wire import ImageJson, MountJson

_PATH = "/usr/bin:/bin"
_MOST_BYTES = 1024 * 1024


class RootError(Exception):
    """A root file system cannot be made; the text says why."""


class ImageRoot:
    """An image's files as one container has them: it may change all, and the image never changes.

    ``path`` is where they are, ``work`` a directory in memory that is ours alone. In a user namespace
    (``users_fd``, -1 for none) whose root is ``first_id`` here they belong to its users.
    """

    def __init__(self, image: ImageJson, work: str, *, users_fd: int = -1, first_id: int = 0) -> None:
        self._image = image
        self._first_id = first_id
        self._work = work
        self.path = f"{work}/root"
        os.mkdir(self.path)
        if os.path.lexists(image["scratch"]):  # of an attempt whose shim was killed with the daemon
            _run(["rm", "-rf", "--one-file-system", "--", image["scratch"]])
        for name in ("upper", "workdir"):
            os.makedirs(f"{image['scratch']}/{name}")
        self._lower = image["root"] if users_fd < 0 else self._theirs(users_fd)
        self._mount()
        take_devices_away(self.path)
        self._fd = os.open(self.path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)

    def read(self, path: str) -> str:
        """Read a small file of the image, followed as inside the container; empty if there is none."""
        try:
            fd = open_in_root(self._fd, path, os.O_RDONLY | os.O_NONBLOCK)
        except OSError:
            return ""
        with open(fd, "rb") as file:
            return file.read(_MOST_BYTES).decode(errors="replace")

    def look(self, path: str) -> str:
        """Give a path, for our children too, to what the container sees at ``path``; empty for nothing."""
        try:
            return f"/proc/{os.getpid()}/fd/{open_in_root(self._fd, path, os.O_PATH)}"
        except OSError:
            return ""

    def volumes(self, mounts: Sequence[MountJson]) -> list[MountJson]:
        """Make the image's own volumes, those that the pod mounts nothing at, with what the image has there.

        They can be written to when nothing else can.
        """
        taken = {os.path.normpath(mount["target"]) for mount in mounts}
        wanted = [path for path in map(os.path.normpath, self._image["volumes"]) if path not in taken]
        made: list[MountJson] = []
        for number, target in enumerate(wanted):
            source = f"{self._image['scratch']}/volume-{number}"
            os.mkdir(source)
            os.chown(source, self._first_id, self._first_id)
            if inside := self.look(target):
                copy_tree(inside, source)
            made.append({"source": source, "target": target, "read_only": False, "is_theirs": True})
        return made

    def remove(self) -> None:
        """Take it away, with all that the container wrote; it has ended."""
        os.close(self._fd)
        with suppress(OSError, RootError):  # what stays is removed with the pod
            libc.umount2(self.path, libc.MNT_DETACH)
            _run(["rm", "-rf", "--one-file-system", "--", self._image["scratch"]])

    def _theirs(self, users_fd: int) -> str:
        """Show the image's files as those of a user namespace's users."""
        place = f"{self._work}/lower"
        os.mkdir(place)
        source = os.open(self._image["root"], os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            mount_as_theirs(source, place, users_fd)
        finally:
            os.close(source)
        return place

    def _mount(self) -> None:
        scratch = self._image["scratch"]
        try:
            self._overlay(scratch)
        except OSError:
            # What lies on an overlay itself (a container's own file system) can be no upper layer.
            memory = f"{self._work}/memory"
            os.makedirs(memory)
            libc.mount("tmpfs", memory, "tmpfs", libc.MS_NOSUID | libc.MS_NODEV, "mode=0755")
            for name in ("upper", "workdir"):
                os.mkdir(f"{memory}/{name}")
            try:
                self._overlay(memory)
            except OSError:
                copy_tree(self._lower, f"{scratch}/upper")
                libc.mount(f"{scratch}/upper", self.path, "none", libc.MS_BIND)

    def _overlay(self, over: str) -> None:
        """Mount an overlay; ``volatile``: nobody needs these files after a crash, so none is synced."""
        os.chown(f"{over}/upper", self._first_id, self._first_id)
        paths = {"lowerdir": self._lower, "upperdir": f"{over}/upper", "workdir": f"{over}/workdir"}
        options = ",".join(f"{name}={_escaped(path)}" for name, path in paths.items())
        try:
            libc.mount("overlay", self.path, "overlay", 0, f"{options},volatile")
        except OSError:  # Linux 5.10 has it
            libc.mount("overlay", self.path, "overlay", 0, options)


def copy_tree(source: str, target: str) -> None:
    """Copy what is in a directory, with owners, modes and links; RootError says why not."""
    _run(["cp", "-a", "--reflink=auto", "--", f"{source}/.", target])


def _run(argv: list[str]) -> None:
    null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    try:
        pid = spawn(argv, {"PATH": _PATH}, descriptors=(null, null, null))
    except SpawnError as err:
        raise RootError(f"{argv[0]}: {err}") from err
    finally:
        os.close(null)
    _, status = os.waitpid(pid, 0)
    if status:
        raise RootError(f"{' '.join(argv)} failed")


def _escaped(path: str) -> str:
    return path.replace("\\", "\\\\").replace(":", "\\:").replace(",", "\\,")
