"""One tree of errors, each with a stable code and the next step.

A message says what happened, with its values; the hint says what to do about it.
Errors of other libraries are mapped to one of these where they enter, and chained.
"""

from __future__ import annotations

from typing import ClassVar


class NetemuError(Exception):
    """Anything that netemu reports to a person or a program.

    ``code`` is stable and machine-readable (``AREA_PROBLEM``); ``hint`` is a sentence
    that names the next step, or empty when there is none.
    """

    code: ClassVar[str] = "NETEMU_ERROR"

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  {self.hint}" if self.hint else self.message


class SettingsError(NetemuError):
    """A setting has a value that cannot work."""

    code = "SETTINGS_INVALID"


class MissingProgramError(NetemuError):
    """A program that netemu runs is not installed."""

    code = "MACHINE_PROGRAM_MISSING"


class PermissionDeniedError(NetemuError):
    """The calling user may not do this on this machine."""

    code = "MACHINE_PERMISSION_DENIED"


class KernelError(NetemuError):
    """The kernel refused an operation. ``errno`` is Linux's number, 0 if there is none."""

    code = "KERNEL_REFUSED"

    def __init__(self, message: str, *, errno: int = 0, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.errno = errno
