"""[IO] The settings a cluster was brought up with, kept beside its store."""

from __future__ import annotations

import os

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
    paths.state.mkdir(parents=True, exist_ok=True, mode=0o700)
    new = paths.state / "settings.json.new"
    new.write_bytes(msgspec.json.encode(settings))
    os.replace(new, paths.state / "settings.json")
