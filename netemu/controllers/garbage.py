"""Pods of nodes that are gone. Pure.

What nobody owns any more is collected by the API server itself, which knows all kinds and sees
every write (``netemu.apiserver.garbage``). Source: kube-controller-manager ``pkg/controller/podgc``.
"""

from __future__ import annotations

from collections.abc import Iterable

from netemu.api.client import Object
from netemu.api.kinds import NODE, POD
from netemu.controllers.indexes import NODE as BY_NODE
from netemu.controllers.reconciler import Reconciler
from netemu.controllers.writes import Collect, Reference, Writes
from netemu.informer.cache import Cache, Change, Key


def plan_pod(cache: Cache, key: Key, _now_s: float) -> Writes:
    """Decide whether a pod is bound to a node that does not exist."""
    pod = cache.get(POD, key)
    if pod is None or not _has_lost_node(cache, pod):
        return []
    node = Reference(NODE, Key("", pod["spec"]["nodeName"]))
    return [Collect(POD, key, pod["metadata"]["uid"], (node,), at_once=True)]


def _has_lost_node(cache: Cache, pod: Object) -> bool:
    node = pod["spec"].get("nodeName")
    return bool(node) and cache.get(NODE, Key("", node)) is None


def _pod_changed(cache: Cache, change: Change) -> Iterable[Key]:
    return (change.key,) if change.new is not None and _has_lost_node(cache, change.new) else ()


def _node_gone(cache: Cache, change: Change) -> Iterable[Key]:
    return cache.by_index(POD, BY_NODE, change.key.name) if change.new is None else ()


POD_RECONCILER = Reconciler(
    name="pod-garbage-collector", plan=plan_pod, triggers={POD: _pod_changed, NODE: _node_gone}
)
