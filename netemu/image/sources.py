"""[IO] The files of an image that someone saved: in a directory, or in an archive of any compression."""

from __future__ import annotations

import os
import posixpath
import shutil
import tarfile
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Protocol

from netemu.image.compression import COMPRESSED, decompressed, magic_of
from netemu.image.errors import ImageError

_MOST_LINKS = 8
_COPY_BYTES = 1024 * 1024


class Source(Protocol):
    """Named files, to be read."""

    name: str

    def has(self, path: str) -> bool:
        """Tell whether there is a file of this name."""
        ...

    def open(self, path: str) -> IO[bytes]:
        """Open a file.

        Raises:
            ImageError: there is none.

        """
        ...


class DirectorySource:
    """An OCI layout as a directory."""

    def __init__(self, root: Path) -> None:
        self.name = str(root)
        self._root = root

    def has(self, path: str) -> bool:
        """Tell whether there is a file of this name."""
        return self._inside(path) and (self._root / path).is_file()

    def open(self, path: str) -> IO[bytes]:
        """Open a file; ImageError if there is none."""
        if not self.has(path):
            raise _missing(self.name, path)
        return (self._root / path).open("rb")

    def _inside(self, path: str) -> bool:
        return (self._root / path).resolve().is_relative_to(self._root.resolve())


class TarSource:
    """An archive that is not compressed, so that any file in it is found without reading the others."""

    def __init__(self, name: str, tar: tarfile.TarFile) -> None:
        self.name = name
        self._tar = tar
        self._members = {posixpath.normpath(member.name).lstrip("/"): member for member in tar}

    def has(self, path: str) -> bool:
        """Tell whether there is a file of this name."""
        return self._find(path) is not None

    def open(self, path: str) -> IO[bytes]:
        """Open a file; ImageError if there is none."""
        member = self._find(path)
        file = None if member is None else self._tar.extractfile(member)
        if file is None:
            raise _missing(self.name, path)
        return file

    def _find(self, path: str) -> tarfile.TarInfo | None:
        """Follow links inside the archive: docker save stores a layer of several images once."""
        path = posixpath.normpath(path)
        for _ in range(_MOST_LINKS):
            member = self._members.get(path)
            if member is None or member.isfile():
                return member
            if member.issym():
                path = posixpath.normpath(posixpath.join(posixpath.dirname(path), member.linkname))
            elif member.islnk():
                path = posixpath.normpath(member.linkname)
            else:
                return None
        return None


def open_source(path: Path, stack: ExitStack, scratch: Path) -> Source:
    """Open what ``netemu image load`` was given; ``stack`` closes it.

    A compressed archive is unpacked into ``scratch`` first.

    Raises:
        ImageError: it cannot be read, or is no archive.

    """
    try:
        if path.is_dir():
            return DirectorySource(path)
        return open_archive(str(path), stack.enter_context(path.open("rb")), stack, scratch)
    except OSError as err:
        raise ImageError(f"{path} cannot be read: {err.strerror or err}") from err


def open_archive(name: str, file: IO[bytes], stack: ExitStack, scratch: Path) -> Source:
    """Open an archive that is a stream of bytes, such as standard input."""
    if not file.seekable() or magic_of(file) in COMPRESSED:
        file = _spooled(name, file, stack, scratch)
    try:
        return TarSource(name, stack.enter_context(tarfile.open(fileobj=file, mode="r:")))
    except tarfile.TarError as err:
        raise ImageError(
            f"{name} is no image: {err}", hint="docker save NAME -o FILE, or an OCI layout (skopeo, buildah)"
        ) from err


def _spooled(name: str, file: IO[bytes], stack: ExitStack, scratch: Path) -> IO[bytes]:
    plain = stack.enter_context(tempfile.TemporaryFile(dir=scratch))  # noqa: SIM115 - the stack closes it
    if not file.seekable():
        shutil.copyfileobj(file, plain, _COPY_BYTES)
        plain.seek(0, os.SEEK_SET)
        return _spooled(name, plain, stack, scratch) if magic_of(plain) in COMPRESSED else plain
    with decompressed(file, name) as stream:
        shutil.copyfileobj(stream, plain, _COPY_BYTES)
    plain.seek(0, os.SEEK_SET)
    return plain


def _missing(source: str, path: str) -> ImageError:
    return ImageError(f"{source} is no whole image: it has no {path}")
