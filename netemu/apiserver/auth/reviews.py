"""The resources that are questions about access: created, answered, and never stored.

Source: https://kubernetes.io/docs/reference/kubernetes-api/authorization-resources/ and
…/authentication-resources/.
"""

from __future__ import annotations

from typing import Any

from netemu.api.client import Object
from netemu.api.errors import BadRequestError, Cause, InvalidError
from netemu.apiserver.auth.accounts import ServiceAccounts, UnknownTokenError
from netemu.apiserver.auth.attributes import Attributes
from netemu.apiserver.auth.guard import Guard
from netemu.apiserver.auth.lifetimes import MAX_LIFETIME_S, MIN_LIFETIME_S
from netemu.apiserver.auth.user import User
from netemu.clock import format_rfc3339

AUTHORIZATION = "authorization.k8s.io"
AUTHENTICATION = "authentication.k8s.io"

RESOURCES = {
    (AUTHORIZATION, "selfsubjectaccessreviews"): "SelfSubjectAccessReview",
    (AUTHORIZATION, "selfsubjectrulesreviews"): "SelfSubjectRulesReview",
    (AUTHORIZATION, "subjectaccessreviews"): "SubjectAccessReview",
    (AUTHORIZATION, "localsubjectaccessreviews"): "LocalSubjectAccessReview",
    (AUTHENTICATION, "selfsubjectreviews"): "SelfSubjectReview",
    (AUTHENTICATION, "tokenreviews"): "TokenReview",
}
"""Group and resource of each review, with its kind; all are of version v1."""


def review_of(path: str) -> tuple[str, str] | None:
    """Tell which review a path is for: its kind, and the namespace if it has one."""
    match [part for part in path.split("/") if part]:
        case ["apis", group, "v1", resource] if resource != "localsubjectaccessreviews":
            kind, namespace = RESOURCES.get((group, resource)), ""
        case ["apis", group, "v1", "namespaces", namespace, "localsubjectaccessreviews" as resource]:
            kind = RESOURCES.get((group, resource))
        case _:
            return None
    return (kind, namespace) if kind else None


def group_of(kind: str) -> str:
    """Give the group of a review."""
    return AUTHENTICATION if kind in ("SelfSubjectReview", "TokenReview") else AUTHORIZATION


def answered(guard: Guard, user: User, kind: str, namespace: str, asked: Object) -> Object:
    """Give a review with its status.

    Raises:
        InvalidError, BadRequestError: the question makes no sense.

    """
    spec = asked.get("spec") or {}
    if not isinstance(spec, dict):
        raise BadRequestError("spec: expected an object")
    match kind:
        case "SelfSubjectAccessReview":
            status = _access(guard, user, kind, spec, namespace)
        case "SubjectAccessReview" | "LocalSubjectAccessReview":
            status = _access(guard, _subject(kind, spec), kind, spec, namespace)
        case "SelfSubjectRulesReview":
            status = _rules(guard, user, spec.get("namespace") or "default")
        case "TokenReview":
            status = _token(guard.accounts, spec)
        case _:
            status = {"userInfo": user.info()}
    meta = {**(asked.get("metadata") or {}), "creationTimestamp": None}
    answer: Object = {"kind": kind, "apiVersion": f"{group_of(kind)}/v1", "metadata": meta}
    return answer | ({} if kind == "SelfSubjectReview" else {"spec": spec}) | {"status": status}


def token_request(accounts: ServiceAccounts, account: Object, asked: Object, bound: Object | None) -> Object:
    """Give a TokenRequest with its token.

    Raises:
        InvalidError: the token would live too short or too long.

    """
    spec = asked.get("spec") or {}
    lifetime_s = spec.get("expirationSeconds", 3600)
    if type(lifetime_s) is not int or not MIN_LIFETIME_S <= lifetime_s <= MAX_LIFETIME_S:
        limit = "less than 10 minutes" if _is_short(lifetime_s) else "larger than 2^32 seconds"
        why = f"Invalid value: {lifetime_s}: may not specify a duration {limit}"
        raise _invalid("TokenRequest", "spec.expirationSeconds", why, AUTHENTICATION)
    audiences = spec.get("audiences") or [accounts.issuer]
    issued = accounts.issue(account, audiences=audiences, lifetime_s=lifetime_s, bound=bound)
    meta = account["metadata"]
    return {
        "kind": "TokenRequest",
        "apiVersion": f"{AUTHENTICATION}/v1",
        "metadata": {"name": meta["name"], "namespace": meta["namespace"], "creationTimestamp": None},
        "spec": {"boundObjectRef": None, **spec, "audiences": audiences, "expirationSeconds": lifetime_s},
        "status": {"token": issued.token, "expirationTimestamp": format_rfc3339(issued.expires_at_s)},
    }


def _access(guard: Guard, user: User, kind: str, spec: dict[str, Any], namespace: str) -> dict[str, Any]:
    asked = _asked(kind, spec, namespace)
    if guard.authorizer.allows(user, asked):
        return {"allowed": True}
    return {"allowed": False}


def _asked(kind: str, spec: dict[str, Any], namespace: str) -> Attributes:
    resource, path = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    if (resource is None) == (path is None):
        problem = "exactly one of nonResourceAttributes or resourceAttributes must be specified"
        raise _invalid(kind, "spec.resourceAttributes", f"Invalid value: null: {problem}")
    if path is not None:
        return Attributes(verb=path.get("verb", ""), path=path.get("path", ""))
    assert resource is not None
    if namespace and resource.get("namespace") != namespace:
        problem = f"must match metadata.namespace: {namespace}"
        raise _invalid(kind, "spec.resourceAttributes.namespace", f"Invalid value: {problem}")
    words = ("verb", "group", "version", "resource", "subresource", "namespace", "name")
    return Attributes(**{word: resource.get(word) or "" for word in words})


def _subject(kind: str, spec: dict[str, Any]) -> User:
    name, groups = spec.get("user") or "", tuple(spec.get("groups") or ())
    if not name and not groups:
        problem = 'Invalid value: "": at least one of user or group must be specified'
        raise _invalid(kind, "spec.user", problem)
    return User(name=name, groups=groups, uid=spec.get("uid") or "")


def _rules(guard: Guard, user: User, namespace: str) -> dict[str, Any]:
    rules = guard.authorizer.rules(user, namespace)
    return {"resourceRules": rules.resources, "nonResourceRules": rules.paths, "incomplete": False}


def _token(accounts: ServiceAccounts | None, spec: dict[str, Any]) -> dict[str, Any]:
    token, audiences = spec.get("token") or "", spec.get("audiences") or []
    if not token:
        raise BadRequestError("token is required for TokenReview in authentication")
    if accounts is None:
        return {"user": {}, "error": "no tokens are issued here"}
    try:
        user = accounts.user_of(token, audiences)
    except UnknownTokenError as err:
        return {"user": {}, "error": f"[invalid bearer token, {err.message}]"}
    return {"authenticated": True, "user": user.info(), "audiences": audiences or [accounts.issuer]}


def _is_short(lifetime_s: Any) -> bool:
    return type(lifetime_s) is not int or lifetime_s < MIN_LIFETIME_S


def _invalid(kind: str, field: str, message: str, group: str = AUTHORIZATION) -> InvalidError:
    return InvalidError(
        f'{kind}.{group} "" is invalid: {field}: {message}',
        group=group,
        kind=kind,
        causes=(Cause(field=field, message=message),),
    )
