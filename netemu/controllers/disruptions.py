"""The disruption controller: how many of a budget's pods may go now. Pure.

Evictions count for themselves (``apiserver/evictions.py``); this is what ``kubectl get pdb`` shows
and the scheduler looks at. Source: kube-controller-manager ``pkg/controller/disruption``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from netemu.api.client import Object
from netemu.api.kinds import (
    DAEMON_SET,
    DEPLOYMENT,
    JOB,
    POD,
    POD_DISRUPTION_BUDGET,
    REPLICA_SET,
    REPLICATION_CONTROLLER,
    STATEFUL_SET,
    Kind,
)
from netemu.api.selectors import matches
from netemu.api.views import view
from netemu.api.views.meta import LabelSelector
from netemu.clock import format_rfc3339
from netemu.controllers.indexes import selected_pods, wanting
from netemu.controllers.ownership import controller_of
from netemu.controllers.pods import find_pods, is_ready, is_terminating
from netemu.controllers.reconciler import Reconciler, own_key
from netemu.controllers.rollouts import resolve
from netemu.controllers.writes import EmitEvent, Writes, write_status
from netemu.informer.cache import Cache, Change, Key

SCALED: tuple[Kind, ...] = (REPLICA_SET, REPLICATION_CONTROLLER, STATEFUL_SET, DEPLOYMENT)
UNSCALED: tuple[Kind, ...] = (DAEMON_SET, JOB)
CONDITION = "DisruptionAllowed"
UNCOUNTABLE = "CalculateExpectedPodCountFailed"
NO_PODS = "No matching pods found"


class _UncountableError(Exception):
    """Nobody can say how many pods there should be."""


def plan(cache: Cache, key: Key, now_s: float) -> Writes:
    """Decide the status of a budget."""
    obj = cache.get(POD_DISRUPTION_BUDGET, key)
    if obj is None or obj["metadata"].get("deletionTimestamp"):
        return []
    keys = _selected(cache, obj)
    pods = find_pods(cache, keys)
    try:
        expected, desired = _wanted(cache, obj["spec"], keys)
    except _UncountableError as err:
        return _give_up(obj, str(err), now_s)
    healthy = sum(is_ready(pod) and not is_terminating(pod) for pod in pods)
    allowed = max(0, healthy - desired) if expected > 0 else 0
    status = {
        "observedGeneration": obj["metadata"].get("generation", 0),
        "disruptionsAllowed": allowed,
        "currentHealthy": healthy,
        "desiredHealthy": desired,
        "expectedPods": expected,
        "conditions": _conditions(obj, "SufficientPods" if allowed else "InsufficientPods", now_s),
    }
    told = [] if pods or _is_told(obj) else [EmitEvent(obj, "Normal", "NoPods", NO_PODS)]
    return [*told, *write_status(POD_DISRUPTION_BUDGET, obj, status)]


def _give_up(obj: Object, problem: str, now_s: float) -> Writes:
    """Let nothing go, and say why: what was counted last stays."""
    counts = dict.fromkeys(("currentHealthy", "desiredHealthy", "expectedPods"), 0)
    status = {
        **counts,
        **(obj.get("status") or {}),
        "disruptionsAllowed": 0,
        "conditions": _conditions(obj, "SyncFailed", now_s, problem),
    }
    message = f"Failed to calculate the number of expected pods: {problem}"
    told = [] if status == obj.get("status") else [EmitEvent(obj, "Warning", UNCOUNTABLE, message)]
    return [*told, *write_status(POD_DISRUPTION_BUDGET, obj, status)]


def _selected(cache: Cache, obj: Object) -> list[Key]:
    """Find the pods of a budget; one without a selector has none."""
    given = obj["spec"].get("selector")
    if given is None:
        return []
    selector, namespace = view(LabelSelector, given), obj["metadata"]["namespace"]
    keys = (
        selected_pods(cache, namespace, selector.match_labels)
        if selector.match_labels
        else cache.keys(POD, namespace)
    )
    found = ((key, cache.get(POD, key)) for key in keys)
    return [key for key, pod in found if pod and matches(selector, pod["metadata"].get("labels") or {})]


def _wanted(cache: Cache, spec: dict[str, Any], keys: list[Key]) -> tuple[int, int]:
    """Count the pods that there should be, and those that must be healthy."""
    if spec.get("maxUnavailable") is not None:
        expected = _expected(cache, keys)
        return expected, max(0, expected - resolve(spec["maxUnavailable"], expected, default=0, up=True))
    least = spec.get("minAvailable")
    if isinstance(least, str):
        expected = _expected(cache, keys)
        return expected, resolve(least, expected, default=1, up=True)
    return len(keys), 1 if least is None else least


def _expected(cache: Cache, keys: list[Key]) -> int:
    """Add up what the controllers of these pods want; pods without one do not count.

    Raises:
        _UncountableError: a controller wants no number of pods that it would tell.

    """
    wanted: dict[str, int] = {}
    for key in keys:
        owner = _scaled_by(cache, POD, key)
        if owner is not None:
            wanted[owner["metadata"]["uid"]] = owner["spec"].get("replicas", 1)
    return sum(wanted.values())


def _scaled_by(cache: Cache, kind: Kind, key: Key) -> Object | None:
    """Find the workload whose number counts for a pod: a ReplicaSet's Deployment, if it has one."""
    obj = cache.get(kind, key)
    ref = controller_of(obj) if obj is not None else None
    if ref is None:
        return None
    for other in UNSCALED:
        if (other.kind, other.api_version) == (ref["kind"], ref["apiVersion"]):
            raise _UncountableError(f"{other.key} does not implement the scale subresource")
    for owner_kind in SCALED:
        if (owner_kind.kind, owner_kind.api_version) == (ref["kind"], ref["apiVersion"]):
            owner_key = Key(key.namespace, ref["name"])
            return _scaled_by(cache, owner_kind, owner_key) or cache.get(owner_kind, owner_key)
    return None


