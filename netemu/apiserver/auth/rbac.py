"""Role-based access: what Roles, ClusterRoles and their bindings allow. Pure but for reading them.

Source: https://kubernetes.io/docs/reference/access-authn-authz/rbac/.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from netemu.api.client import Object
from netemu.api.errors import NotFoundError
from netemu.api.kinds import CLUSTER_ROLE, CLUSTER_ROLE_BINDING, ROLE, ROLE_BINDING, Kind
from netemu.api.selectors import matches
from netemu.api.views import view
from netemu.api.views.meta import LabelSelector
from netemu.apiserver import words
from netemu.apiserver.auth.accounts import account_user
from netemu.apiserver.auth.attributes import Attributes
from netemu.apiserver.auth.authorizer import Rule, Rules
from netemu.apiserver.auth.escalation import described, not_held
from netemu.apiserver.auth.user import MASTERS, User
from netemu.apiserver.registry import Registry

EVERYTHING: tuple[Rule, ...] = (
    {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]},
    {"verbs": ["*"], "nonResourceURLs": ["*"]},
)
_GRANTING = (ROLE, ROLE_BINDING, CLUSTER_ROLE, CLUSTER_ROLE_BINDING)


class Rbac:
    """Decides by the roles that are stored; ``system:masters`` may do everything."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def allows(self, user: User, asked: Attributes) -> bool:
        """Tell whether some rule lets the user do it."""
        if MASTERS in user.groups:
            return True
        return any(allows(rule, asked) for rule in self._rules_of(user, asked.namespace))

    def rules(self, user: User, namespace: str) -> Rules:
        """List what a user may do in a namespace."""
        found = list(self._rules_of(user, namespace))
        if MASTERS in user.groups:
            found += EVERYTHING
        return Rules(
            [rule for rule in found if rule.get("resources")],
            [rule for rule in found if rule.get("nonResourceURLs")],
        )

    def check_grant(self, user: User, kind: Kind, new: Object, old: Object | None) -> None:
        """Refuse a role or binding that gives more than its writer has, unless they may do that.

        Raises:
            ForbiddenError: it names the rules that the writer does not hold.

        """
        if (
            kind not in _GRANTING
            or MASTERS in user.groups
            or (old is not None and _grant(old) == _grant(new))
        ):
            return
        namespace = new["metadata"].get("namespace", "")
        reference = new.get("roleRef") or {}
        by_role = kind in (ROLE, CLUSTER_ROLE)
        resource = kind.resource if by_role else f"{reference.get('kind', '').lower()}s"
        may = Attributes(
            verb="escalate" if by_role else "bind",
            group=kind.group,
            resource=resource,
            namespace=namespace,
            name=new["metadata"]["name"] if by_role else reference.get("name", ""),
        )
        if self.allows(user, may):
            return
        granted = list(new.get("rules") or ()) if by_role else list(self._role_rules(new, namespace))
        if new.get("aggregationRule"):
            granted += EVERYTHING  # whatever roles with the label will hold
        missing = not_held(granted, list(self._rules_of(user, namespace)), allows, namespace)
        if missing:
            groups = " ".join(json.dumps(group) for group in user.groups)
            why = (
                f'user "{user.name}" (groups=[{groups}]) is attempting to grant RBAC permissions not'
                f" currently held:\n{described(missing)}"
            )
            raise words.forbidden(kind, new["metadata"]["name"], why)

    def _rules_of(self, user: User, namespace: str) -> Iterator[Rule]:
        for binding in self._registry.list(CLUSTER_ROLE_BINDING).items:
            if binds(binding, user):
                yield from self._role_rules(binding, "")
        if namespace:
            for binding in self._registry.list(ROLE_BINDING, namespace).items:
                if binds(binding, user):
                    yield from self._role_rules(binding, namespace)

    def _role_rules(self, binding: Object, namespace: str) -> Iterator[Rule]:
        reference = binding.get("roleRef") or {}
        name = reference.get("name", "")
        try:
            if reference.get("kind") == ROLE.kind:
                yield from self._registry.get(ROLE, namespace, name).get("rules") or ()
            else:
                yield from self._cluster_rules(self._registry.get(CLUSTER_ROLE, "", name))
        except NotFoundError:
            return  # a binding may come before its role; until then it grants nothing

    def _cluster_rules(self, role: Object) -> Iterator[Rule]:
        """Give a role's rules, and those of the roles that it gathers by their labels."""
        yield from role.get("rules") or ()
        raw = (role.get("aggregationRule") or {}).get("clusterRoleSelectors") or ()
        selectors = [view(LabelSelector, selector) for selector in raw]
        if not selectors:
            return
        for other in self._registry.list(CLUSTER_ROLE).items:
            labels = other["metadata"].get("labels") or {}
            if other is not role and any(matches(selector, labels) for selector in selectors):
                yield from other.get("rules") or ()


def _grant(obj: Object) -> tuple[Any, ...]:
    return tuple(obj.get(field) for field in ("rules", "aggregationRule", "roleRef", "subjects"))


def binds(binding: Object, user: User) -> bool:
    """Tell whether a binding is for this user."""
    namespace = binding["metadata"].get("namespace", "")
    return any(_is_subject(subject, user, namespace) for subject in binding.get("subjects") or ())


def allows(rule: Rule, asked: Attributes) -> bool:
    """Tell whether one rule allows a request."""
    if not _has(rule.get("verbs"), asked.verb):
        return False
    if not asked.resource:
        return any(_is_below(asked.path, pattern) for pattern in rule.get("nonResourceURLs") or ())
    names = rule.get("resourceNames")
    return (
        _has(rule.get("apiGroups"), asked.group)
        and _has_resource(rule.get("resources") or (), asked)
        and (not names or asked.name in names)
    )


def _is_subject(subject: dict[str, str], user: User, namespace: str) -> bool:
    name = subject.get("name", "")
    match subject.get("kind"):
        case "User":
            return name == user.name
        case "Group":
            return name in user.groups
        case "ServiceAccount":
            return account_user(subject.get("namespace") or namespace, name) == user.name
        case _:
            return False


def _has(listed: Iterable[str] | None, word: str) -> bool:
    return any(each in ("*", word) for each in listed or ())


def _has_resource(listed: Iterable[str], asked: Attributes) -> bool:
    wanted = {"*", asked.full_resource}
    if asked.subresource:
        wanted.add(f"*/{asked.subresource}")
    return any(each in wanted for each in listed)


def _is_below(path: str, pattern: str) -> bool:
    return path.startswith(pattern[:-1]) if pattern.endswith("*") else path == pattern
