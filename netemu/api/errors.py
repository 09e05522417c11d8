"""What an API request can fail with: ``metav1.Status`` as exceptions.

Source: apimachinery ``pkg/api/errors`` (reasons and HTTP codes as Kubernetes documents them).
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from msgspec import Struct

from netemu.errors import NetemuError

CauseReason = Literal[
    "FieldValueRequired",
    "FieldValueInvalid",
    "FieldValueNotSupported",
    "FieldValueDuplicate",
    "FieldValueForbidden",
    "FieldValueNotFound",
    "FieldValueTypeInvalid",
    "FieldValueTooLong",
    "FieldValueTooMany",
    "NamespaceTerminating",
    "FieldManagerConflict",
    "ResourceVersionTooLarge",
    "DisruptionBudget",
]


class Cause(Struct, frozen=True, kw_only=True):
    """One field that is wrong (``metav1.StatusCause``); ``message`` carries no field path."""

    field: str
    message: str
    reason: CauseReason = "FieldValueInvalid"


class ApiError(NetemuError):
    """A request that the API refuses; rendered as a ``Status`` at the HTTP border."""

    code: ClassVar[str] = "API_ERROR"
    reason: str = "InternalError"
    http_status: int = 500

    def __init__(
        self,
        message: str,
        *,
        group: str = "",
        kind: str = "",
        name: str = "",
        causes: tuple[Cause, ...] = (),
        hint: str = "",
    ) -> None:
        super().__init__(message, hint=hint)
        self.group = group
        self.kind = kind
        self.name = name
        self.causes = causes


class NotFoundError(ApiError):
    """The object, or the path, does not exist."""

    code, reason, http_status = "API_NOT_FOUND", "NotFound", 404


class AlreadyExistsError(ApiError):
    """An object of that kind, namespace and name exists."""

    code, reason, http_status = "API_ALREADY_EXISTS", "AlreadyExists", 409


class ConflictError(ApiError):
    """The object changed since it was read, or a precondition does not hold."""

    code, reason, http_status = "API_CONFLICT", "Conflict", 409


class InvalidError(ApiError):
    """The object breaks a rule of its kind; ``causes`` name the fields."""

    code, reason, http_status = "API_INVALID", "Invalid", 422


class BadRequestError(ApiError):
    """The request itself cannot be understood."""

    code, reason, http_status = "API_BAD_REQUEST", "BadRequest", 400


class UnauthorizedError(ApiError):
    """Nobody knows who asks."""

    code, reason, http_status = "API_UNAUTHORIZED", "Unauthorized", 401


class ForbiddenError(ApiError):
    """The request is understood and refused."""

    code, reason, http_status = "API_FORBIDDEN", "Forbidden", 403


class MethodNotAllowedError(ApiError):
    """The resource has no such verb."""

    code, reason, http_status = "API_METHOD_NOT_ALLOWED", "MethodNotAllowed", 405


class UnsupportedMediaTypeError(ApiError):
    """The body's content type is not one that the resource takes."""

    code, reason, http_status = "API_UNSUPPORTED_MEDIA_TYPE", "UnsupportedMediaType", 415


class RequestTooLargeError(ApiError):
    """The body is longer than the server reads."""

    code, reason, http_status = "API_REQUEST_TOO_LARGE", "RequestEntityTooLarge", 413


class ExpiredError(ApiError):
    """The revision asked for is no longer kept (410 Gone): list again."""

    code, reason, http_status = "API_EXPIRED", "Expired", 410

    def __init__(self, message: str, *, continue_token: str = "", **more: Any) -> None:
        super().__init__(message, **more)
        self.continue_token = continue_token
        """Where a list can go on, though not as one consistent whole."""


class NotAcceptableError(ApiError):
    """The client takes no form of answer that the resource has."""

    code, reason, http_status = "API_NOT_ACCEPTABLE", "NotAcceptable", 406


class TooManyRequestsError(ApiError):
    """The request may go through later, when what stands against it has changed."""

    code, reason, http_status = "API_TOO_MANY_REQUESTS", "TooManyRequests", 429


class TimedOutError(ApiError):
    """What the request waits for did not come in time."""

    code, reason, http_status = "API_TIMEOUT", "Timeout", 504


class UnavailableError(ApiError):
    """The server cannot be reached or is not ready; the same request may go through later."""

    code, reason, http_status = "API_UNAVAILABLE", "ServiceUnavailable", 503


class DecidedElsewhereError(ApiError):
    """A webhook or policy refused, with a reason and a code of its own."""

    code = "API_DECIDED_ELSEWHERE"

    def __init__(self, message: str, *, http_status: int, reason: str, **more: Any) -> None:
        super().__init__(message, **more)
        self.http_status = http_status
        self.reason = reason
