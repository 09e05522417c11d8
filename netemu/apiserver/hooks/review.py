"""What webhooks are asked, and what their answers mean. Pure.

Source: https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#webhook-request-and-response,
apiserver ``pkg/admission/plugin/webhook/request`` and ``…/errors`` (words).
"""

from __future__ import annotations

from base64 import b64decode
from dataclasses import dataclass
from typing import Any

import msgspec

from netemu.api import patch as patches
from netemu.api.client import Object
from netemu.api.errors import ApiError, DecidedElsewhereError
from netemu.apiserver.hooks.attempt import Attempt
from netemu.errors import NetemuError

VERSIONS = ("v1", "v1beta1")
MAX_WARNING = 256


class BadAnswerError(NetemuError):
    """A webhook that answered what is no answer."""

    code = "WEBHOOK_ANSWER"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a webhook decided."""

    allowed: bool
    patch: Any = None
    warnings: tuple[str, ...] = ()
    status: Object | None = None


class _Status(msgspec.Struct):
    """What is read of a refusal's ``metav1.Status``."""

    message: str | None = None
    reason: str | None = None
    code: int | None = None


class _Told(msgspec.Struct):
    """The parts of a response that may be of no type that they should be."""

    warnings: list[str] | None = None
    status: _Status | None = None


def render(attempt: Attempt, uid: str, version: str) -> bytes:
    """Write a review, in the first version that the webhook knows."""
    request = {**attempt.request(uid), "object": attempt.object, "oldObject": attempt.old}
    review = {"kind": "AdmissionReview", "apiVersion": f"admission.k8s.io/{version}", "request": request}
    return msgspec.json.encode(review)


def read(body: bytes, uid: str, version: str) -> Verdict:
    """Read the answer to a review.

    Raises:
        BadAnswerError: it is none.

    """
    try:
        review = msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError) as err:
        raise BadAnswerError(f"couldn't get version/kind; json parse error: {err}") from err
    response = review.get("response")
    if not isinstance(response, dict):
        raise BadAnswerError("webhook response was absent")
    if version == "v1":
        said = (review.get("kind"), review.get("apiVersion"))
        if said != ("AdmissionReview", "admission.k8s.io/v1"):
            raise BadAnswerError(
                "expected webhook response of admission.k8s.io/v1, Kind=AdmissionReview, got"
                f" {said[1] or '/'}, Kind={said[0] or ''}"
            )
        if response.get("uid") != uid:
            raise BadAnswerError(f'expected response.uid="{uid}", got "{response.get("uid") or ""}"')
    try:
        told = msgspec.convert(response, _Told)
    except msgspec.ValidationError as err:
        raise BadAnswerError(f"couldn't get version/kind; json parse error: {err}") from err
    return Verdict(
        bool(response.get("allowed")),
        _patch(response, version),
        tuple(_shortened(each) for each in told.warnings or ()),
        response.get("status"),
    )


def patched(obj: Object, patch: Any) -> Object:
    """Give an object as a webhook wants it.

    Raises:
        BadAnswerError: the patch does not fit.

    """
    try:
        changed = patches.json_patch(obj, patch)
    except ApiError as err:
        raise BadAnswerError(err.message) from err
    if not isinstance(changed, dict):
        raise BadAnswerError("the patch leaves no object")
    return changed


def refusal(name: str, status: Object | None) -> DecidedElsewhereError:
    """Say that a webhook refused."""
    status = status or {}
    denied = f'admission webhook "{name}" denied the request'
    why = status.get("message") or status.get("reason")
    http_status: int = status.get("code") or 0
    return DecidedElsewhereError(
        f"{denied}: {why}" if why else f"{denied} without explanation",
        http_status=min(max(http_status, 400), 599),
        reason=str(status.get("reason") or ""),
    )


def _patch(response: dict[str, Any], version: str) -> Any:
    encoded = response.get("patch")
    if not encoded:
        return None
    if version == "v1" and response.get("patchType") != "JSONPatch":
        raise BadAnswerError(
            "webhook returned response.patch but not response.patchType"
            if not response.get("patchType")
            else f'invalid response.patchType of "{response["patchType"]}"'
        )
    try:
        return msgspec.json.decode(b64decode(encoded))
    except (ValueError, msgspec.DecodeError, RecursionError) as err:
        raise BadAnswerError(f"the patch cannot be read: {err}") from err


def _shortened(warning: str) -> str:
    return warning if len(warning) <= MAX_WARNING else warning[:MAX_WARNING]
