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
from netemu.api import schema, shapecheck
from netemu.api.client import Object
from netemu.api.errors import ApiError, BadRequestError, DecidedElsewhereError, InvalidError
from netemu.apiserver.hooks.attempt import Attempt
from netemu.errors import NetemuError

VERSIONS = ("v1", "v1beta1")
PATCH_TYPE = "JSONPatch"
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


def render(attempt: Attempt, uid: str, version: str) -> bytes:
    """Write a review, in the first version that the webhook knows."""
    request = {**attempt.request(uid), "object": attempt.object, "oldObject": attempt.old}
    review = {"kind": "AdmissionReview", "apiVersion": f"admission.k8s.io/{version}", "request": request}
    return msgspec.json.encode(review)


def read(body: bytes, uid: str, version: str, *, may_change: bool) -> Verdict:
    """Read the answer to a review, from a webhook that may change objects or only check them.

    Raises:
        BadAnswerError: it is none.

    """
    review = _decoded(body)
    response = review.get("response")
    why = _ill_formed(review, response, uid, may_change=may_change) if version == "v1" else ""
    if response is None or why:
        raise BadAnswerError(f"received invalid webhook response: {why or 'webhook response was absent'}")
    return Verdict(
        bool(response.get("allowed")),
        _patch(response, version),
        tuple(each[:MAX_WARNING] for each in response.get("warnings") or ()),
        response.get("status"),
    )


def patched(attempt: Attempt, name: str, patch: Any) -> Object:
    """Give an object as a webhook wants it.

    Raises:
        BadAnswerError: that is no patch.
        ApiError: the patch does not fit, or leaves no object of its kind.

    """
    if attempt.object is None:
        raise internal(
            f'admission webhook "{name}" attempted to modify the object, which is not supported for'
            f" this operation"
        )
    try:
        changed = patches.json_patch(attempt.object, patch)
    except BadRequestError as err:
        raise BadAnswerError(f"received undecodable patch in webhook response: {err.message}") from err
    except InvalidError as err:
        raise internal(err.message.removeprefix(patches.REJECTED)) from err
    return read_as(attempt, changed)


def read_as(attempt: Attempt, changed: Any) -> Object:
    """Read what someone made of an object as one of its kind.

    What its schema does not know is dropped: nobody stores it, nor sees it next.

    Raises:
        ApiError: it is none.

    """
    kind = attempt.kind
    if not isinstance(changed, dict) or not isinstance(changed.get("metadata") or {}, dict):
        raise internal(schema.check_head(kind, changed).refusal)
    if attempt.shown_as != (kind.group, kind.version, kind.kind):
        return changed
    found = schema.check(kind, changed)
    if found.wrong:
        raise internal(found.refusal)
    pruned: Object = schema.prune(kind, {**changed, "metadata": changed.get("metadata") or {}})
    return pruned


def internal(why: str) -> ApiError:
    """Say that it is not the client's fault."""
    return ApiError(f"Internal error occurred: {why}")


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


def _decoded(body: bytes) -> dict[str, Any]:
    try:
        review = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError) as err:
        raise BadAnswerError(f"{_CALLED}: couldn't get version/kind; json parse error: {err}") from err
    if found := _REVIEW(review):
        misfit = found[0].misfit
        words = misfit if isinstance(misfit, str) else misfit.words()
        raise BadAnswerError(f"{_CALLED}: {words}")
    made: dict[str, Any] = review
    return made


def _ill_formed(
    review: dict[str, Any], response: dict[str, Any] | None, uid: str, *, may_change: bool
) -> str:
    """Say what of an answer in v1 is not as it must be."""
    if response is None:
        return ""
    group, _, version = str(review.get("apiVersion") or "").rpartition("/")
    said = (group, version, review.get("kind") or "")
    if said != ("admission.k8s.io", "v1", "AdmissionReview"):
        got = f"{said[0]}/{said[1]}, Kind={said[2]}"
        return f"expected webhook response of admission.k8s.io/v1, Kind=AdmissionReview, got {got}"
    if response.get("uid") != uid:
        return f'expected response.uid="{uid}", got "{response.get("uid") or ""}"'
    patch, patch_type = response.get("patch"), response.get("patchType")
    if not may_change:
        given = "patch" if patch else "patchType" if patch_type is not None else ""
        return f"validating webhook may not return response.{given}" if given else ""
    if patch and patch_type is None:
        return "webhook returned response.patch but not response.patchType"
    if patch_type is not None and not patch:
        return "webhook returned response.patchType but not response.patch"
    return 'webhook returned invalid response.patchType of ""' if patch_type == "" else ""


def _patch(response: dict[str, Any], version: str) -> Any:
    """Give the operations that an answer wants, as far as they can be read."""
    encoded = response.get("patch")
    if not encoded:
        return None
    patch_type = response.get("patchType") or ("" if version == "v1" else PATCH_TYPE)
    try:
        patch = msgspec.json.decode(b64decode(encoded))
    except (ValueError, msgspec.DecodeError, RecursionError) as err:
        raise BadAnswerError(f"received undecodable patch in webhook response: {err}") from err
    if patch_type != PATCH_TYPE:
        raise BadAnswerError(f'unsupported patch type "{patch_type}"')
    return patch


_CALLED = "failed to call webhook"
_TEXT = shapecheck.scalar("string", "")
_STATUS = shapecheck.partly(
    {
        "message": _TEXT,
        "reason": shapecheck.scalar("string", "", "v1.StatusReason"),
        "code": shapecheck.scalar("integer", "int32"),
    },
    "v1.Status",
)
_RESPONSE = shapecheck.partly(
    {
        "uid": shapecheck.scalar("string", "", "types.UID"),
        "allowed": shapecheck.scalar("boolean", ""),
        "status": _STATUS,
        "patch": shapecheck.scalar("string", "byte"),
        "patchType": shapecheck.scalar("string", "", "v1.PatchType"),
        "auditAnnotations": shapecheck.map_of(_TEXT, "map[string]string"),
        "warnings": shapecheck.list_of(_TEXT, "[]string"),
    },
    "v1.AdmissionResponse",
)
_REVIEW = shapecheck.partly({"apiVersion": _TEXT, "kind": _TEXT, "response": _RESPONSE}, "v1.AdmissionReview")
