"""Whether someone may do something."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

from netemu.api.client import Object
from netemu.api.kinds import Kind
from netemu.apiserver.auth.attributes import Attributes
from netemu.apiserver.auth.user import User

Rule = dict[str, Any]


class Rules(NamedTuple):
    """All that someone may do, as authorization/v1 ResourceRules and NonResourceRules."""

    resources: list[Rule]
    paths: list[Rule]


class Authorizer(Protocol):
    """Decides on requests of users whose name was checked."""

    def allows(self, user: User, asked: Attributes) -> bool:
        """Tell whether a user may do it."""
        ...

    def rules(self, user: User, namespace: str) -> Rules:
        """List what a user may do in a namespace."""
        ...

    def check_grant(self, user: User, kind: Kind, new: Object, old: Object | None) -> None:
        """Refuse an object that would give someone more than its writer has.

        Raises:
            ForbiddenError: in Kubernetes' words.

        """
        ...


class AlwaysAllow:
    """Lets everyone do everything, as ``kube-apiserver --authorization-mode=AlwaysAllow``."""

    def allows(self, _user: User, _asked: Attributes) -> bool:
        """Tell that a user may."""
        return True

    def check_grant(self, _user: User, _kind: Kind, _new: Object, _old: Object | None) -> None:
        """Refuse nothing."""

    def rules(self, _user: User, _namespace: str) -> Rules:
        """List everything."""
        every = ["*"]
        return Rules(
            [{"verbs": every, "apiGroups": every, "resources": every}],
            [{"verbs": every, "nonResourceURLs": every}],
        )
