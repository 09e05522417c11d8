"""The ServiceAccount ``default`` of every namespace. Pure.

A namespace that ends is emptied by the API server itself, which knows all kinds
(``netemu.apiserver.collector``).
"""

from __future__ import annotations

from collections.abc import Iterable

from netemu.api.client import Object
from netemu.api.kinds import NAMESPACE, SERVICE_ACCOUNT
from netemu.controllers.reconciler import Reconciler, own_key
from netemu.controllers.writes import Create, Writes
from netemu.informer.cache import Cache, Change, Key


def plan_service_account(cache: Cache, key: Key, _now_s: float) -> Writes:
    """Decide whether a namespace needs its ServiceAccount ``default``."""
    namespace = cache.get(NAMESPACE, key)
    account = Key(key.name, "default")
    if namespace is None or _is_ending(namespace) or cache.get(SERVICE_ACCOUNT, account) is not None:
        return []
    metadata = {"namespace": key.name, "name": "default"}
    return [Create(SERVICE_ACCOUNT, {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})]


def _is_ending(obj: Object) -> bool:
    return bool(obj["metadata"].get("deletionTimestamp"))


def _account_changed(_cache: Cache, change: Change) -> Iterable[Key]:
    return (Key("", change.key.namespace),)


SERVICE_ACCOUNT_RECONCILER = Reconciler(
    name="serviceaccount-controller",
    plan=plan_service_account,
    triggers={NAMESPACE: own_key, SERVICE_ACCOUNT: _account_changed},
)
