"""Pods of nodes that are gone, or that somebody says will not come back. Pure.

What nobody owns any more is collected by the API server itself, which knows all kinds and sees
every write (``netemu.apiserver.garbage``). Source: kube-controller-manager ``pkg/controller/podgc``.
"""

from __future__ import annotations

from collections.abc import Iterable

from netemu.api.client import Object
from netemu.api.kinds import NODE, POD
from netemu.api.views.core import Node
from netemu.controllers.indexes import NODE as BY_NODE
from netemu.controllers.reconciler import Reconciler
from netemu.controllers.writes import Collect, Reference, Writes
from netemu.informer.cache import Cache, Change, Key

OUT_OF_SERVICE = "node.kubernetes.io/out-of-service"


def plan_pod(cache: Cache, key: Key, _now_s: float) -> Writes:
    """Decide whether a pod is to be forgotten, as no agent will ever end it."""
    pod = cache.get(POD, key)
    if pod is None:
        return []
    if _has_lost_node(cache, pod):
        node = Reference(NODE, Key("", pod["spec"]["nodeName"]))
        return [Collect(POD, key, pod["metadata"]["uid"], (node,), at_once=True)]
    if _waits_in_vain(cache, pod):
        return [Collect(POD, key, pod["metadata"]["uid"], (), at_once=True)]
    return []


def _has_lost_node(cache: Cache, pod: Object) -> bool:
    node = pod["spec"].get("nodeName")
    return bool(node) and cache.get(NODE, Key("", node)) is None


def _waits_in_vain(cache: Cache, pod: Object) -> bool:
    """Tell whether a pod should end on a node that is lost and, by its taint, known to be off."""
    name = pod["spec"].get("nodeName")
    node = cache.find(NODE, Key("", name), Node) if name else None
    if node is None or not pod["metadata"].get("deletionTimestamp"):
        return False
    return not node.has_condition("Ready") and _is_out_of_service(node)


def _is_out_of_service(node: Node) -> bool:
    return any(taint.key == OUT_OF_SERVICE for taint in node.spec.taints)


def _pod_changed(cache: Cache, change: Change) -> Iterable[Key]:
    new = change.new
    if new is None:
        return ()
    is_concerned = new["metadata"].get("deletionTimestamp") or _has_lost_node(cache, new)
    return (change.key,) if is_concerned else ()


def _node_changed(cache: Cache, change: Change) -> Iterable[Key]:
    node = cache.find(NODE, change.key, Node)
    if node is not None and not _is_out_of_service(node):
        return ()
    return cache.by_index(POD, BY_NODE, change.key.name)


POD_RECONCILER = Reconciler(
    name="pod-garbage-collector", plan=plan_pod, triggers={POD: _pod_changed, NODE: _node_changed}
)