def _conditions(obj: Object, reason: str, now_s: float, message: str = "") -> list[dict[str, Any]]:
    known = (obj.get("status") or {}).get("conditions") or ()
    state = "True" if reason == "SufficientPods" else "False"
    present = next((c for c in known if c["type"] == CONDITION), None)
    same = present is not None and present["status"] == state
    condition = {
        "type": CONDITION,
        "status": state,
        "reason": reason,
        "message": message,
        "observedGeneration": obj["metadata"].get("generation", 0),
        "lastTransitionTime": present["lastTransitionTime"] if same and present else format_rfc3339(now_s),
    }
    return [*(c for c in known if c["type"] != CONDITION), condition]


def _is_told(obj: Object) -> bool:
    status = obj.get("status") or {}
    return bool(status.get("observedGeneration") == obj["metadata"].get("generation", 0))


def _pod_changed(cache: Cache, change: Change) -> Iterable[Key]:
    """Name the budgets that count a pod, if it changed in what they count."""
    old, new = (_counted(pod) for pod in (change.old, change.new))
    if old == new:
        return ()
    namespace = change.key.namespace
    labels = [counted[0] for counted in (old, new) if counted is not None]
    return {key for each in labels for key in wanting(cache, POD_DISRUPTION_BUDGET, namespace, each)}


def _counted(pod: Object | None) -> tuple[dict[str, str], str, bool, str] | None:
    if pod is None:
        return None
    meta = pod["metadata"]
    conditions = (pod.get("status") or {}).get("conditions") or ()
    ready = next((c["status"] for c in conditions if c["type"] == "Ready"), "")
    owner = controller_of(pod)
    return (
        meta.get("labels") or {},
        ready,
        "deletionTimestamp" in meta,
        owner["uid"] if owner is not None else "",
    )


def _scale_changed(cache: Cache, change: Change) -> Iterable[Key]:
    """Name the budgets that count the pods of a workload whose number changed."""
    if change.old is None or change.new is None:
        return ()
    if change.old["spec"].get("replicas") == change.new["spec"].get("replicas"):
        return ()
    labels = (change.new["spec"].get("template") or {}).get("metadata", {}).get("labels") or {}
    return wanting(cache, POD_DISRUPTION_BUDGET, change.key.namespace, labels)


RECONCILER = Reconciler(
    name="controllermanager",
    plan=plan,
    triggers={
        POD_DISRUPTION_BUDGET: own_key,
        POD: _pod_changed,
        **dict.fromkeys(SCALED, _scale_changed),
    },
)
