"""Who a request comes from. Pure.

Source: https://kubernetes.io/docs/reference/access-authn-authz/authentication/.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct, field

AUTHENTICATED = "system:authenticated"
UNAUTHENTICATED = "system:unauthenticated"
MASTERS = "system:masters"


class User(Struct, frozen=True, kw_only=True):
    """Someone, as the API server knows them (authentication/v1 UserInfo)."""

    name: str
    uid: str = ""
    groups: tuple[str, ...] = ()
    extra: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def info(self) -> dict[str, Any]:
        """Write it as a UserInfo."""
        info: dict[str, Any] = {"username": self.name}
        if self.uid:
            info["uid"] = self.uid
        if self.groups:
            info["groups"] = list(self.groups)
        if self.extra:
            info["extra"] = {key: list(values) for key, values in self.extra.items()}
        return info


OWNER = User(name="kubernetes-admin", groups=(MASTERS, AUTHENTICATED))
"""Whoever may open the Unix socket: the one who runs the cluster."""

ANONYMOUS = User(name="system:anonymous", groups=(UNAUTHENTICATED,))


def authenticated(name: str, groups: Iterable[str], **more: Any) -> User:
    """Give a user with the group that all have whose word was checked."""
    return User(name=name, groups=tuple(dict.fromkeys([*groups, AUTHENTICATED])), **more)


def user_of_certificate(certificate: Mapping[str, Any] | None) -> User | None:
    """Read a client's certificate, checked by TLS and as ``ssl.getpeercert`` gives it.

    The common name is the user, each organization a group; one without a name is nobody's.
    """
    if not certificate:
        return None
    parts = [pair for names in certificate.get("subject", ()) for pair in names]
    name = next((value for key, value in parts if key == "commonName"), "")
    if not name:
        return None
    return authenticated(name, (value for key, value in parts if key == "organizationName"))
