"""The StatefulSet controller: pods with names that stay. Pure.

Source: https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/ and
kube-controller-manager ``pkg/controller/statefulset``.
"""

from __future__ import annotations

from collections.abc import Iterable

from netemu.api.client import Object
from netemu.api.kinds import CONTROLLER_REVISION, PERSISTENT_VOLUME_CLAIM, POD, STATEFUL_SET
from netemu.api.views.apps import Workload
from netemu.api.views.core import Pod
from netemu.controllers.ownership import keys_of_controllers
from netemu.controllers.pods import (
    REVISION_LABEL,
    available_in_s,
    claim_pods,
    find_pods,
    is_over,
    is_ready,
    is_terminating,
    pod_trigger,
)
from netemu.controllers.reconciler import Reconciler, own_key, tell_at_least
from netemu.controllers.revisions import History, Revision, forget_oldest, plan_history
from netemu.controllers.rollouts import resolve
from netemu.controllers.stateful_pods import (
    has_stale_claim,
    identify,
    keep_claims,
    missing_claims,
    new_pod,
    ordinal_of,
    words_for,
)
from netemu.controllers.writes import Create, Delete, LookAgain, Writes, write_status
from netemu.informer.cache import Cache, Change, Key

HASH_LABEL = "controller.kubernetes.io/hash"


def plan(cache: Cache, key: Key, now_s: float) -> Writes:
    """Decide the next step towards the wanted pods, in their order, and the status."""
    obj = cache.get(STATEFUL_SET, key)
    stateful_set = cache.find(STATEFUL_SET, key, Workload)
    if obj is None or stateful_set is None or stateful_set.metadata.deletion_timestamp:
        return []
    claimed = claim_pods(cache, STATEFUL_SET, obj, stateful_set.spec.selector)
    history = plan_history(cache, STATEFUL_SET, obj, stateful_set, label=HASH_LABEL)
    numbered = ((ordinal_of(pod, key.name), pod) for pod in find_pods(cache, claimed.keys))
    pods = {ordinal: pod for ordinal, pod in numbered if ordinal is not None}
    plan_ = _Plan(cache, obj, stateful_set, history, pods, now_s)
    return [*claimed.writes, *history.writes, *plan_.next_steps(), *plan_.status(), *plan_.forget()]


