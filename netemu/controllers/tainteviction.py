"""Pods that do not put up with their node's NoExecute taints, or not for long. Pure.

Source: kube-controller-manager ``pkg/controller/tainteviction``. How long a pod has put up with a
taint is told by the taint's ``timeAdded`` (the node lifecycle controller adds it where it is missing).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from netemu.api.client import Object
from netemu.api.disruption import targeted
from netemu.api.kinds import NODE, POD
from netemu.api.placement import bearable_s
from netemu.api.views.core import Node, Pod, Taint
from netemu.clock import parse_rfc3339
from netemu.controllers.indexes import NODE as BY_NODE
from netemu.controllers.reconciler import Reconciler
from netemu.controllers.writes import Delete, EmitEvent, LookAgain, Patch, Writes
from netemu.informer.cache import Cache, Change, Key

NAME = "taint-eviction-controller"


def plan(cache: Cache, key: Key, now_s: float) -> Writes:
    """Decide whether, and when, a pod must leave its node."""
    obj, pod = cache.get(POD, key), cache.find(POD, key, Pod)
    if obj is None or pod is None or not pod.spec.node_name or pod.metadata.deletion_timestamp:
        return []
    node = cache.find(NODE, Key("", pod.spec.node_name), Node)
    taints = [taint for taint in node.spec.taints if taint.effect == "NoExecute"] if node else []
    left_s = _left_s(taints, pod, now_s)
    if left_s is None:
        return []
    return [LookAgain(left_s)] if left_s > 0 else _evict(obj, key, now_s)


def _left_s(taints: Sequence[Taint], pod: Pod, now_s: float) -> float | None:
    """Tell for how long a pod may stay; ``None`` for ever."""
    bound_s = _bound_s(pod)
    left: list[float] = []
    for taint in taints:
        bearable = bearable_s(pod.spec.tolerations, taint)
        if bearable is None:
            continue
        tainted_s = parse_rfc3339(taint.time_added) if taint.time_added else now_s
        left.append(max(tainted_s, bound_s) + bearable - now_s if bearable > 0 else 0.0)
    return min(left, default=None)


def _bound_s(pod: Pod) -> float:
    """Tell since when a pod has its node: before that it bore nothing."""
    times = (c.last_transition_time for c in pod.status.conditions if c.type == "PodScheduled")
    since = next(times, None) or pod.metadata.creation_timestamp
    return parse_rfc3339(since) if since else 0.0


def _evict(pod: Object, key: Key, now_s: float) -> Writes:
    text = "Taint manager: deleting due to NoExecute taint"
    conditions = targeted(pod, "DeletionByTaintManager", text, now_s)
    return [
        EmitEvent(pod, "Normal", "TaintManagerEviction", f"Marking for deletion Pod {key}"),
        Patch(POD, key, {"status": {"conditions": conditions}}, subresource="status"),
        Delete(POD, key, pod["metadata"]["uid"]),
    ]


def _pod_changed(_cache: Cache, change: Change) -> Iterable[Key]:
    """Plan a pod that got its node, or other tolerations."""
    new, old = change.new, change.old
    if new is None or not new["spec"].get("nodeName"):
        return ()
    if old is not None and _bears(old) == _bears(new):
        return ()
    return (change.key,)


def _bears(pod: Object) -> tuple[object, ...]:
    return pod["spec"].get("nodeName"), pod["spec"].get("tolerations")


def _node_changed(cache: Cache, change: Change) -> Iterable[Key]:
    """Plan the pods of a node whose evicting taints changed."""
    if change.new is None or _evicting(change.old) == _evicting(change.new):
        return ()
    return cache.by_index(POD, BY_NODE, change.key.name)


def _evicting(node: Object | None) -> list[object]:
    taints = ((node or {}).get("spec") or {}).get("taints") or ()
    return [taint for taint in taints if taint["effect"] == "NoExecute"]


RECONCILER = Reconciler(name=NAME, plan=plan, triggers={POD: _pod_changed, NODE: _node_changed})
