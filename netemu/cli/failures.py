"""Errors as kubectl words them."""

from __future__ import annotations

from netemu.api.errors import ApiError, InvalidError, UnavailableError
from netemu.errors import NetemuError


def render_failure(error: NetemuError) -> str:
    """Say what went wrong, and on a line of its own what to do about it."""
    text = _render_api(error) if isinstance(error, ApiError) else f"error: {error.message}"
    return f"{text}\n  {error.hint}" if error.hint else text


def render_causes(error: ApiError) -> list[str]:
    """Give one line for each field that is wrong, or the message if none is named."""
    return [f"{cause.field}: {cause.message}" for cause in error.causes] or [error.message]


def _render_api(error: ApiError) -> str:
    if isinstance(error, UnavailableError):
        return f"error: {error.message}"
    if not isinstance(error, InvalidError):
        return f"Error from server ({error.reason}): {error.message}"
    subject = f'The {error.kind} "{error.name}" is invalid' if error.kind else "The request is invalid"
    causes = render_causes(error)
    if len(causes) == 1:
        return f"{subject}: {causes[0]}"
    return "\n".join([f"{subject}: ", *(f"* {cause}" for cause in causes)])
