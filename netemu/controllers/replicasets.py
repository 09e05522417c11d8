"""The ReplicaSet controller: as many pods as asked for. Pure.

Source: https://kubernetes.io/docs/concepts/workloads/controllers/replicaset/ and
kube-controller-manager ``pkg/controller/replicaset``.
"""

from __future__ import annotations

from typing import Any

from netemu.api.client import Object
from netemu.api.kinds import POD, REPLICA_SET
from netemu.api.views.apps import Workload
from netemu.api.views.core import Pod
from netemu.controllers.pods import (
    available_in_s,
    claim_pods,
    deletion_order,
    find_pods,
    is_active,
    pod_from_template,
    pod_trigger,
)
from netemu.controllers.reconciler import Reconciler, own_key
from netemu.controllers.writes import Create, Delete, LookAgain, Writes, write_status
from netemu.informer.cache import Cache, Key

BURST = 500
"""How many pods one plan creates or deletes at most; the rest follows when these are seen."""


def plan(cache: Cache, key: Key, now_s: float) -> Writes:
    """Decide which pods of a ReplicaSet to create, delete, adopt or release, and its status."""
    obj = cache.get(REPLICA_SET, key)
    replica_set = cache.find(REPLICA_SET, key, Workload)
    if obj is None or replica_set is None or replica_set.metadata.deletion_timestamp:
        return []
    claimed = claim_pods(cache, REPLICA_SET, obj, replica_set.spec.selector)
    pods = [pod for pod in find_pods(cache, claimed.keys) if is_active(pod)]
    return [
        *claimed.writes,
        *_scale(obj, replica_set.spec.replicas, replica_set.spec.template, pods),
        *_status(obj, replica_set, pods, now_s),
    ]


def _scale(obj: Object, replicas: int, template: dict[str, Any], pods: list[Pod]) -> Writes:
    missing = replicas - len(pods)
    if missing >= 0:
        pod = pod_from_template(template, REPLICA_SET, obj)
        return [Create(POD, pod, told_on=obj)] * min(missing, BURST)
    surplus = deletion_order(pods)[: min(-missing, BURST)]
    return [
        Delete(POD, Key(pod.metadata.namespace, pod.metadata.name), pod.metadata.uid, told_on=obj)
        for pod in surplus
    ]


def _status(obj: Object, replica_set: Workload, pods: list[Pod], now_s: float) -> Writes:
    waits = [available_in_s(pod, replica_set.spec.min_ready_seconds, now_s) for pod in pods]
    labels = (replica_set.spec.template.get("metadata") or {}).get("labels") or {}
    counters = {
        "fullyLabeledReplicas": sum(labels.items() <= pod.metadata.labels.items() for pod in pods),
        "readyReplicas": sum(wait is not None for wait in waits),
        "availableReplicas": sum(wait == 0 for wait in waits),
    }
    status = {
        "replicas": len(pods),
        **{name: count for name, count in counters.items() if count},
        "observedGeneration": replica_set.metadata.generation,
    }
    again = [LookAgain(wait) for wait in sorted(wait for wait in waits if wait)[:1]]
    return [*write_status(REPLICA_SET, obj, status), *again]


RECONCILER = Reconciler(
    name="replicaset-controller", plan=plan, triggers={REPLICA_SET: own_key, POD: pod_trigger(REPLICA_SET)}
)
