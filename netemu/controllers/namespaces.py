"""The Namespace controller (empties one that ends) and the ServiceAccount ``default``. Pure.

Source: https://kubernetes.io/docs/tasks/administer-cluster/namespaces/#understanding-namespace-deletion.
"""

from __future__ import annotations

from collections.abc import Iterable

from netemu.api.client import Object
from netemu.api.kinds import KINDS, NAMESPACE, PLANNED, SERVICE_ACCOUNT, Kind
from netemu.controllers.reconciler import Reconciler, own_key
from netemu.controllers.writes import Create, Delete, DeleteAll, Update, Writes
from netemu.informer.cache import Cache, Change, Key, key_of

FINALIZER = "kubernetes"
EMPTIED = tuple(kind for kind in PLANNED if kind.namespaced)
UNSEEN = tuple(kind for kind in KINDS if kind.namespaced and not kind.stored and kind not in PLANNED)
"""These go last and unseen: nobody plans from them, and no cache follows them."""


def plan(cache: Cache, key: Key, _now_s: float) -> Writes:
    """Decide what to delete in a namespace that ends; when all is gone, let it go."""
    obj = cache.get(NAMESPACE, key)
    if obj is None or not obj["metadata"].get("deletionTimestamp"):
        return []
    left = [(kind, item) for kind in EMPTIED for item in cache.list(kind, key.name)]
    if left:
        return [_delete(kind, item) for kind, item in left if not _is_ending(item)]
    finalizers = (obj.get("spec") or {}).get("finalizers") or []
    if FINALIZER not in finalizers:
        return [_delete(NAMESPACE, obj)]
    rest = [finalizer for finalizer in finalizers if finalizer != FINALIZER]
    finalized = {**obj, "spec": {**obj["spec"], "finalizers": rest}}
    unseen = [DeleteAll(kind, key.name) for kind in UNSEEN]
    return [*unseen, Update(NAMESPACE, finalized, subresource="finalize")]


def plan_service_account(cache: Cache, key: Key, _now_s: float) -> Writes:
    """Decide whether a namespace needs its ServiceAccount ``default``."""
    namespace = cache.get(NAMESPACE, key)
    account = Key(key.name, "default")
    if namespace is None or _is_ending(namespace) or cache.get(SERVICE_ACCOUNT, account) is not None:
        return []
    metadata = {"namespace": key.name, "name": "default"}
    return [Create(SERVICE_ACCOUNT, {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})]


def _delete(kind: Kind, obj: Object) -> Delete:
    return Delete(kind, key_of(obj), obj["metadata"]["uid"])


def _is_ending(obj: Object) -> bool:
    return bool(obj["metadata"].get("deletionTimestamp"))


def _content_changed(cache: Cache, change: Change) -> Iterable[Key]:
    """Plan a namespace that ends whenever something in it comes or goes."""
    if change.old is not None and change.new is not None:
        return ()
    key = Key("", change.key.namespace)
    namespace = cache.get(NAMESPACE, key)
    return (key,) if namespace is not None and _is_ending(namespace) else ()


def _account_changed(_cache: Cache, change: Change) -> Iterable[Key]:
    return (Key("", change.key.namespace),)


RECONCILER = Reconciler(
    name="namespace-controller",
    plan=plan,
    triggers={NAMESPACE: own_key, **dict.fromkeys(EMPTIED, _content_changed)},
)
SERVICE_ACCOUNT_RECONCILER = Reconciler(
    name="serviceaccount-controller",
    plan=plan_service_account,
    triggers={NAMESPACE: own_key, SERVICE_ACCOUNT: _account_changed},
)
