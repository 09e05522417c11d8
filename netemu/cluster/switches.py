"""[IO] Which nodes of a cluster are switched off: a file each, kept as long as the cluster is."""

from __future__ import annotations

import os
from pathlib import Path

from netemu.cluster.saved import make_directory
from netemu.settings import Paths


def off_nodes(paths: Paths) -> frozenset[str]:
    """Name the nodes that are to be off."""
    try:
        return frozenset(os.listdir(_directory(paths)))
    except FileNotFoundError:
        return frozenset()


def switch_off(paths: Paths, node: str) -> None:
    """Say that a node is to be off; idempotent. The daemon sees to it."""
    make_directory(_directory(paths), mode=0o700)
    (_directory(paths) / node).touch()


def switch_on(paths: Paths, node: str) -> None:
    """Say that a node is to be on; idempotent."""
    (_directory(paths) / node).unlink(missing_ok=True)


def _directory(paths: Paths) -> Path:
    return paths.state / "off"
