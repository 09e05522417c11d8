"""``metav1.Status``: how errors cross HTTP, in both directions."""

from __future__ import annotations

from typing import Any

from netemu.api import errors
from netemu.api.client import Object
from netemu.api.errors import ApiError, Cause

_ERRORS: tuple[type[ApiError], ...] = (
    errors.NotFoundError,
    errors.AlreadyExistsError,
    errors.ConflictError,
    errors.InvalidError,
    errors.BadRequestError,
    errors.UnauthorizedError,
    errors.ForbiddenError,
    errors.MethodNotAllowedError,
    errors.UnsupportedMediaTypeError,
    errors.RequestTooLargeError,
    errors.ExpiredError,
    errors.UnavailableError,
    errors.NotAcceptableError,
    errors.TooManyRequestsError,
    errors.TimedOutError,
)
_BY_REASON = {error.reason: error for error in _ERRORS} | {"Gone": errors.ExpiredError}
_BY_STATUS = {error.http_status: error for error in reversed(_ERRORS)}


def status_of(error: ApiError) -> Object:
    """Write an error as a Status. ``details.hint`` is netemu's own: the next step, in words."""
    details: dict[str, Any] = {"name": error.name, "group": error.group, "kind": error.kind}
    details["causes"] = [
        {"reason": cause.reason, "message": cause.message, "field": cause.field} for cause in error.causes
    ]
    details["hint"] = error.hint
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": _list_metadata(error),
        "status": "Failure",
        "message": error.message,
        "reason": error.reason,
        "details": {key: value for key, value in details.items() if value},
        "code": error.http_status,
    }


def error_of(status: Object, http_status: int = 500) -> ApiError:
    """Read a Status as the error that it stands for; an unknown reason is a plain ``ApiError``."""
    details = status.get("details") or {}
    code = status.get("code") or http_status
    error = _BY_REASON.get(status.get("reason", "")) or _BY_STATUS.get(code, ApiError)
    return error(
        status.get("message") or f"the server answered with status {code}",
        group=details.get("group", ""),
        kind=details.get("kind", ""),
        name=details.get("name", ""),
        causes=tuple(_cause(cause) for cause in details.get("causes") or ()),
        hint=details.get("hint", ""),
    )


def _list_metadata(error: ApiError) -> dict[str, str]:
    if isinstance(error, errors.ExpiredError) and error.continue_token:
        return {"continue": error.continue_token}
    return {}


def _cause(cause: dict[str, Any]) -> Cause:
    return Cause(
        field=cause.get("field", ""),
        message=cause.get("message", ""),
        reason=cause.get("reason", "FieldValueInvalid"),
    )
