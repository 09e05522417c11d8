"""Garbage collection: what nobody owns any more, and pods of nodes that are gone. Pure.

Source: https://kubernetes.io/docs/concepts/architecture/garbage-collection/ (background) and
kube-controller-manager ``pkg/controller/podgc``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from netemu.api.client import Object
from netemu.api.kinds import NODE, PLANNED, POD, Kind
from netemu.controllers.indexes import NODE as BY_NODE
from netemu.controllers.indexes import OWNER
from netemu.controllers.ownership import kind_of_reference
from netemu.controllers.reconciler import Reconciler
from netemu.controllers.writes import Collect, Reference, Writes
from netemu.informer.cache import Cache, Change, Key

OWNED = PLANNED


class Dependent(NamedTuple):
    """An object that may have lost its owners."""

    kind: Kind
    key: Key


def plan(cache: Cache, dependent: Dependent, _now_s: float) -> Writes:
    """Decide whether an object has lost all its owners."""
    obj = cache.get(dependent.kind, dependent.key)
    if obj is None or not _has_lost_owners(cache, obj):
        return []
    owners = [_reference(obj, ref) for ref in obj["metadata"]["ownerReferences"]]
    known = tuple(owner for owner in owners if owner is not None)
    return [Collect(dependent.kind, dependent.key, obj["metadata"]["uid"], known)]


def plan_pod(cache: Cache, key: Key, _now_s: float) -> Writes:
    """Decide whether a pod is bound to a node that does not exist."""
    pod = cache.get(POD, key)
    if pod is None or not _has_lost_node(cache, pod):
        return []
    node = Reference(NODE, Key("", pod["spec"]["nodeName"]))
    return [Collect(POD, key, pod["metadata"]["uid"], (node,), at_once=True)]


def _has_lost_owners(cache: Cache, obj: Object) -> bool:
    """Tell whether no owner is in the cache; owners of a kind that it does not follow count as there."""
    refs = obj["metadata"].get("ownerReferences")
    if not refs or obj["metadata"].get("deletionTimestamp"):
        return False
    return not any(_exists(cache, _reference(obj, ref)) for ref in refs)


def _exists(cache: Cache, owner: Reference | None) -> bool:
    if owner is None or owner.kind not in OWNED:
        return True
    found = cache.get(owner.kind, owner.key)
    return found is not None and found["metadata"]["uid"] == owner.uid


def _reference(obj: Object, ref: dict[str, Any]) -> Reference | None:
    kind = kind_of_reference(ref)
    if kind is None:
        return None
    namespace = obj["metadata"].get("namespace", "") if kind.namespaced else ""
    return Reference(kind, Key(namespace, ref["name"]), ref["uid"])


def _has_lost_node(cache: Cache, pod: Object) -> bool:
    node = pod["spec"].get("nodeName")
    return bool(node) and cache.get(NODE, Key("", node)) is None


def _owned_changed(cache: Cache, change: Change) -> Iterable[Dependent]:
    """Plan an object that appears without owners, and all that a vanished one owned."""
    if change.new is not None and _has_lost_owners(cache, change.new):
        yield Dependent(change.kind, change.key)
    if change.old is not None and _uid(change.old) != _uid(change.new):
        for kind in OWNED:
            for key in cache.by_index(kind, OWNER, change.old["metadata"]["uid"]):
                yield Dependent(kind, key)


def _uid(obj: Object | None) -> str | None:
    return obj["metadata"]["uid"] if obj is not None else None


def _pod_changed(cache: Cache, change: Change) -> Iterable[Key]:
    return (change.key,) if change.new is not None and _has_lost_node(cache, change.new) else ()


def _node_gone(cache: Cache, change: Change) -> Iterable[Key]:
    return cache.by_index(POD, BY_NODE, change.key.name) if change.new is None else ()


RECONCILER = Reconciler(name="garbage-collector", plan=plan, triggers=dict.fromkeys(OWNED, _owned_changed))
POD_RECONCILER = Reconciler(
    name="pod-garbage-collector", plan=plan_pod, triggers={POD: _pod_changed, NODE: _node_gone}
)
