"""What a shim or the stand-in server can fail with, as its clients see it."""

from __future__ import annotations

from typing import ClassVar

from netemu.errors import NetemuError


class ControlError(NetemuError):
    """A shim or the stand-in server refused a request; ``code`` is its word for why."""

    code: ClassVar[str] = "RUNTIME_REFUSED"


class ContainerNotFoundError(ControlError):
    """No container has this id."""

    code = "RUNTIME_CONTAINER_NOT_FOUND"


class ContainerExistsError(ControlError):
    """A container of this id is there already, running or ended."""

    code = "RUNTIME_CONTAINER_EXISTS"


class DisconnectedError(ControlError):
    """The shim or the stand-in server went away, or was never there."""

    code = "RUNTIME_DISCONNECTED"


def error_of(code: str, message: str, hint: str = "") -> ControlError:
    """Give the error that a reply's code stands for."""
    for kind in (ContainerNotFoundError, ContainerExistsError):
        if kind.code == code:
            return kind(message, hint=hint)
    return ControlError(message, hint=hint)
