"""[IO] One ``up`` or ``down`` of a cluster at a time."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from netemu.cluster.saved import make_directory
from netemu.settings import Paths


@contextmanager
def locked(paths: Paths) -> Iterator[None]:
    """Keep ``up`` and ``down`` of one cluster from running at the same time; leaves no file."""
    directory = paths.run.parent
    path = directory / f".{paths.run.name}.lock"
    while True:
        make_directory(directory, mode=0o755)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if _is_same_file(descriptor, path):
            break
        os.close(descriptor)  # whoever held it before us removed it when done
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(descriptor)
        remove_if_empty(directory)


def remove_if_empty(directory: Path) -> None:
    """Remove a directory that holds nothing; idempotent."""
    try:
        directory.rmdir()
    except OSError as err:
        if err.errno not in (errno.ENOTEMPTY, errno.ENOENT):
            raise


def _is_same_file(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
