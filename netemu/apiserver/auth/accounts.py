"""Tokens of ServiceAccounts: what they claim, and whether it still holds.

Source: https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/ and
KEP-1205 (bound tokens): a token dies with its ServiceAccount, and with the Pod or Secret it names.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from netemu.api.client import Object
from netemu.api.errors import NotFoundError
from netemu.api.kinds import POD, SECRET, SERVICE_ACCOUNT, Kind
from netemu.apiserver.auth.lifetimes import EXTENDED_LIFETIME_S, MOUNTED_LIFETIME_S
from netemu.apiserver.auth.user import User, authenticated
from netemu.apiserver.registry import Registry
from netemu.clock import Clock
from netemu.errors import NetemuError
from netemu.pki.tokens import Claims, TokenError, TokenKey

KUBERNETES = "kubernetes.io"
REMEMBERED = 1024
_BINDABLE: Mapping[str, Kind] = {"pod": POD, "secret": SECRET}


class UnknownTokenError(NetemuError):
    """Nobody is known by this token, or not any more."""

    code = "API_TOKEN_UNKNOWN"


class Issued(NamedTuple):
    """A token, and when it ends."""

    token: str
    expires_at_s: float


class ServiceAccounts:
    """Issues tokens to ServiceAccounts and tells whose a token is."""

    def __init__(self, registry: Registry, key: TokenKey, issuer: str, clock: Clock) -> None:
        self.issuer = issuer
        self._registry = registry
        self._key = key
        self._clock = clock
        self._verified: dict[str, Claims] = {}

    def issue(
        self,
        account: Object,
        *,
        audiences: Sequence[str] = (),
        lifetime_s: int = 3600,
        bound: Object | None = None,
    ) -> Issued:
        """Give an account a token for some audiences (the API server's own if none).

        ``bound`` is the Pod or Secret without which the token is nothing.
        """
        now_s = self._clock()
        meant = list(audiences) or [self.issuer]
        claims = _claims(account, bound)
        expires_at_s = now_s + lifetime_s
        if lifetime_s == MOUNTED_LIFETIME_S and meant == [self.issuer]:
            claims["warnafter"] = int(expires_at_s)
            expires_at_s = now_s + EXTENDED_LIFETIME_S
        meta = account["metadata"]
        token = self._key.sign(
            {
                "aud": meant,
                "exp": int(expires_at_s),
                "iat": int(now_s),
                "iss": self.issuer,
                "jti": str(uuid.uuid4()),
                KUBERNETES: claims,
                "nbf": int(now_s),
                "sub": account_user(meta["namespace"], meta["name"]),
            }
        )
        return Issued(token, expires_at_s)

    def issue_for(self, pod: Object, audience: str, lifetime_s: int) -> Issued:
        """Give a token to a pod's account, bound to the pod.

        Raises:
            NotFoundError: the account does not exist.

        """
        namespace, name = pod["metadata"]["namespace"], pod["spec"].get("serviceAccountName") or "default"
        account = self._registry.get(SERVICE_ACCOUNT, namespace, name)
        audiences = [audience] if audience else []
        return self.issue(account, audiences=audiences, lifetime_s=lifetime_s, bound=pod)

    def user_of(self, token: str, audiences: Sequence[str] = ()) -> User:
        """Tell whose a token is, if it is meant for one of ``audiences`` (the API server if none).

        Raises:
            UnknownTokenError: it is forged, of another time, or what it names is gone.

        """
        claims = self._claims_of(token)
        now_s = self._clock()
        if claims.get("iss") != self.issuer or not isinstance(claims.get(KUBERNETES), dict):
            raise UnknownTokenError("the token was not issued here")
        if not set(claims.get("aud") or ()).intersection(audiences or [self.issuer]):
            raise UnknownTokenError(
                f"token audiences {claims.get('aud')!r} is invalid for the target audiences"
            )
        if now_s >= claims.get("exp", 0) or now_s < claims.get("nbf", 0) - 1:
            raise UnknownTokenError("service account token has expired")
        return self._living_user(claims)

    def jwks(self) -> dict[str, Any]:
        """Give the public key, for who checks tokens elsewhere."""
        return self._key.jwks()

    def _claims_of(self, token: str) -> Claims:
        """Check a signature once, not at each request."""
        claims = self._verified.get(token)
        if claims is None:
            try:
                claims = self._key.verify(token)
            except TokenError as err:
                raise UnknownTokenError(err.message) from err
            if len(self._verified) >= REMEMBERED:
                self._verified.clear()
            self._verified[token] = claims
        return claims

    def _living_user(self, claims: Claims) -> User:
        mine = claims[KUBERNETES]
        namespace, account = mine.get("namespace", ""), mine.get("serviceaccount") or {}
        self._check_alive(SERVICE_ACCOUNT, namespace, account)
        for word, kind in _BINDABLE.items():
            if word in mine:
                self._check_alive(kind, namespace, mine[word])
        return authenticated(
            account_user(namespace, account["name"]),
            ["system:serviceaccounts", f"system:serviceaccounts:{namespace}"],
            uid=account["uid"],
            extra=_extra(claims),
        )

    def _check_alive(self, kind: Kind, namespace: str, claimed: Mapping[str, str]) -> None:
        name, uid = claimed.get("name", ""), claimed.get("uid", "")
        try:
            found = self._registry.get(kind, namespace, name)
        except NotFoundError as err:
            raise UnknownTokenError(f"{kind.kind} {namespace}/{name} of the token is gone") from err
        if found["metadata"]["uid"] != uid:
            raise UnknownTokenError(f"{kind.kind} {namespace}/{name} is not the one of the token")


def account_user(namespace: str, name: str) -> str:
    """Give the user name of a ServiceAccount."""
    return f"system:serviceaccount:{namespace}:{name}"


def _claims(account: Object, bound: Object | None) -> dict[str, Any]:
    meta = account["metadata"]
    claims: dict[str, Any] = {"namespace": meta["namespace"], "serviceaccount": _identity(account)}
    if bound is not None:
        claims[bound["kind"].lower()] = _identity(bound)
        node = (bound.get("spec") or {}).get("nodeName")
        if node:
            claims["node"] = {"name": node}
    return claims


def _identity(obj: Object) -> dict[str, str]:
    return {"name": obj["metadata"]["name"], "uid": obj["metadata"]["uid"]}


def _extra(claims: Claims) -> dict[str, tuple[str, ...]]:
    mine = claims[KUBERNETES]
    extra = {"credential-id": (f"JTI={claims.get('jti', '')}",)}
    if "pod" in mine:
        extra |= {"pod-name": (mine["pod"]["name"],), "pod-uid": (mine["pod"]["uid"],)}
    if "node" in mine:
        extra["node-name"] = (mine["node"]["name"],)
    return {f"authentication.{KUBERNETES}/{key}": values for key, values in extra.items()}
