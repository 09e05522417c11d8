"""Tokens as a relying party checks them: with the standard library, against keys that others made."""

from __future__ import annotations

import base64
import json

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from netemu.agnhost.es256 import is_signed
from netemu.agnhost.issuer import UnverifiedError, check, unverified_claims

KEY = ec.generate_private_key(ec.SECP256R1())
NUMBERS = KEY.public_key().public_numbers()
POINT = (NUMBERS.x, NUMBERS.y)
CLAIMS = {"iss": "https://issuer", "aud": ["me"], "exp": 1000}


def encoded(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def signature(message):
    r, s = decode_dss_signature(KEY.sign(message, ec.ECDSA(hashes.SHA256())))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def token(claims=CLAIMS, alg="ES256"):
    signed = ".".join(encoded(json.dumps(part).encode()) for part in ({"alg": alg, "kid": "k"}, claims))
    return f"{signed}.{encoded(signature(signed.encode()))}"


JWK = {
    "kid": "k",
    "crv": "P-256",
    **{n: encoded(p.to_bytes(32, "big")) for n, p in zip("xy", POINT, strict=True)},
}


def test_a_signature_is_its_owner_s():
    assert is_signed(b"text", signature(b"text"), POINT)


@pytest.mark.parametrize(
    ("message", "signed", "point"),
    [
        (b"other", signature(b"text"), POINT),
        (b"text", b"\1" * 64, POINT),
        (b"text", b"\0" * 64, POINT),
        (b"text", b"", POINT),
        (b"text", signature(b"text"), (1, 1)),
    ],
    ids=["another-text", "ones", "zeros", "nothing", "no-point-of-the-curve"],
)
def test_all_else_is_not_signed(message, signed, point):
    assert not is_signed(message, signed, point)


def test_a_good_token_passes():
    check(token(), [JWK], "me", 999)


@pytest.mark.parametrize(
    ("given", "keys", "audience", "now_s", "why"),
    [
        (token(), [JWK], "you", 999, 'expected audience "you" got'),
        (token(), [JWK], "me", 1001, "expired"),
        (token(), [], "me", 999, "failed to verify signature"),
        (token({**CLAIMS, "sub": "x"})[:-4] + "AAAA", [JWK], "me", 999, "failed to verify signature"),
        (token(alg="none"), [JWK], "me", 999, 'unsupported algorithm "none"'),
    ],
)
def test_a_bad_token_is_told_why(given, keys, audience, now_s, why):
    with pytest.raises(UnverifiedError, match=why):
        check(given, keys, audience, now_s)


def test_what_is_no_token_is_refused():
    with pytest.raises(UnverifiedError, match="three parts"):
        unverified_claims("x")
