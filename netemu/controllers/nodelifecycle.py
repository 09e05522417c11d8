"""Nodes that fall silent, and the taints that say what new and old pods are to expect of a node. Pure.

Source: kube-controller-manager ``pkg/controller/nodelifecycle``. How fast nodes are emptied
is decided in ``zonestates``; with all nodes silent nobody is evicted.

A node that speaks, and says that it has no CNI, gets a soft taint alone: its pods wait on it, where
their events tell what it lacks (README, "Without a CNI").
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from netemu.api.client import Object
from netemu.api.kinds import LEASE, NODE, POD
from netemu.api.placement import NOT_READY_TAINT, UNREACHABLE_TAINT, UNSCHEDULABLE_TAINT
from netemu.clock import format_rfc3339, parse_rfc3339
from netemu.controllers.indexes import NODE as BY_NODE
from netemu.controllers.reconciler import Reconciler
from netemu.controllers.writes import EmitEvent, LookAgain, Patch, Update, Writes
from netemu.controllers.zonestates import eviction_wait_s, is_ready
from netemu.informer.cache import Cache, Change, Key
from netemu.settings import NodeLifecycleController

NAME = "node-controller"
LEASE_NAMESPACE = "kube-node-lease"
WATCHED = ("MemoryPressure", "DiskPressure", "PIDPressure", "Ready")
PRESSURE_TAINTS = {
    "MemoryPressure": "node.kubernetes.io/memory-pressure",
    "DiskPressure": "node.kubernetes.io/disk-pressure",
    "NetworkUnavailable": "node.kubernetes.io/network-unavailable",
    "PIDPressure": "node.kubernetes.io/pid-pressure",
}
OURS = {NOT_READY_TAINT, UNREACHABLE_TAINT, UNSCHEDULABLE_TAINT, *PRESSURE_TAINTS.values()}
EMPTYING = (NOT_READY_TAINT, UNREACHABLE_TAINT)
DEFAULT_RATES = NodeLifecycleController()
DOUBT_S = 1.0
NO_NETWORK = "reason:NetworkPluginNotReady"

Taints = list[dict[str, Any]]


def node_lifecycle(grace_s: float, rates: NodeLifecycleController = DEFAULT_RATES) -> Reconciler:
    """Give the controller for which a node is lost that says nothing for ``grace_s``; it empties such
    nodes at the ``rates``.

    It looks a second time before it believes that: after a pause of the whole machine nobody was
    heard of, and those who live speak at once.
    """
    doubted_since_s: dict[str, float] = {}
    doubt_s = min(DOUBT_S, grace_s / 4)

    def plan(cache: Cache, key: Key, now_s: float) -> Writes:
        node = cache.get(NODE, key)
        if node is None:
            doubted_since_s.pop(key.name, None)
            return []
        left_s = grace_s - (now_s - heard_of_s(cache, node))
        if left_s > 0:
            doubted_since_s.pop(key.name, None)
            return [*_taint(cache, node, now_s, rates), LookAgain(left_s)]
        left_s = doubted_since_s.setdefault(key.name, now_s) + doubt_s - now_s
        if left_s > 0:
            return [*_taint(cache, node, now_s, rates), LookAgain(left_s)]
        lost = _lose(node, now_s)
        # The change of the status brings us back for the rest, with the version that it made.
        return lost or [*_taint(cache, node, now_s, rates), *_unready_pods(cache, node, now_s)]

    return Reconciler(name=NAME, plan=plan, triggers={NODE: _node_changed, LEASE: _lease_changed})


def heard_of_s(cache: Cache, node: Object) -> float:
    """Tell when a node last said anything: by its lease, its status, or when it was made."""
    meta = node["metadata"]
    lease = cache.get(LEASE, Key(LEASE_NAMESPACE, meta["name"]))
    times = [
        (lease or {}).get("spec", {}).get("renewTime"),
        (_condition(node, "Ready") or {}).get("lastHeartbeatTime"),
        meta.get("creationTimestamp"),
    ]
    return max((parse_rfc3339(time) for time in times if time), default=0.0)


def wanted_taints(node: Object, *, evicts: bool) -> list[tuple[str, str]]:
    """Give key and effect of the taints that a node's state asks for; ``evicts`` if pods may have to go."""
    ready = _condition(node, "Ready") or {"status": "Unknown"}
    wanted: list[tuple[str, str]] = []
    if ready["status"] == "Unknown":
        wanted = _both(UNREACHABLE_TAINT, evicts=evicts)
    elif ready["status"] == "False":
        if NO_NETWORK in ready.get("message", ""):
            wanted = [(NOT_READY_TAINT, "PreferNoSchedule")]
        else:
            wanted = _both(NOT_READY_TAINT, evicts=evicts)
    for type_, key in PRESSURE_TAINTS.items():
        if (_condition(node, type_) or {}).get("status") == "True":
            wanted.append((key, "NoSchedule"))
    if (node.get("spec") or {}).get("unschedulable"):
        wanted.append((UNSCHEDULABLE_TAINT, "NoSchedule"))
    return wanted


def _both(key: str, *, evicts: bool) -> list[tuple[str, str]]:
    return [(key, "NoSchedule"), *([(key, "NoExecute")] if evicts else [])]


