"""[IO] The settings a cluster was brought up with, kept beside its store."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from netemu.errors import SettingsError
from netemu.settings import Paths, Settings


def load_saved(paths: Paths) -> Settings | None:
    """Read the settings of an existing cluster; ``None`` when there is none.

    Raises:
        SettingsError: the file is damaged.

    """
    path = paths.state / "settings.json"
    try:
        return msgspec.json.decode(path.read_bytes(), type=Settings)
    except FileNotFoundError:
        return None
    except msgspec.DecodeError as err:
        raise SettingsError(
            f"{path} cannot be read: {err}", hint="netemu down removes what is left of the cluster."
        ) from err


def save(paths: Paths, settings: Settings) -> None:
    """Keep the settings for the next ``up``."""
    make_directory(paths.state, mode=0o700)
    new = paths.state / "settings.json.new"
    new.write_bytes(msgspec.json.encode(settings))
    os.replace(new, paths.state / "settings.json")


def make_directory(path: Path, *, mode: int) -> None:
    """Make a directory for what a cluster keeps, and those above it; idempotent.

    Raises:
        SettingsError: it cannot be made there.

    """
    try:
        path.mkdir(parents=True, exist_ok=True, mode=mode)
    except OSError as err:
        raise SettingsError(
            f"cannot make {path}: {os.strerror(err.errno or 0)}",
            hint="NETEMU_STATE_DIR and NETEMU_RUN_DIR put state and sockets elsewhere.",
        ) from err
