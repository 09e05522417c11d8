"""[IO] The door of the API server: who comes in, by which credential, and to do what."""

from __future__ import annotations

import ssl
from collections.abc import Iterable, Mapping
from functools import partial
from urllib.parse import unquote

from aiohttp import web

from netemu.api.errors import UnauthorizedError
from netemu.api.kinds import Kind
from netemu.apiserver.auth.accounts import ServiceAccounts, UnknownTokenError, account_user
from netemu.apiserver.auth.attributes import Attributes, attributes_of, refusal
from netemu.apiserver.auth.authorizer import Authorizer
from netemu.apiserver.auth.user import (
    ANONYMOUS,
    AUTHENTICATED,
    OWNER,
    User,
    authenticated,
    user_of_certificate,
)

OPEN_TO_ALL = ("/healthz", "/livez", "/readyz", "/version")
"""What Kubernetes shows to who says nothing: whether it works, and which version it is."""

CHECK_GRANT = web.RequestKey("check_grant", partial[None])
"""What a request carries to refuse objects that give more than its writer has."""
CHECK_CREATE = web.RequestKey("check_create", partial[None])
"""What a request carries to refuse an apply that creates to who may only patch."""

USER = web.RequestKey("user", User)
"""Who sends a request."""

ASKED = web.RequestKey("asked", Attributes)
"""What a request of a known user is about."""

_EXTRA = "impersonate-extra-"
_ACCOUNT_PREFIX = "system:serviceaccount:"


class Guard:
    """Tells who sends a request and refuses what they may not do."""

    def __init__(self, authorizer: Authorizer, accounts: ServiceAccounts | None) -> None:
        self.authorizer = authorizer
        self.accounts = accounts

    def check(self, request: web.BaseRequest) -> User:
        """Give the user of a request that may be answered.

        Raises:
            UnauthorizedError: there is no credential, or nobody is known by it.
            ForbiddenError: the user may not do this.

        """
        user = self._authenticate(request)
        if user is ANONYMOUS:
            if _is_open(request.path):
                return user
            raise unauthorized()
        headers = request.headers
        if "Impersonate-User" in headers:
            user = self._impersonate(user, headers.get("Impersonate-User", ""), headers)
        request[USER] = user
        asked = request[ASKED] = attributes_of(request.method, request.path, request.query)
        self.require(user, asked)
        return user

    def require(self, user: User, asked: Attributes) -> None:
        """Refuse what a user may not do.

        Raises:
            ForbiddenError: in Kubernetes' words.

        """
        if not self.authorizer.allows(user, asked):
            raise refusal(user, asked)

    def require_create(self, user: User, kind: Kind, namespace: str, name: str) -> None:
        """Refuse the creation of an object that a user may not create.

        Raises:
            ForbiddenError: in Kubernetes' words.

        """
        self.require(
            user,
            Attributes(
                verb="create",
                group=kind.group,
                version=kind.version,
                resource=kind.resource,
                namespace=namespace,
                name=name,
            ),
        )

    def _authenticate(self, request: web.BaseRequest) -> User:
        transport = request.transport
        tls = transport.get_extra_info("ssl_object") if transport is not None else None
        certified = user_of_certificate(tls.getpeercert()) if isinstance(tls, ssl.SSLObject) else None
        if certified is not None:
            return certified
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "bearer" and token:
            return self._user_of_token(token.strip())
        return OWNER if tls is None else ANONYMOUS

    def _user_of_token(self, token: str) -> User:
        if self.accounts is None:
            raise unauthorized()
        try:
            return self.accounts.user_of(token)
        except UnknownTokenError as err:
            raise unauthorized(err.message) from err

    def _impersonate(self, user: User, name: str, headers: Mapping[str, str]) -> User:
        """Give the user that an admin wants to be taken for (``kubectl --as``)."""
        groups = _all(headers, "Impersonate-Group")
        if name.startswith(_ACCOUNT_PREFIX) and name.count(":") == 3:
            namespace, account = name.split(":")[2:]
            asked = Attributes(
                verb="impersonate", resource="serviceaccounts", namespace=namespace, name=account
            )
            self.require(user, asked)
            groups = groups or ("system:serviceaccounts", f"system:serviceaccounts:{namespace}")
            name = account_user(namespace, account)
        else:
            self.require(user, Attributes(verb="impersonate", resource="users", name=name))
        for group in groups:
            if group != AUTHENTICATED:
                self.require(user, Attributes(verb="impersonate", resource="groups", name=group))
        uid = headers.get("Impersonate-Uid", "")
        return authenticated(name, groups, uid=uid, extra=_extra(headers))


def unauthorized(why: str = "") -> UnauthorizedError:
    """Say that nobody is known by the credential, or that there is none."""
    return UnauthorizedError("Unauthorized", hint=why)


def _is_open(path: str) -> bool:
    return path in OPEN_TO_ALL or path.startswith(tuple(f"{each}/" for each in OPEN_TO_ALL))


def _all(headers: Mapping[str, str], name: str) -> tuple[str, ...]:
    return tuple(value for key, value in headers.items() if key.lower() == name.lower())


def _extra(headers: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    keys: Iterable[str] = dict.fromkeys(key for key in headers if key.lower().startswith(_EXTRA))
    return {unquote(key[len(_EXTRA) :]).lower(): _all(headers, key) for key in keys}
