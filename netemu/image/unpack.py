"""[IO] Layers become one root file system: each is put over what those below it made.

Whiteouts and opaque directories remove what is there, so that nothing but files is left: neither
special files nor attributes that only some kernels and users may make. Source:
https://github.com/opencontainers/image-spec/blob/main/layer.md
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import tarfile
from contextlib import suppress
from pathlib import Path
from typing import IO

from netemu.image.archive import Hash, Layer
from netemu.image.compression import decompressed
from netemu.image.errors import ImageError
from netemu.image.sources import Source
from netemu.image.tree import Parts, Tree

_WHITEOUT = ".wh."
_OPAQUE = ".wh..wh..opq"
_AUFS_OWN = ".wh..wh."
_XATTR = "SCHILY.xattr."
_KEPT_XATTRS = ("security.capability", "user.")
_COPY_BYTES = 256 * 1024


def unpack_layer(source: Source, layer: Layer, root: Path) -> int:
    """Put one layer over what is below ``root``, and give the bytes of its files.

    Raises:
        ImageError: it is damaged, or one of its names leads out of the image.

    """
    with source.open(layer.path) as file:
        outer = _Hashed(file, layer.digest) if layer.digest else None
        name = f"{source.name}: layer {layer.path}"
        with decompressed(file, name) as plain:
            inner = _Hashed(plain, layer.diff_id)
            size_bytes = _unpack(inner, root, name)
            inner.drain()
        if inner.digest() != layer.diff_id:
            raise ImageError(f"{name} is damaged: its content is not what its digest says")
        if outer is not None:
            file.seek(0)
            outer.drain()
            if outer.digest() != layer.digest:
                raise ImageError(f"{name} is damaged: it is not what its digest says")
    return size_bytes


class _Hashed:
    """A stream that is hashed as it is read."""

    def __init__(self, file: IO[bytes], digest: str) -> None:
        self._file = file
        self._algorithm = Hash(digest).algorithm
        self._hash = hashlib.new(self._algorithm)

    def read(self, size: int = -1) -> bytes:
        """Read, and remember what was read."""
        data = self._file.read(size)
        self._hash.update(data)
        return data

    def drain(self) -> None:
        """Read to the end."""
        while self.read(_COPY_BYTES):
            pass

    def digest(self) -> str:
        """Give the digest of what was read."""
        return f"{self._algorithm}:{self._hash.hexdigest()}"


def _unpack(stream: _Hashed, root: Path, name: str) -> int:
    size_bytes = 0
    try:
        with tarfile.open(fileobj=stream, mode="r|", bufsize=_COPY_BYTES) as tar, Tree(root) as tree:  # type: ignore[call-overload]
            layer = _Layer(tar, tree)
            for member in tar:
                layer.take(member)
                size_bytes += member.size
                tar.members = []  # a stream does not go back; large layers have 100,000 of them
    except tarfile.TarError as err:
        raise ImageError(f"{name} is damaged: {err}") from err
    except (OSError, OverflowError, ValueError) as err:  # numbers and names that no file can have
        raise ImageError(f"{name} cannot be unpacked: {err}") from err
    return size_bytes


class _Layer:
    """What one layer did so far: whiteouts concern only the layers below."""

    def __init__(self, tar: tarfile.TarFile, tree: Tree) -> None:
        self._tar = tar
        self._tree = tree
        self._made: set[Parts] = set()  # with the directories above
        self._is_root = os.geteuid() == 0

    def take(self, member: tarfile.TarInfo) -> None:
        """Do what one entry says."""
        path = _parts(member.name)
        if not path:
            if member.isdir():
                self._set_attributes(member, self._tree.root(), ".")
            return
        *above, base = path
        if base == _OPAQUE:
            self._tree.remove_below(self._tree.place_of(tuple(above)), self._is_made)
        elif base.startswith(_AUFS_OWN):
            return
        elif base.startswith(_WHITEOUT):
            self._whiteout((*above, base.removeprefix(_WHITEOUT)))
        elif not (member.ischr() or member.isblk()):  # a container's /dev is its runtime's
            self._make(member, path)

    def _whiteout(self, path: Parts) -> None:
        if path[-1] in {"", ".", ".."}:
            raise ImageError(f"/{'/'.join(path)}: no name of a whiteout")
        place = (*self._tree.place_of(path[:-1]), path[-1])
        if not self._is_made(place):
            self._tree.remove(place)
        elif stat.S_ISDIR(self._tree.mode_of(*self._tree.parent_of(place)) or 0):
            self._tree.remove_below(place, self._is_made)

    def _make(self, member: tarfile.TarInfo, path: Parts) -> None:
        directory, name = self._tree.parent_of(path)
        mode = self._tree.mode_of(directory, name)
        if mode is not None and not (member.isdir() and stat.S_ISDIR(mode)):
            self._tree.remove(path)
            mode = None
            directory, name = self._tree.parent_of(path)
        if member.isdir():
            if mode is None:
                os.mkdir(name, 0o755, dir_fd=directory)
        elif member.issym():
            os.symlink(member.linkname, name, dir_fd=directory)
        elif member.islnk():
            self._link(member, path)
        elif member.isfifo():
            os.mkfifo(name, dir_fd=directory)
        else:
            self._write(member, directory, name)
        self._note((*self._tree.place_of(path[:-1]), name))
        if not member.islnk():
            self._set_attributes(member, directory, name)

    def _link(self, member: tarfile.TarInfo, path: Parts) -> None:
        target = _parts(member.linkname)
        if not target:
            raise ImageError(f"{member.name}: a hard link to nothing")
        directory, target_name = self._tree.parent_of(target)
        source = os.dup(directory)
        try:
            directory, name = self._tree.parent_of(path)
            os.link(target_name, name, src_dir_fd=source, dst_dir_fd=directory, follow_symlinks=False)
        finally:
            os.close(source)

    def _write(self, member: tarfile.TarInfo, directory: int, name: str) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        content = self._tar.extractfile(member)
        if content is None:
            raise ImageError(f"{member.name}: an entry of an unknown type")
        with open(os.open(name, flags, 0o600, dir_fd=directory), "wb") as file:
            shutil.copyfileobj(content, file, _COPY_BYTES)

    def _set_attributes(self, member: tarfile.TarInfo, directory: int, name: str) -> None:
        """Set owner before mode: a change of owner takes set-user-ID away."""
        if self._is_root:
            os.chown(name, member.uid, member.gid, dir_fd=directory, follow_symlinks=False)
        if not member.issym():
            os.chmod(name, member.mode & 0o7777, dir_fd=directory)
            self._set_xattrs(member, directory, name)
        times = (int(member.mtime * 1e9), int(member.mtime * 1e9))
        os.utime(name, ns=times, dir_fd=directory, follow_symlinks=False)

    def _set_xattrs(self, member: tarfile.TarInfo, directory: int, name: str) -> None:
        for key, value in member.pax_headers.items():
            attribute = key.removeprefix(_XATTR)
            if attribute != key and attribute.startswith(_KEPT_XATTRS):
                with suppress(OSError):  # not every file system and user may have them
                    data = value.encode("utf-8", "surrogateescape")
                    os.setxattr(f"/proc/self/fd/{directory}/{name}", attribute, data)

    def _note(self, place: Parts) -> None:
        self._made.update(place[:count] for count in range(1, len(place) + 1))

    def _is_made(self, place: Parts) -> bool:
        """Tell whether this layer made a path, or something below it."""
        return place in self._made


def _parts(name: str) -> Parts:
    """Split an entry's name.

    Raises:
        ImageError: it leads out of the image.

    """
    parts = tuple(part for part in name.split("/") if part not in {"", "."})
    if ".." in parts:
        raise ImageError(f"the entry {name!r} leads out of the image")
    return parts
