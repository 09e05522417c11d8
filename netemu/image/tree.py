"""[IO] A directory as a container's root: whatever a path or a link says, nothing outside is touched.

Paths are walked a directory at a time, from descriptor to descriptor; symbolic links are followed
as inside the container: an absolute one, and ``..`` above the root, lead to the root.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from netemu.image.errors import ImageError

_MOST_LINKS = 40  # as Linux follows, include/linux/namei.h
_MOST_OPEN = 256
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC

Parts = tuple[str, ...]


class Tree:
    """The root file system of an image in the making. Directories that are missing are made."""

    def __init__(self, root: Path) -> None:
        self._open: dict[Parts, int] = {(): os.open(root, _DIRECTORY)}
        self._places: dict[Parts, Parts] = {}

    def __enter__(self) -> Tree:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        for fd in self._open.values():
            os.close(fd)

    def root(self) -> int:
        """Give the descriptor of the root."""
        return self._open[()]

    def parent_of(self, path: Parts) -> tuple[int, str]:
        """Give the directory that holds ``path``, as a descriptor, and its name there."""
        return self._descriptor(self.place_of(path[:-1])), path[-1]

    def place_of(self, directory: Parts) -> Parts:
        """Give where a directory really is, links followed; it is made if it is missing."""
        place = self._places.get(directory)
        if place is None:
            place = self._places[directory] = self._resolve(directory)
        return place

    def remove(self, path: Parts) -> None:
        """Remove a file, a link or a whole directory. Idempotent."""
        directory, name = self.parent_of(path)
        mode = self.mode_of(directory, name)
        if mode is None:
            return
        if stat.S_ISDIR(mode):
            self._forget()
            directory, name = self.parent_of(path)
            shutil.rmtree(name, dir_fd=directory)
        else:
            os.unlink(name, dir_fd=directory)
            if stat.S_ISLNK(mode):
                self._forget()

    def remove_below(self, directory: Parts, is_kept: Callable[[Parts], bool]) -> None:
        """Remove what is below a directory, except what is kept and the directories on the way to it."""
        for name in os.listdir(self._descriptor(self.place_of(directory))):
            path = (*directory, name)
            if not is_kept(path):
                self.remove(path)
            elif stat.S_ISDIR(self.mode_of(*self.parent_of(path)) or 0):
                self.remove_below(path, is_kept)

    def mode_of(self, directory: int, name: str) -> int | None:
        """Give what a name in a directory is, links not followed; ``None`` if it is not there."""
        try:
            return os.stat(name, dir_fd=directory, follow_symlinks=False).st_mode
        except FileNotFoundError:
            return None

    def _resolve(self, directory: Parts) -> Parts:
        place: list[str] = []
        ahead = list(reversed(directory))
        links = 0
        while ahead:
            part = ahead.pop()
            if part == "..":
                del place[-1:]
                continue
            target = self._link(tuple(place), part)
            if target is None:
                place.append(part)
                continue
            links += 1
            if links > _MOST_LINKS:
                raise ImageError(f"/{'/'.join(directory)}: too many symbolic links")
            if target.startswith("/"):
                place.clear()
            ahead += reversed([word for word in target.split("/") if word not in {"", "."}])
        return tuple(place)

    def _link(self, directory: Parts, name: str) -> str | None:
        """Read a link; ``None`` for a directory, which is made if it is missing."""
        fd = self._descriptor(directory)
        mode = self.mode_of(fd, name)
        if mode is None:
            os.mkdir(name, 0o755, dir_fd=fd)
            return None
        if stat.S_ISLNK(mode):
            return os.readlink(name, dir_fd=fd)
        if not stat.S_ISDIR(mode):
            raise ImageError(f"/{'/'.join((*directory, name))} is no directory, and something lies in it")
        return None

    def _descriptor(self, place: Parts) -> int:
        fd = self._open.get(place)
        if fd is None:
            parent = self._descriptor(place[:-1])
            if len(self._open) > _MOST_OPEN:
                self._forget()
                parent = self._descriptor(place[:-1])
            fd = self._open[place] = os.open(place[-1], _DIRECTORY, dir_fd=parent)
        return fd

    def _forget(self) -> None:
        """Look everything up again: directories or links have changed."""
        for place in list(self._open):
            if place:
                with suppress(OSError):
                    os.close(self._open[place])
                del self._open[place]
        self._places.clear()
