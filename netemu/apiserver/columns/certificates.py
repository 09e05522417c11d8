"""The columns of CertificateSigningRequests. Pure."""

from __future__ import annotations

from netemu.api.client import Object
from netemu.apiserver.columns.column import AGE, NAME, NONE, Column, column, field
from netemu.apiserver.columns.duration import human_duration


def _lifetime(request: Object) -> str:
    asked_s = field(request, "spec", "expirationSeconds")
    return human_duration(asked_s) if asked_s is not None else NONE


def _condition(request: Object) -> str:
    said = {condition["type"] for condition in field(request, "status", "conditions") or ()}
    decided = next((word for word in ("Denied", "Approved") if word in said), "Pending")
    failed = ",Failed" if "Failed" in said else ""
    return decided + failed + (",Issued" if field(request, "status", "certificate") else "")


CERTIFICATE_SIGNING_REQUESTS: tuple[Column, ...] = (
    NAME,
    AGE,
    column("SignerName", lambda obj: field(obj, "spec", "signerName") or NONE),
    column("Requestor", lambda obj: field(obj, "spec", "username") or ""),
    column("RequestedDuration", _lifetime),
    column("Condition", _condition),
)
