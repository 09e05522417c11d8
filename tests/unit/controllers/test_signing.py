"""Requests for certificates."""

from __future__ import annotations

from base64 import b64decode, b64encode

import pytest

from netemu.api.kinds import CERTIFICATE_SIGNING_REQUEST as CSR
from netemu.controllers.signing import YEAR_S, certificate_signer
from netemu.informer.cache import Cache, Key
from netemu.pki.signing import SigningError

KEY = Key("", "jane")
CLIENT = "kubernetes.io/kube-apiserver-client"
APPROVED = {"type": "Approved", "status": "True"}


def signed(request, usages, *, now_s, lifetime_s):
    return f"{request.decode()} for {lifetime_s}".encode()


def refused(request, usages, *, now_s, lifetime_s):
    raise SigningError("unable to verify certificate request signature")


def request(*conditions, signer=CLIENT, usages=("client auth",), certificate=None, **spec):
    status = {"conditions": list(conditions), **({"certificate": certificate} if certificate else {})}
    asked = b64encode(b"asked").decode()
    return {
        "metadata": {"name": "jane", "uid": "u", "resourceVersion": "1"},
        "spec": {"request": asked, "signerName": signer, "usages": list(usages), **spec},
        "status": status,
    }


def planned(obj, sign=signed):
    cache = Cache()
    cache.apply(CSR, obj)
    return certificate_signer(sign).plan(cache, KEY, 0.0)


@pytest.mark.parametrize(("spec", "lifetime_s"), [({}, YEAR_S), ({"expirationSeconds": 600}, 600)])
def test_an_approved_request_gets_its_certificate(spec, lifetime_s):
    (write,) = planned(request(APPROVED, **spec))

    assert b64decode(write.obj["status"]["certificate"]).decode() == f"asked for {lifetime_s}"
    assert write.subresource == "status"


@pytest.mark.parametrize(
    "obj",
    [
        pytest.param(request(), id="undecided"),
        pytest.param(request(APPROVED, {"type": "Failed", "status": "True"}), id="failed"),
        pytest.param(request({"type": "Denied", "status": "True"}), id="denied"),
        pytest.param(request(APPROVED, certificate="eA=="), id="signed"),
        pytest.param(request(APPROVED, signer="example.com/mine"), id="of-another-signer"),
    ],
)
def test_other_requests_are_left_alone(obj):
    assert planned(obj) == []


@pytest.mark.parametrize(
    ("obj", "sign", "reason", "message"),
    [
        (
            request(APPROVED, usages=("server auth",)),
            signed,
            "SignerValidationFailure",
            "invalid usage for client certificate",
        ),
        (
            request(APPROVED),
            refused,
            "SigningError",
            "unable to verify certificate request signature",
        ),
    ],
    ids=["usages", "request"],
)
def test_what_cannot_be_signed_says_why(obj, sign, reason, message):
    (write,) = planned(obj, sign)

    *before, failed = write.obj["status"]["conditions"]
    assert before == [APPROVED]
    assert (failed["type"], failed["reason"], failed["message"]) == ("Failed", reason, message)
