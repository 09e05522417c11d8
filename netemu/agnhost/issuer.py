"""[IO] ``agnhost test-service-account-issuer-discovery``: check a token as a relying party would.

It asks the token's issuer for its configuration and keys, with the pod's own token and CA.
"""

from __future__ import annotations

import base64
import json
import time
from typing import Any

from netemu.agnhost.es256 import is_signed
from netemu.agnhost.flags import parse_flags
from netemu.agnhost.model import AppError
from netemu.agnhost.stderr import say

_FLAGS = {"token-path": "", "audience": ""}
_FILES = "/var/run/secrets/kubernetes.io/serviceaccount"
_CONFIGURATION = "/.well-known/openid-configuration"
_ASK_S = 10.0

Claims = dict[str, Any]


class UnverifiedError(Exception):
    """A token is not what it says that it is."""


def run(args: tuple[str, ...]) -> int:
    """Check one token."""
    flags = parse_flags(args, _FLAGS)
    try:
        with open(flags["token-path"]) as file:
            token = file.read()
        say("OK: Got token")
        say("validating with in-cluster discovery")
        issuer = unverified_claims(token).get("iss", "")
        say(f"OK: got issuer {issuer}")
        configuration = _ask(issuer + _CONFIGURATION)
        if configuration.get("issuer") != issuer:
            told = configuration.get("issuer")
            raise UnverifiedError(
                "oidc: issuer did not match the issuer returned by provider,"
                f' expected "{issuer}" got "{told}"'
            )
        say(f"OK: Constructed OIDC provider for issuer {issuer}")
        check(token, _ask(configuration["jwks_uri"])["keys"], flags["audience"], time.time())
    except (OSError, UnverifiedError, KeyError, ValueError) as err:
        raise AppError(f"failed to validate with in-cluster discovery: {err}") from err
    say("OK: Validated signature on JWT")
    say("OK: Got valid claims from token!")
    return 0


def unverified_claims(token: str) -> Claims:
    """Read what a token says, as its issuer must be known before its keys are."""
    parts = token.strip().split(".")
    if len(parts) != 3:
        raise UnverifiedError("oidc: malformed jwt: square/go-jose: compact JWS format must have three parts")
    claims: Claims = json.loads(_decoded(parts[1]))
    return claims


def check(token: str, keys: list[dict[str, str]], audience: str, now_s: float) -> None:
    """Check a token's signature, audience and time.

    Raises:
        UnverifiedError: one of them is wrong; the words are go-oidc's.

    """
    claims = unverified_claims(token)
    signed, _, signature = token.strip().rpartition(".")
    header = json.loads(_decoded(signed.partition(".")[0]))
    if header.get("alg") != "ES256":
        raise UnverifiedError(f'oidc: id token signed with unsupported algorithm "{header.get("alg")}"')
    heard = claims.get("aud") or []
    if audience not in ([heard] if isinstance(heard, str) else heard):
        raise UnverifiedError(f'oidc: expected audience "{audience}" got {json.dumps(heard)}')
    if claims.get("exp", 0) < now_s:
        raise UnverifiedError("oidc: token is expired")
    points = [
        _point(key) for key in keys if key.get("kid") == header.get("kid") and key.get("crv") == "P-256"
    ]
    if not any(is_signed(signed.encode(), _decoded(signature), point) for point in points):
        raise UnverifiedError("failed to verify signature: failed to verify id token signature")


def _point(key: dict[str, str]) -> tuple[int, int]:
    return int.from_bytes(_decoded(key["x"]), "big"), int.from_bytes(_decoded(key["y"]), "big")


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _ask(url: str) -> dict[str, Any]:
    import ssl
    import urllib.request

    with open(f"{_FILES}/token") as file:
        headers = {"Authorization": f"Bearer {file.read().strip()}"}
    if not url.startswith("https://"):
        raise UnverifiedError(f'Get "{url}": unsupported protocol scheme')
    context = ssl.create_default_context(cafile=f"{_FILES}/ca.crt")
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - https, see above
    with urllib.request.urlopen(request, timeout=_ASK_S, context=context) as answer:  # noqa: S310
        read: dict[str, Any] = json.load(answer)
    return read
