"""The StatefulSet controller: pods with names that stay. Pure.

Source: https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/ and
kube-controller-manager ``pkg/controller/statefulset``.
"""

from __future__ import annotations

from netemu.api.client import Object
from netemu.api.kinds import POD, STATEFUL_SET
from netemu.api.views.apps import Workload
from netemu.api.views.core import Pod
from netemu.controllers.pods import (
    REVISION_LABEL,
    available_in_s,
    claim_pods,
    find_pods,
    hash_template,
    is_active,
    is_over,
    is_terminating,
    pod_from_template,
    pod_trigger,
)
from netemu.controllers.reconciler import Reconciler, own_key
from netemu.controllers.writes import Create, Delete, LookAgain, Writes, write_status
from netemu.informer.cache import Cache, Key

POD_NAME_LABEL = "statefulset.kubernetes.io/pod-name"
POD_INDEX_LABEL = "apps.kubernetes.io/pod-index"


def plan(cache: Cache, key: Key, now_s: float) -> Writes:
    """Decide the next step towards the wanted pods, in their order, and the status."""
    obj = cache.get(STATEFUL_SET, key)
    stateful_set = cache.find(STATEFUL_SET, key, Workload)
    if obj is None or stateful_set is None or stateful_set.metadata.deletion_timestamp:
        return []
    claimed = claim_pods(cache, STATEFUL_SET, obj, stateful_set.spec.selector)
    pods = {ordinal_of(pod, key.name): pod for pod in find_pods(cache, claimed.keys)}
    pods.pop(None, None)
    plan_ = _Plan(obj, stateful_set, {o: pod for o, pod in pods.items() if o is not None}, now_s)
    return [*claimed.writes, *plan_.next_steps(), *plan_.status()]


def ordinal_of(pod: Pod, owner: str) -> int | None:
    """Read the ordinal from a pod's name; ``None`` if it is not one of this StatefulSet's names."""
    parent, _, ordinal = pod.metadata.name.rpartition("-")
    return int(ordinal) if parent == owner and ordinal.isdigit() else None


class _Plan:
    """One look at a StatefulSet and its pods by ordinal."""

    def __init__(self, obj: Object, view: Workload, pods: dict[int, Pod], now_s: float) -> None:
        self._obj = obj
        self._spec = view.spec
        self._view = view
        self._pods = pods
        self._now_s = now_s
        self._revision = f"{view.metadata.name}-{hash_template(view.spec.template)}"
        self._in_order = view.spec.pod_management_policy == "OrderedReady"

    def next_steps(self) -> Writes:
        """Complete the wanted pods, then shrink, then update; in order unless Parallel."""
        writes, settled = self._complete()
        if self._in_order and not settled:
            return writes
        surplus = sorted((o for o in self._pods if o >= self._spec.replicas), reverse=True)
        writes += self._shrink(surplus)
        return writes if writes or surplus or not settled else self._update()

    def status(self) -> Writes:
        """Count the pods; the update is over when all are new and ready."""
        active = [pod for pod in self._pods.values() if is_active(pod)]
        waits = [available_in_s(pod, self._spec.min_ready_seconds, self._now_s) for pod in active]
        ready = sum(wait is not None for wait in waits)
        updated = sum(self._is_updated(pod) for pod in active)
        current = self._view.status.current_revision or self._revision
        if updated == ready == len(active) == self._spec.replicas:
            current = self._revision
        counters = {
            "readyReplicas": ready,
            "currentReplicas": sum(pod.metadata.labels.get(REVISION_LABEL) == current for pod in active),
            "updatedReplicas": updated,
        }
        status = {
            "observedGeneration": self._view.metadata.generation,
            "replicas": len(active),
            "availableReplicas": sum(wait == 0 for wait in waits),
            **{name: count for name, count in counters.items() if count},
            "currentRevision": current,
            "updateRevision": self._revision,
            "collisionCount": 0,
        }
        again = [LookAgain(wait) for wait in sorted(wait for wait in waits if wait)[:1]]
        return [*write_status(STATEFUL_SET, self._obj, status), *again]

    def _complete(self) -> tuple[Writes, bool]:
        """Create what is missing and replace what is over; tell whether all are there and ready."""
        writes: Writes = []
        settled = True
        for ordinal in range(self._spec.replicas):
            pod = self._pods.get(ordinal)
            if pod is None:
                writes.append(Create(POD, self._pod(ordinal), told_on=self._obj))
            elif is_over(pod) and not is_terminating(pod):
                writes.append(self._delete(pod))
            elif not is_terminating(pod) and self._is_available(pod):
                continue
            settled = False
            if self._in_order:
                break
        return writes, settled

    def _shrink(self, surplus: list[int]) -> Writes:
        if self._in_order:
            surplus = surplus[:1]
        return [self._delete(self._pods[o]) for o in surplus if not is_terminating(self._pods[o])]

    def _update(self) -> Writes:
        """Replace the last pod that is of an older revision; all pods are ready now."""
        strategy = self._spec.update_strategy
        if strategy.type == "OnDelete":
            return []
        partition = (strategy.rolling_update.partition if strategy.rolling_update else None) or 0
        for ordinal in range(self._spec.replicas - 1, partition - 1, -1):
            if not self._is_updated(self._pods[ordinal]):
                return [self._delete(self._pods[ordinal])]
        return []

    def _pod(self, ordinal: int) -> Object:
        name = f"{self._view.metadata.name}-{ordinal}"
        labels = {POD_NAME_LABEL: name, POD_INDEX_LABEL: str(ordinal), REVISION_LABEL: self._revision}
        identity = {"hostname": name}
        if self._spec.service_name:
            identity["subdomain"] = self._spec.service_name
        return pod_from_template(
            self._spec.template, STATEFUL_SET, self._obj, name=name, labels=labels, spec=identity
        )

    def _is_updated(self, pod: Pod) -> bool:
        return pod.metadata.labels.get(REVISION_LABEL) == self._revision

    def _is_available(self, pod: Pod) -> bool:
        return available_in_s(pod, self._spec.min_ready_seconds, self._now_s) == 0

    def _delete(self, pod: Pod) -> Delete:
        key = Key(pod.metadata.namespace, pod.metadata.name)
        return Delete(POD, key, pod.metadata.uid, told_on=self._obj)


RECONCILER = Reconciler(
    name="statefulset-controller", plan=plan, triggers={STATEFUL_SET: own_key, POD: pod_trigger(STATEFUL_SET)}
)
