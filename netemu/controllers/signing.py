"""CertificateSigningRequests that somebody approved get their certificate. Pure but for the signature.

Source: kubernetes ``pkg/controller/certificates/signer/signer.go``.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Collection
from typing import Protocol

from netemu.api.client import Object
from netemu.api.kinds import CERTIFICATE_SIGNING_REQUEST as CSR
from netemu.clock import format_rfc3339
from netemu.controllers.reconciler import Reconciler, own_key
from netemu.controllers.writes import Update, Writes
from netemu.errors import NetemuError
from netemu.informer.cache import Cache, Key

YEAR_S = 365 * 24 * 3600
_CLIENT = frozenset({"digital signature", "key encipherment", "client auth"})
_SERVER = frozenset({"digital signature", "key encipherment", "server auth"})
_SIGNERS: dict[str, tuple[frozenset[str], str]] = {
    "kubernetes.io/kube-apiserver-client": (_CLIENT, "client auth"),
    "kubernetes.io/kube-apiserver-client-kubelet": (_CLIENT, "client auth"),
    "kubernetes.io/kubelet-serving": (_SERVER, "server auth"),
}
"""The usages that each signer signs, and the one that it must have."""


class Sign(Protocol):
    """Signs a request in PEM; NetemuError says why not."""

    def __call__(self, request: bytes, usages: Collection[str], *, now_s: float, lifetime_s: float) -> bytes:
        """Give the certificate in PEM."""
        ...


def certificate_signer(sign: Sign) -> Reconciler:
    """Give the controller that signs for the API's clients and the nodes."""

    def plan(cache: Cache, key: Key, now_s: float) -> Writes:
        request = cache.get(CSR, key)
        if request is None or not _waits(request):
            return []
        spec, status = request["spec"], request["status"]
        usages = spec.get("usages") or ()
        allowed, needed = _SIGNERS[spec["signerName"]]
        if not allowed.issuperset(usages) or needed not in usages:
            return [_failed(request, "SignerValidationFailure", f"invalid usage for {_what(needed)}", now_s)]
        lifetime_s = spec.get("expirationSeconds") or YEAR_S
        try:
            made = sign(b64decode(spec["request"]), usages, now_s=now_s, lifetime_s=lifetime_s)
        except NetemuError as err:
            return [_failed(request, "SigningError", err.message, now_s)]
        text = b64encode(made).decode()
        return [Update(CSR, {**request, "status": {**status, "certificate": text}}, "status")]

    return Reconciler(name="csrsigning", plan=plan, triggers={CSR: own_key})


def _what(needed: str) -> str:
    return "client certificate" if needed == "client auth" else "server certificate"


def _waits(request: Object) -> bool:
    status = request.get("status") or {}
    said = {each["type"] for each in status.get("conditions") or () if each.get("status") == "True"}
    is_decided = "Approved" in said and not said & {"Denied", "Failed"}
    return is_decided and not status.get("certificate") and request["spec"].get("signerName") in _SIGNERS


def _failed(request: Object, reason: str, message: str, now_s: float) -> Update:
    at = format_rfc3339(now_s)
    condition = {
        "type": "Failed",
        "status": "True",
        "reason": reason,
        "message": message,
        "lastUpdateTime": at,
        "lastTransitionTime": at,
    }
    status = request["status"]
    conditions = [*(status.get("conditions") or ()), condition]
    return Update(CSR, {**request, "status": {**status, "conditions": conditions}}, "status")
