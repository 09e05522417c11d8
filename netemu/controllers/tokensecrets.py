"""Secrets of type ``kubernetes.io/service-account-token``: filled with the token of their account. Pure.

Source: kubernetes ``pkg/controller/serviceaccount/tokens_controller.go``.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable

from netemu.api.client import Object
from netemu.api.kinds import SECRET, SERVICE_ACCOUNT
from netemu.controllers.reconciler import Reconciler
from netemu.controllers.writes import Delete, Update, Writes
from netemu.informer.cache import Cache, Change, Key, key_of

TYPE = "kubernetes.io/service-account-token"
NAME_ANNOTATION = "kubernetes.io/service-account.name"
UID_ANNOTATION = "kubernetes.io/service-account.uid"

IssueToken = Callable[[Object, Object], str]
"""Gives a ServiceAccount a token that is worth something for as long as a Secret exists."""


def token_filler(issue: IssueToken, ca: str) -> Reconciler:
    """Give the controller that fills such Secrets, and removes them with their account."""

    def plan(cache: Cache, key: Key, _now_s: float) -> Writes:
        secret = cache.get(SECRET, key)
        if secret is None or not is_token_secret(secret) or secret["metadata"].get("deletionTimestamp"):
            return []
        account = cache.get(SERVICE_ACCOUNT, Key(key.namespace, _account_name(secret)))
        uid = (secret["metadata"].get("annotations") or {}).get(UID_ANNOTATION)
        if account is None or (uid and uid != account["metadata"]["uid"]):
            return [Delete(SECRET, key, secret["metadata"]["uid"])] if uid else []
        if uid and {"token", "ca.crt", "namespace"} <= (secret.get("data") or {}).keys():
            return []
        return [Update(SECRET, _filled(secret, account, issue(account, secret), ca))]

    return Reconciler(
        name="serviceaccount-token-controller",
        plan=plan,
        triggers={SECRET: _secret_changed, SERVICE_ACCOUNT: _account_changed},
    )


def is_token_secret(secret: Object) -> bool:
    """Tell whether a Secret is to hold a token."""
    return secret.get("type") == TYPE and bool(_account_name(secret))


def _filled(secret: Object, account: Object, token: str, ca: str) -> Object:
    meta = secret["metadata"]
    annotations = {**(meta.get("annotations") or {}), UID_ANNOTATION: account["metadata"]["uid"]}
    given = {"token": token, "ca.crt": ca, "namespace": meta["namespace"]}
    data = {name: base64.b64encode(text.encode()).decode() for name, text in given.items()}
    return {
        **secret,
        "metadata": {**meta, "annotations": annotations},
        "data": {**(secret.get("data") or {}), **data},
    }


def _account_name(secret: Object) -> str:
    return str((secret["metadata"].get("annotations") or {}).get(NAME_ANNOTATION, ""))


def _secret_changed(_cache: Cache, change: Change) -> Iterable[Key]:
    return (change.key,) if change.new is not None and is_token_secret(change.new) else ()


def _account_changed(cache: Cache, change: Change) -> Iterable[Key]:
    for secret in cache.list(SECRET, change.key.namespace):
        if is_token_secret(secret) and _account_name(secret) == change.key.name:
            yield key_of(secret)