class _Plan:
    """One look at a StatefulSet and its pods by ordinal."""

    def __init__(
        self,
        cache: Cache,
        obj: Object,
        view: Workload,
        history: History,
        pods: dict[int, Pod],
        now_s: float,
    ) -> None:
        self._cache = cache
        self._obj = obj
        self._spec = view.spec
        self._view = view
        self._pods = pods
        self._now_s = now_s
        self._history = history
        self._updated = history.present
        self._current = history.find(view.status.current_revision) or history.present
        self._in_order = view.spec.pod_management_policy == "OrderedReady"
        self._words = words_for(view)
        self._start = view.spec.ordinals.start
        self._wanted = range(self._start, self._start + view.spec.replicas)

    def next_steps(self) -> Writes:
        """Complete the wanted pods, then shrink, then update; in order unless Parallel."""
        writes, settled = self._complete()
        if self._in_order and not settled:
            return writes
        surplus = sorted((o for o in self._pods if o not in self._wanted), reverse=True)
        writes += self._shrink(surplus)
        return writes if self._in_order and surplus else [*writes, *self._update()]

    def status(self) -> Writes:
        """Count the pods; the update is over when all are new and ready."""
        pods = list(self._pods.values())
        running = [pod for pod in pods if pod.status.phase == "Running"]
        waits = [available_in_s(pod, self._spec.min_ready_seconds, self._now_s) for pod in running]
        ready = sum(wait is not None for wait in waits)
        staying = [pod for pod in pods if not is_terminating(pod)]
        updated = sum(_revision_of(pod) == self._updated.name for pod in staying)
        current = self._current
        if self._spec.update_strategy.type == "RollingUpdate":
            current = self._updated if updated == ready == len(pods) == self._spec.replicas else current
        counters = {
            "readyReplicas": ready,
            "currentReplicas": sum(_revision_of(pod) == current.name for pod in staying),
            "updatedReplicas": updated,
        }
        status = {
            "observedGeneration": self._view.metadata.generation,
            "replicas": len(pods),
            "availableReplicas": sum(wait == 0 for wait in waits),
            **{name: count for name, count in counters.items() if count},
            "currentRevision": current.name,
            "updateRevision": self._updated.name,
            "collisionCount": self._history.collisions,
        }
        again = [LookAgain(wait) for wait in sorted(wait for wait in waits if wait)[:1]]
        return [*write_status(STATEFUL_SET, self._obj, status), *again]

    def forget(self) -> Writes:
        """Delete the oldest revisions that no pod is of."""
        live = {self._current.name, self._updated.name, *map(_revision_of, self._pods.values())}
        limit = self._spec.revision_history_limit
        return forget_oldest(self._history, self._view.metadata.namespace, limit, live)

    def _complete(self) -> tuple[Writes, bool]:
        """Create what is missing and replace what is over; tell whether all are there and available."""
        writes: Writes = []
        settled = True
        for ordinal in self._wanted:
            pod = self._pods.get(ordinal)
            if pod is None:
                writes += self._create(ordinal)
            elif is_over(pod):
                writes += [] if is_terminating(pod) else [self._delete(pod)]
            else:
                writes += self._keep(pod)
                if not is_terminating(pod) and self._is_available(pod):
                    continue
            settled = False
            if self._in_order:
                break
        return writes, settled

    def _create(self, ordinal: int) -> Writes:
        if has_stale_claim(self._cache, self._view, ordinal):
            return []
        pod = new_pod(self._obj, self._view, self._revision_for(ordinal), ordinal)
        created = Create(POD, pod, told_on=self._obj, words=self._words)
        return [*missing_claims(self._cache, self._obj, self._view, ordinal), created]

    def _keep(self, pod: Pod) -> Writes:
        """Restore what a pod needs and may have lost: its label, its claims."""
        ordinal = ordinal_of(pod, self._view.metadata.name) or 0
        writes = [] if is_terminating(pod) else identify(pod)
        if pod.status.phase in ("", "Pending"):
            writes += missing_claims(self._cache, self._obj, self._view, ordinal)
        return [*writes, *keep_claims(self._cache, self._obj, self._view, pod, wanted=True)]

    def _shrink(self, surplus: list[int]) -> Writes:
        """Delete pods beyond the wanted ones: in order one at a time, and only if all others are well."""
        pods = [self._pods[ordinal] for ordinal in surplus]
        writes = [
            w for pod in pods for w in keep_claims(self._cache, self._obj, self._view, pod, wanted=False)
        ]
        if not self._in_order:
            return [*writes, *(self._delete(pod) for pod in pods if not is_terminating(pod))]
        unwell = [pod for pod in pods if self._is_unavailable(pod)]
        first = pods[:1]
        blocked = any(
            is_terminating(pod) or (self._is_unavailable(pod) and pod is not unwell[-1]) for pod in first
        )
        return [*writes, *([] if blocked else map(self._delete, first))]

    def _update(self) -> Writes:
        """Replace pods of an older revision, the last first, as many as may be unavailable at once."""
        strategy = self._spec.update_strategy
        if strategy.type == "OnDelete":
            return []
        limit = strategy.rolling_update.max_unavailable if strategy.rolling_update else None
        allowed = max(1, resolve(limit, self._spec.replicas, default=1, up=False))
        pods = [self._pods.get(ordinal) for ordinal in self._wanted]
        allowed -= sum(pod is None or self._is_unavailable(pod) for pod in pods)
        writes: Writes = []
        for pod in reversed(pods[self._partition() :]):
            if pod is None or is_terminating(pod) or is_over(pod) or _revision_of(pod) == self._updated.name:
                continue
            if self._is_unavailable(pod):
                writes.append(self._delete(pod))
            elif allowed > 0:
                writes.append(self._delete(pod))
                allowed -= 1
        return writes

    def _revision_for(self, ordinal: int) -> Revision:
        """Tell which revision a pod is made of: pods below the partition stay with the current one."""
        if self._spec.update_strategy.type != "RollingUpdate":
            return self._updated
        return self._current if ordinal - self._start < self._partition() else self._updated

    def _partition(self) -> int:
        rolling = self._spec.update_strategy.rolling_update
        return (rolling.partition if rolling else None) or 0

    def _is_available(self, pod: Pod) -> bool:
        return (
            pod.status.phase == "Running"
            and is_ready(pod)
            and available_in_s(pod, self._spec.min_ready_seconds, self._now_s) == 0
        )

    def _is_unavailable(self, pod: Pod) -> bool:
        return is_terminating(pod) or not self._is_available(pod)

    def _delete(self, pod: Pod) -> Delete:
        key = Key(pod.metadata.namespace, pod.metadata.name)
        return Delete(POD, key, pod.metadata.uid, told_on=self._obj, words=self._words)


def _revision_of(pod: Pod) -> str:
    return pod.metadata.labels.get(REVISION_LABEL, "")


def _revision_changed(_cache: Cache, change: Change) -> Iterable[Key]:
    return keys_of_controllers(change, STATEFUL_SET)


def _claim_gone(cache: Cache, change: Change) -> Iterable[Key]:
    """Plan the StatefulSets that may want a claim of this name again, and wait for it to be gone."""
    if change.new is not None:
        return ()
    sets = (
        (key, cache.find(STATEFUL_SET, key, Workload))
        for key in cache.keys(STATEFUL_SET, change.key.namespace)
    )
    return [key for key, each in sets if each is not None and each.spec.volume_claim_templates]


RECONCILER = Reconciler(
    name="statefulset-controller",
    plan=plan,
    plan_failure=tell_at_least(plan),
    triggers={
        STATEFUL_SET: own_key,
        POD: pod_trigger(STATEFUL_SET),
        CONTROLLER_REVISION: _revision_changed,
        PERSISTENT_VOLUME_CLAIM: _claim_gone,
    },
)
