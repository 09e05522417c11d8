"""Small files, in as few system calls as they take: Python's ``open`` makes four more of its own.

One ``write`` of a small file is whole or not there for whoever is killed (not for whoever loses
power): a reader takes an empty file for none.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False  # typing.TYPE_CHECKING without importing typing: CNI plugins start often
if TYPE_CHECKING:
    from pathlib import Path

_MAX_BYTES = 1 << 20


def write_small(path: Path | str, data: bytes, *, mode: int = 0o600) -> None:
    """Write a file, in place of what it held.

    Raises:
        OSError: as ``open(2)`` and ``write(2)``.

    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
    try:
        os.write(descriptor, data)
    finally:
        os.close(descriptor)


def overwrite_small(path: Path | str, data: bytes) -> None:
    """Write over the beginning of a file that is there; what is longer than that stays.

    Raises:
        OSError: as ``open(2)`` and ``write(2)``.

    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(descriptor, data)
    finally:
        os.close(descriptor)


def read_small(path: Path | str) -> bytes:
    """Read a file of less than 1 MiB; empty if there is none."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return b""
    try:
        return os.read(descriptor, _MAX_BYTES)
    finally:
        os.close(descriptor)
