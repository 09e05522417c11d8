"""JSON Web Tokens of ServiceAccounts: signed and verified with ES256 (RFC 7515, RFC 7518 3.4).

What they claim is Kubernetes' own: see ``netemu.apiserver.auth.accounts``. Only the signature
is dealt with here.
"""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import msgspec

from netemu.errors import NetemuError

Claims = dict[str, Any]

_HALF_BYTES = 32  # each of the two numbers of a signature on P-256


class TokenError(NetemuError):
    """It is no token that this key signed."""

    code = "PKI_TOKEN_INVALID"


class TokenKey:
    """The key of one cluster; ``cryptography`` is loaded when it is first used."""

    def __init__(self, pem: bytes) -> None:
        self._pem = pem
        self._loaded: _Loaded | None = None

    def sign(self, claims: Claims) -> str:
        """Give the token that makes these claims."""
        key = self._key()
        head = _encode(msgspec.json.encode({"alg": "ES256", "kid": key.id, "typ": "JWT"}))
        signed = f"{head}.{_encode(msgspec.json.encode(claims))}"
        return f"{signed}.{_encode(key.sign(signed.encode()))}"

    def verify(self, token: str) -> Claims:
        """Give what a token claims; whether that still holds is the caller's question.

        Raises:
            TokenError: it is malformed, or another key signed it.

        """
        signed, _, signature = token.rpartition(".")
        head, _, body = signed.partition(".")
        try:
            algorithm = msgspec.json.decode(_decode(head), type=dict[str, Any]).get("alg")
            raw = _decode(signature)
            claims: Claims = msgspec.json.decode(_decode(body), type=dict[str, Any])
        except (msgspec.DecodeError, ValueError) as err:
            raise TokenError(f"not a JSON Web Token: {err}") from err
        if algorithm != "ES256" or not self._key().is_signed(signed.encode(), raw):
            raise TokenError("the token's signature is not this cluster's")
        return claims

    def jwks(self) -> dict[str, Any]:
        """Give the public key as a JSON Web Key Set (RFC 7517), for who verifies elsewhere."""
        return {"keys": [self._key().jwk()]}

    def _key(self) -> _Loaded:
        if self._loaded is None:
            self._loaded = _Loaded(self._pem)
        return self._loaded


class _Loaded:
    """The key as ``cryptography`` has it."""

    def __init__(self, pem: bytes) -> None:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric import ec, utils
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.serialization import (
            Encoding,
            PublicFormat,
            load_pem_private_key,
        )

        key = load_pem_private_key(pem, password=None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise TokenError("the key of ServiceAccounts must be on P-256")
        self._private, self._public = key, key.public_key()
        self._algorithm = ec.ECDSA(SHA256())
        self._invalid = InvalidSignature
        self._utils = utils
        der = self._public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        self.id = _encode(hashlib.sha256(der).digest())

    def sign(self, data: bytes) -> bytes:
        r, s = self._utils.decode_dss_signature(self._private.sign(data, self._algorithm))
        return r.to_bytes(_HALF_BYTES, "big") + s.to_bytes(_HALF_BYTES, "big")

    def is_signed(self, data: bytes, signature: bytes) -> bool:
        if len(signature) != 2 * _HALF_BYTES:
            return False
        r, s = (int.from_bytes(half, "big") for half in (signature[:_HALF_BYTES], signature[_HALF_BYTES:]))
        try:
            self._public.verify(self._utils.encode_dss_signature(r, s), data, self._algorithm)
        except self._invalid:
            return False
        return True

    def jwk(self) -> dict[str, str]:
        numbers = self._public.public_numbers()
        x, y = (_encode(number.to_bytes(_HALF_BYTES, "big")) for number in (numbers.x, numbers.y))
        return {"use": "sig", "kty": "EC", "kid": self.id, "crv": "P-256", "alg": "ES256", "x": x, "y": y}


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