def _taint(cache: Cache, node: Object, now_s: float, rates: NodeLifecycleController) -> Writes:
    """Bring a node's taints to what they should be; those of others stay, with a time if they evict."""
    spec = node.get("spec") or {}
    old: Taints = list(spec.get("taints") or ())
    wait_s = _eviction_wait_s(cache, node, old, now_s, rates)
    wanted = wanted_taints(node, evicts=wait_s <= 0)
    later: Writes = [LookAgain(wait_s)] if 0 < wait_s < math.inf else []
    kept = [taint for taint in old if taint["key"] not in OURS or (taint["key"], taint["effect"]) in wanted]
    present = {(taint["key"], taint["effect"]) for taint in kept}
    now = format_rfc3339(now_s)
    new = [
        {**taint, "timeAdded": now}
        if taint["effect"] == "NoExecute" and not taint.get("timeAdded")
        else taint
        for taint in kept
    ]
    new += [
        {"key": key, "effect": effect, "timeAdded": now}
        for key, effect in wanted
        if (key, effect) not in present
    ]
    if new == old:
        return later
    rest = {field: value for field, value in spec.items() if field != "taints"}
    return [Update(NODE, {**node, "spec": {**rest, **({"taints": new} if new else {})}}), *later]


def _eviction_wait_s(
    cache: Cache, node: Object, taints: Taints, now_s: float, rates: NodeLifecycleController
) -> float:
    """Tell in how many seconds a node may be emptied: 0 for one that is ready or is emptied already."""
    nodes = cache.list(NODE)
    if not any(map(is_ready, nodes)):
        return math.inf  # the fault is rather ours, and nobody is evicted
    begun = any(t["key"] in EMPTYING and t["effect"] == "NoExecute" for t in taints)
    return 0.0 if is_ready(node) or begun else eviction_wait_s(node, nodes, rates, now_s)


def _lose(node: Object, now_s: float) -> Writes:
    """Say that nothing is known of a node any more; empty if that is said."""
    now = format_rfc3339(now_s)
    old = (node.get("status") or {}).get("conditions") or []
    before = {condition["type"]: condition for condition in old}
    if all(before.get(type_, {}).get("status") == "Unknown" for type_ in WATCHED):
        return []
    types = dict.fromkeys((*before, *WATCHED))
    conditions = [
        _unknown(type_, before.get(type_), node, now) if type_ in WATCHED else before[type_]
        for type_ in types
    ]
    status = {**(node.get("status") or {}), "conditions": conditions}
    writes: Writes = [Update(NODE, {**node, "status": status}, subresource="status")]
    if before.get("Ready", {}).get("status") == "True":
        name = node["metadata"]["name"]
        text = f"Node {name} status is now: NodeNotReady"
        writes.append(EmitEvent(node, "Normal", "NodeNotReady", text))
    return writes


def _unknown(type_: str, before: dict[str, Any] | None, node: Object, now: str) -> dict[str, Any]:
    if before is None:
        return {
            "type": type_,
            "status": "Unknown",
            "reason": "NodeStatusNeverUpdated",
            "message": "Kubelet never posted node status.",
            "lastHeartbeatTime": node["metadata"].get("creationTimestamp"),
            "lastTransitionTime": now,
        }
    if before["status"] == "Unknown":
        return before
    return {
        **before,
        "status": "Unknown",
        "reason": "NodeStatusUnknown",
        "message": "Kubelet stopped posting node status.",
        "lastTransitionTime": now,
    }


def _unready_pods(cache: Cache, node: Object, now_s: float) -> Writes:
    """Take the pods of a lost node out of service."""
    writes: Writes = []
    for key in cache.by_index(POD, BY_NODE, node["metadata"]["name"]):
        pod = cache.get(POD, key)
        conditions = ((pod or {}).get("status") or {}).get("conditions") or []
        if pod is None or not any(c["type"] == "Ready" and c["status"] == "True" for c in conditions):
            continue
        since = {"status": "False", "lastTransitionTime": format_rfc3339(now_s)}
        made = [{**c, **since} if c["type"] == "Ready" else c for c in conditions]
        writes.append(Patch(POD, key, {"status": {"conditions": made}}, subresource="status"))
        writes.append(EmitEvent(pod, "Warning", "NodeNotReady", "Node is not ready"))
    return writes


def _condition(node: Object, type_: str) -> dict[str, Any] | None:
    conditions = (node.get("status") or {}).get("conditions") or ()
    return next((condition for condition in conditions if condition["type"] == type_), None)


def _node_changed(cache: Cache, change: Change) -> Iterable[Key]:
    """Plan a node; and all, if one became ready or was lost: whether pods are evicted may hang on it."""
    before, after = (_condition(obj, "Ready") if obj else None for obj in (change.old, change.new))
    if (before or {}).get("status") != (after or {}).get("status"):
        return cache.keys(NODE)
    return (change.key,)


def _lease_changed(_cache: Cache, change: Change) -> Iterable[Key]:
    return (Key("", change.key.name),) if change.key.namespace == LEASE_NAMESPACE else ()
