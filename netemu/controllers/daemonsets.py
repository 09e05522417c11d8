"""The DaemonSet controller: one pod on each node that wants it. Pure.

Source: https://kubernetes.io/docs/concepts/workloads/controllers/daemonset/ and
kube-controller-manager ``pkg/controller/daemon``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from netemu.api.client import Object
from netemu.api.kinds import CONTROLLER_REVISION, DAEMON_SET, NODE, POD
from netemu.api.views.apps import Workload
from netemu.api.views.core import Node, Pod
from netemu.clock import parse_rfc3339
from netemu.controllers.daemon_pods import NO_FIT, Fit, daemon_spec, fit, new_pod, node_of
from netemu.controllers.daemon_updates import Tell, next_step, surge_of
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
from netemu.controllers.revisions import History, forget_oldest, plan_history
from netemu.controllers.writes import Create, Delete, EmitEvent, LookAgain, Writes, write_status
from netemu.informer.cache import Cache, Change, Key

FAILED_POD_AGE_S = 1.0
"""How old a failed pod is at least when it is replaced: pods that fail at once come once a second."""


def plan(cache: Cache, key: Key, now_s: float) -> Writes:
    """Decide on which nodes pods are created, deleted or replaced, and the status."""
    obj = cache.get(DAEMON_SET, key)
    daemon_set = cache.find(DAEMON_SET, key, Workload)
    if obj is None or daemon_set is None or daemon_set.metadata.deletion_timestamp:
        return []
    claimed = claim_pods(cache, DAEMON_SET, obj, daemon_set.spec.selector)
    history = plan_history(cache, DAEMON_SET, obj, daemon_set, label=REVISION_LABEL)
    spec = daemon_spec(daemon_set.spec.template)
    nodes = (cache.find(NODE, node, Node) for node in cache.keys(NODE))
    fits = {node.metadata.name: fit(spec, node) for node in nodes if node is not None}
    plan_ = _Plan(obj, daemon_set, history, fits, find_pods(cache, claimed.keys), now_s)
    return [*claimed.writes, *history.writes, *plan_.next_steps(), *plan_.status(), *plan_.forget()]


class _Plan:
    """One look at a DaemonSet, the nodes and its pods on them."""

    def __init__(
        self,
        obj: Object,
        view: Workload,
        history: History,
        fits: dict[str, Fit],
        pods: list[Pod],
        now_s: float,
    ) -> None:
        self._obj = obj
        self._view = view
        self._history = history
        self._fits = fits
        self._wanted = sorted(name for name, here in fits.items() if here.runs)
        self._unwanted = [name for name, here in fits.items() if not here.runs]
        self._now_s = now_s
        self._by_node: dict[str, list[Pod]] = {}
        # Bound pods first, then the older ones: the first is the one that counts.
        for pod in sorted(pods, key=lambda p: (not p.spec.node_name, _created_s(p), p.metadata.name)):
            node = node_of(pod)
            if node and not (is_terminating(pod) and is_over(pod)):
                self._by_node.setdefault(node, []).append(pod)

    def next_steps(self) -> Writes:
        """Put pods where they belong; when all are there, go on with the update."""
        writes: Writes = []
        for node, pods in sorted(self._by_node.items()):
            if self._fits.get(node, NO_FIT).stays:
                writes += self._tidy(pods)
            else:
                writes += [self._delete(pod) for pod in pods if not is_terminating(pod)]
        # Deletions first: if pods are refused, what comes after is not done.
        writes += self._create([node for node in self._wanted if not self._by_node.get(node)])
        return writes or self._update()

    def status(self) -> Writes:
        """Count nodes, not pods."""
        first = [self._by_node[node][0] for node in self._wanted if self._by_node.get(node)]
        waits = [available_in_s(pod, self._view.spec.min_ready_seconds, self._now_s) for pod in first]
        available = sum(wait == 0 for wait in waits)
        optional = {
            "updatedNumberScheduled": sum(self._is_updated(pod) for pod in first),
            "numberAvailable": available,
            "numberUnavailable": len(self._wanted) - available,
            "collisionCount": self._history.collisions,
        }
        status: dict[str, Any] = {
            "currentNumberScheduled": len(first),
            "numberMisscheduled": sum(node in self._by_node for node in self._unwanted),
            "desiredNumberScheduled": len(self._wanted),
            "numberReady": sum(wait is not None for wait in waits),
            "observedGeneration": self._view.metadata.generation,
            **{name: count for name, count in optional.items() if count},
        }
        pods = [pod for pods in self._by_node.values() for pod in pods]
        later = [available_in_s(pod, self._view.spec.min_ready_seconds, self._now_s) for pod in pods]
        again = [LookAgain(wait) for wait in sorted(wait for wait in later if wait)[:1]]
        if self._view.status.conditions:
            status["conditions"] = list(self._view.status.conditions)
        return [*write_status(DAEMON_SET, self._obj, status), *again]

    def forget(self) -> Writes:
        """Delete the oldest revisions that no pod is of."""
        pods = (pod for pods in self._by_node.values() for pod in pods)
        live = {pod.metadata.labels.get(REVISION_LABEL, "") for pod in pods}
        limit = self._view.spec.revision_history_limit
        return forget_oldest(self._history, self._view.metadata.namespace, limit, live)

    def _tidy(self, pods: list[Pod]) -> Writes:
        """Replace what is over; of several pods keep the oldest, or an old and a new one that surges."""
        writes: Writes = []
        running: list[Pod] = []
        for pod in pods:
            if is_over(pod) and not is_terminating(pod):
                writes += self._replace(pod)
            elif not is_terminating(pod):
                running.append(pod)
        surplus = running[1:]
        if surge_of(self._view.spec.update_strategy, len(self._wanted)):
            surplus = self._beyond_surge(running)
        return [*writes, *(self._delete(pod) for pod in surplus)]

    def _beyond_surge(self, running: list[Pod]) -> list[Pod]:
        """Keep the oldest pod of either revision; the old one while it serves and the new one does not."""
        if len(running) < 2:
            return []
        new = [pod for pod in running if self._is_updated(pod)]
        old = [pod for pod in running if not self._is_updated(pod)]
        surplus = [*new[1:], *old[1:]]
        if new and old and (not is_ready(old[0]) or self._is_available(new[0])):
            surplus.append(old[0])
        return surplus

    def _replace(self, pod: Pod) -> Writes:
        age_s = self._now_s - _created_s(pod)
        if age_s < FAILED_POD_AGE_S:
            return [LookAgain(FAILED_POD_AGE_S - age_s)]
        failed = pod.status.phase == "Failed"
        state, will = ("failed", "kill") if failed else ("succeeded", "delete")
        place = f"{pod.metadata.namespace}/{pod.metadata.name} on node {node_of(pod)}"
        event = EmitEvent(
            self._obj,
            "Warning" if failed else "Normal",
            "FailedDaemonPod" if failed else "SucceededDaemonPod",
            f"Found {state} daemon pod {place}, will try to {will} it",
        )
        return [event, self._delete(pod)]

    def _update(self) -> Writes:
        pods = {node: self._by_node.get(node, []) for node in self._wanted}
        tell = Tell(self._is_updated, self._is_available)
        step = next_step(self._view.spec.update_strategy, pods, tell)
        return [*map(self._delete, step.delete), *self._create(step.surge)]

    def _create(self, nodes: list[str]) -> Writes:
        made = (new_pod(self._obj, self._view, self._history.present.hash, node) for node in nodes)
        return [Create(POD, pod, told_on=self._obj) for pod in made]

    def _is_updated(self, pod: Pod) -> bool:
        hash_ = pod.metadata.labels.get(REVISION_LABEL)
        return hash_ == self._history.present.hash or hash_ in self._history.same

    def _is_available(self, pod: Pod) -> bool:
        return available_in_s(pod, self._view.spec.min_ready_seconds, self._now_s) == 0

    def _delete(self, pod: Pod) -> Delete:
        key = Key(pod.metadata.namespace, pod.metadata.name)
        return Delete(POD, key, pod.metadata.uid, told_on=self._obj)


def _created_s(pod: Pod) -> float:
    return parse_rfc3339(pod.metadata.creation_timestamp or "1970-01-01T00:00:00Z")


def _node_changed(cache: Cache, change: Change) -> Iterable[Key]:
    """Plan all, if a node came, went, or changed in what decides about pods."""
    if change.old is not None and change.new is not None and _facts(change.old) == _facts(change.new):
        return ()
    return cache.keys(DAEMON_SET)


def _facts(node: Object) -> tuple[Any, ...]:
    spec = node.get("spec") or {}
    return (node["metadata"].get("labels"), spec.get("taints"), spec.get("unschedulable"))


def _revision_changed(_cache: Cache, change: Change) -> Iterable[Key]:
    return keys_of_controllers(change, DAEMON_SET)


RECONCILER = Reconciler(
    name="daemonset-controller",
    plan=plan,
    plan_failure=tell_at_least(plan),
    triggers={
        DAEMON_SET: own_key,
        POD: pod_trigger(DAEMON_SET),
        NODE: _node_changed,
        CONTROLLER_REVISION: _revision_changed,
    },
)
