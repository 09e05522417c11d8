"""[IO] Streams of bytes, decompressed by what they begin with."""

from __future__ import annotations

import bz2
import gzip
import lzma
import shutil
import subprocess
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Literal

from netemu.image.errors import ImageError

Compression = Literal["", "gzip", "bzip2", "xz", "zstd"]

COMPRESSED: tuple[Compression, ...] = ("gzip", "bzip2", "xz", "zstd")

_MAGIC: dict[bytes, Compression] = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ\0": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
}


def magic_of(file: IO[bytes]) -> Compression:
    """Tell how a file that can be sought is compressed; its position stays."""
    position = file.tell()
    begin = file.read(8)
    file.seek(position)
    return next((kind for magic, kind in _MAGIC.items() if begin.startswith(magic)), "")


@contextmanager
def decompressed(file: IO[bytes], name: str) -> Iterator[IO[bytes]]:
    """Give the plain bytes of a file; what is damaged shows while it is read.

    Raises:
        ImageError: it is damaged, or compressed in a way that this machine cannot read.

    """
    try:
        match magic_of(file):
            case "":
                yield file
            case "gzip":
                with gzip.GzipFile(fileobj=file, mode="rb") as plain:
                    yield plain  # type: ignore[misc] # a file in all but its type
            case "bzip2":
                with bz2.BZ2File(file) as plain:
                    yield plain
            case "xz":
                with lzma.LZMAFile(file) as plain:
                    yield plain
            case "zstd":
                with _unzstd(file, name) as plain:
                    yield plain
    except (EOFError, gzip.BadGzipFile, lzma.LZMAError, zlib.error) as err:
        raise ImageError(f"{name} is damaged: {err}") from err


@contextmanager
def _unzstd(file: IO[bytes], name: str) -> Iterator[IO[bytes]]:
    """Read through the program zstd: Python 3.11 has no such module."""
    program = shutil.which("zstd")
    if program is None:
        raise ImageError(
            f"{name} is compressed with zstd, which needs a program that is not installed",
            hint="apt-get install zstd; or save the image with gzip",
        )
    with tempfile.TemporaryFile() as copy:  # the program reads a descriptor, not a member of an archive
        shutil.copyfileobj(file, copy)
        copy.seek(0)
        with subprocess.Popen(
            [program, "-dcq"], stdin=copy, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={}
        ) as process:
            assert process.stdout is not None
            yield process.stdout
            if process.wait() != 0:
                raise ImageError(f"{name} is damaged: zstd cannot read it")
