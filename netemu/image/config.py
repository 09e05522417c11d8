"""An image's configuration, and what it means for a container. Pure.

Source: https://github.com/opencontainers/image-spec/blob/main/config.md
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct, field

from netemu.image.errors import ImageError


class Process(Struct, frozen=True, kw_only=True):
    """``config`` of an image: how its containers run unless the pod says otherwise."""

    user: str = field(name="User", default="")
    env: tuple[str, ...] | None = field(name="Env", default=None)
    entrypoint: tuple[str, ...] | None = field(name="Entrypoint", default=None)
    cmd: tuple[str, ...] | None = field(name="Cmd", default=None)
    working_dir: str = field(name="WorkingDir", default="")
    volumes: dict[str, Any] | None = field(name="Volumes", default=None)
    stop_signal: str = field(name="StopSignal", default="")

    def argv(self, command: Sequence[str], args: Sequence[str]) -> tuple[str, ...]:
        """Give the command line of a container with a pod's ``command`` and ``args``.

        Source: https://kubernetes.io/docs/tasks/inject-data-application/define-command-argument-container/
        """
        if command:
            return (*command, *args)
        return (*(self.entrypoint or ()), *(args or self.cmd or ()))

    def variables(self) -> dict[str, str]:
        """Give the image's environment."""
        return {name: value for name, _, value in (each.partition("=") for each in self.env or ())}


class RootFs(Struct, frozen=True, kw_only=True):
    """The digests of an image's uncompressed layers, the lowest first."""

    diff_ids: tuple[str, ...] = ()


class Config(Struct, frozen=True, kw_only=True):
    """An image's whole configuration."""

    architecture: str = ""
    os: str = "linux"
    created: str = ""
    config: Process | None = None
    rootfs: RootFs = RootFs()

    @property
    def process(self) -> Process:
        """How its containers run."""
        return self.config or Process()


def parse_config(data: bytes, source: str) -> Config:
    """Read an image's configuration.

    Raises:
        ImageError: it is none; the message names ``source``.

    """
    try:
        return msgspec.json.decode(data, type=Config)
    except (msgspec.MsgspecError, UnicodeDecodeError) as err:
        raise ImageError(f"{source}: no image configuration: {err}") from err
