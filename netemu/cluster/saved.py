"""[IO] The settings a cluster was brought up with, kept beside its store."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from netemu.errors import NetemuError, PermissionDeniedError, SettingsError
from netemu.settings import Paths, Settings


class NoClusterError(NetemuError):
    """There is no cluster of that name."""

    code = "CLUSTER_NOT_FOUND"

    def __init__(self, name: str) -> None:
        roots = "" if os.geteuid() == 0 else "sudo netemu … if root started it; "
        super().__init__(f"there is no cluster named {name!r}", hint=f"{roots}netemu up --name {name}")


def get_saved(name: str, paths: Paths) -> Settings:
    """Read the settings of a cluster that there must be.

    Raises:
        NoClusterError: it was never brought up, or it was taken down.
        PermissionDeniedError, SettingsError: see ``load_saved``.

    """
    settings = load_saved(paths)
    if settings is None:
        raise NoClusterError(name)
    return settings


def load_saved(paths: Paths) -> Settings | None:
    """Read the settings of an existing cluster; ``None`` when there is none.

    Raises:
        PermissionDeniedError: another user's file.
        SettingsError: the file is damaged.

    """
    path = paths.state / "settings.json"
    try:
        return msgspec.json.decode(path.read_bytes(), type=Settings)
    except FileNotFoundError:
        return None
    except PermissionError as err:
        raise PermissionDeniedError(f"{path} belongs to another user", hint="sudo netemu …") from err
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
