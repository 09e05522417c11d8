"""The ReplicaSet controller, and ReplicationController's: as many pods as asked for. Pure.

Source: https://kubernetes.io/docs/concepts/workloads/controllers/replicaset/ and
kube-controller-manager ``pkg/controller/replicaset``, which serves both kinds as well.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from netemu.api.client import Object
from netemu.api.errors import ApiError
from netemu.api.kinds import POD, REPLICA_SET, REPLICATION_CONTROLLER, Kind
from netemu.api.views.apps import ReplicationController, Workload
from netemu.api.views.core import Pod
from netemu.clock import format_rfc3339
from netemu.controllers.indexes import controlled_by
from netemu.controllers.ownership import controller_of
from netemu.controllers.pods import (
    available_in_s,
    claim_pods,
    deletion_order,
    find_pods,
    is_active,
    is_over,
    is_terminating,
    pod_from_template,
    pod_trigger,
    selector_of,
)
from netemu.controllers.reconciler import FailurePlanner, Planner, Reconciler, own_key
from netemu.controllers.writes import Create, Delete, LookAgain, Writes, write_status
from netemu.informer.cache import Cache, Key

BURST = 500
"""How many pods one plan creates or deletes at most; the rest follows when these are seen."""

FAILURE = "ReplicaFailure"


def planner(kind: Kind) -> Planner:
    """Make the planner for ReplicaSets or ReplicationControllers."""

    def plan_one(cache: Cache, key: Key, now_s: float) -> Writes:
        return _plan(cache, kind, key, now_s)

    return plan_one


def _plan(cache: Cache, kind: Kind, key: Key, now_s: float) -> Writes:
    """Decide which pods to create, delete, adopt or release, and the status."""
    obj, owner = cache.get(kind, key), _find(cache, kind, key)
    if obj is None or owner is None or owner.metadata.deletion_timestamp:
        return []
    claimed = claim_pods(cache, kind, obj, selector_of(kind, obj))
    pods = find_pods(cache, claimed.keys)
    active = [pod for pod in pods if is_active(pod)]
    missing = owner.spec.replicas - len(active)
    scaling = _create(kind, obj, missing) if missing > 0 else _delete(cache, obj, active, -missing, now_s)
    status = _status(kind, owner, pods, active, now_s)
    again = _look_again(owner, active, now_s) if owner.spec.min_ready_seconds else []
    return [*claimed.writes, *scaling, *write_status(kind, obj, status), *again]


def failure_planner(kind: Kind) -> FailurePlanner:
    """Make the planner that tells why pods could not be created or deleted."""

    def plan_failure(cache: Cache, key: Key, now_s: float, problem: ApiError) -> Writes:
        obj, owner = cache.get(kind, key), _find(cache, kind, key)
        if obj is None or owner is None:
            return []
        pods = find_pods(cache, controlled_by(cache, POD, owner.metadata.uid))
        active = [pod for pod in pods if is_active(pod)]
        reason = "FailedCreate" if len(active) < owner.spec.replicas else "FailedDelete"
        present = next((c for c in owner.status.conditions if c["type"] == FAILURE), None)
        if present is None or present["reason"] != reason:
            present = {
                "type": FAILURE,
                "status": "True",
                "reason": reason,
                "message": problem.message,
                "lastTransitionTime": format_rfc3339(now_s),
            }
        return write_status(kind, obj, _status(kind, owner, pods, active, now_s, present))

    return plan_failure


def _status(
    kind: Kind,
    owner: Workload | ReplicationController,
    pods: list[Pod],
    active: list[Pod],
    now_s: float,
    failure: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Count the pods; keep the conditions that others wrote."""
    status = _counters(owner, active, now_s)
    if kind is REPLICA_SET:
        ending = (is_terminating(pod) and not is_over(pod) for pod in pods)
        status["terminatingReplicas"] = sum(ending) if len(active) < len(pods) else 0
    status["observedGeneration"] = owner.metadata.generation
    conditions = [c for c in owner.status.conditions if c["type"] != FAILURE]
    if failure is not None:
        conditions.append(failure)
    return {**status, "conditions": conditions} if conditions else status


def _find(cache: Cache, kind: Kind, key: Key) -> Workload | ReplicationController | None:
    if kind is REPLICATION_CONTROLLER:
        return cache.find(kind, key, ReplicationController)
    return cache.find(kind, key, Workload)


def _create(kind: Kind, obj: Object, missing: int) -> Writes:
    pod = pod_from_template(obj["spec"]["template"], kind, obj)
    return [Create(POD, pod, told_on=obj)] * min(missing, BURST)


def _delete(cache: Cache, obj: Object, pods: list[Pod], surplus: int, now_s: float) -> Writes:
    if not surplus:
        return []
    surplus = min(surplus, BURST)
    chosen = pods
    if surplus < len(pods):
        chosen = deletion_order(pods, now_s, _crowd(cache, obj, pods))[:surplus]
    return [
        Delete(POD, Key(pod.metadata.namespace, pod.metadata.name), pod.metadata.uid, told_on=obj)
        for pod in chosen
    ]


def _crowd(cache: Cache, obj: Object, pods: list[Pod]) -> dict[str, int]:
    """Count on each node the pods of this one and of the other ReplicaSets of the same Deployment."""
    deployment = controller_of(obj)
    if deployment is None:
        return Counter(pod.spec.node_name for pod in pods)
    sets = [cache.get(REPLICA_SET, key) for key in controlled_by(cache, REPLICA_SET, deployment["uid"])]
    keys = [key for rs in sets if rs for key in controlled_by(cache, POD, rs["metadata"]["uid"])]
    return Counter(pod.spec.node_name for pod in find_pods(cache, keys) if is_active(pod))


def _counters(owner: Workload | ReplicationController, pods: list[Pod], now_s: float) -> dict[str, Any]:
    waits = [available_in_s(pod, owner.spec.min_ready_seconds, now_s) for pod in pods]
    labels = (owner.spec.template.get("metadata") or {}).get("labels") or {}
    optional = {
        "fullyLabeledReplicas": sum(labels.items() <= pod.metadata.labels.items() for pod in pods),
        "readyReplicas": sum(wait is not None for wait in waits),
        "availableReplicas": sum(wait == 0 for wait in waits),
    }
    return {"replicas": len(pods), **{name: count for name, count in optional.items() if count}}


def _look_again(owner: Workload | ReplicationController, pods: list[Pod], now_s: float) -> list[LookAgain]:
    """Look again when the next ready pod has been so for long enough."""
    waits = (available_in_s(pod, owner.spec.min_ready_seconds, now_s) for pod in pods)
    return [LookAgain(wait) for wait in sorted(wait for wait in waits if wait)[:1]]


def _reconciler(kind: Kind, name: str) -> Reconciler:
    return Reconciler(
        name=name,
        plan=planner(kind),
        plan_failure=failure_planner(kind),
        triggers={kind: own_key, POD: pod_trigger(kind)},
    )


RECONCILER = _reconciler(REPLICA_SET, "replicaset-controller")
REPLICATION_RECONCILER = _reconciler(REPLICATION_CONTROLLER, "replication-controller")
