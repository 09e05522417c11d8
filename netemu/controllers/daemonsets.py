"""The DaemonSet controller: one pod on each node that wants it. Pure.

Source: https://kubernetes.io/docs/concepts/workloads/controllers/daemonset/ and
kube-controller-manager ``pkg/controller/daemon``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from netemu.api.client import Object
from netemu.api.kinds import DAEMON_SET, NODE, POD
from netemu.api.placement import UNSCHEDULABLE, matches_node, node_taints, untolerated
from netemu.api.views import view
from netemu.api.views.apps import Workload
from netemu.api.views.core import Node, Pod, PodSpec
from netemu.controllers.pods import (
    REVISION_LABEL,
    available_in_s,
    claim_pods,
    find_pods,
    hash_template,
    is_over,
    is_ready,
    is_terminating,
    pod_from_template,
    pod_trigger,
)
from netemu.controllers.reconciler import Reconciler, own_key
from netemu.controllers.rollouts import resolve
from netemu.controllers.writes import Create, Delete, LookAgain, Writes, write_status
from netemu.informer.cache import Cache, Change, Key

TOLERATIONS = (
    ("node.kubernetes.io/not-ready", "NoExecute"),
    ("node.kubernetes.io/unreachable", "NoExecute"),
    ("node.kubernetes.io/disk-pressure", "NoSchedule"),
    ("node.kubernetes.io/memory-pressure", "NoSchedule"),
    ("node.kubernetes.io/pid-pressure", "NoSchedule"),
    ("node.kubernetes.io/unschedulable", "NoSchedule"),
)
HOST_NETWORK_TOLERATION = ("node.kubernetes.io/network-unavailable", "NoSchedule")


def plan(cache: Cache, key: Key, now_s: float) -> Writes:
    """Decide on which nodes pods are created, deleted or replaced, and the status."""
    obj = cache.get(DAEMON_SET, key)
    daemon_set = cache.find(DAEMON_SET, key, Workload)
    if obj is None or daemon_set is None or daemon_set.metadata.deletion_timestamp:
        return []
    claimed = claim_pods(cache, DAEMON_SET, obj, daemon_set.spec.selector)
    spec = view(PodSpec, _daemon_spec(daemon_set.spec.template["spec"]))
    nodes = (cache.find(NODE, node, Node) for node in cache.keys(NODE))
    wanted = {node.metadata.name for node in nodes if node is not None and is_wanted(spec, node)}
    plan_ = _Plan(obj, daemon_set, wanted, find_pods(cache, claimed.keys), now_s)
    return [*claimed.writes, *plan_.place(), *plan_.status()]


def is_wanted(spec: PodSpec, node: Node) -> bool:
    """Tell whether a node should run a daemon pod: nobody asks whether there is room."""
    taints = (*node_taints(node), *((UNSCHEDULABLE,) if node.spec.unschedulable else ()))
    return (
        spec.node_name in ("", node.metadata.name)
        and matches_node(spec, node.metadata.name, node.metadata.labels)
        and untolerated(taints, spec.tolerations) is None
    )


def node_of(pod: Pod) -> str:
    """Tell for which node a daemon pod was made, also before it is bound."""
    if pod.spec.node_name:
        return pod.spec.node_name
    required = ((pod.spec.affinity or {}).get("nodeAffinity") or {}).get(
        "requiredDuringSchedulingIgnoredDuringExecution", {}
    )
    fields = (f for term in required.get("nodeSelectorTerms", ()) for f in term.get("matchFields") or ())
    return next((f["values"][0] for f in fields if f["key"] == "metadata.name"), "")


class _Plan:
    """One look at a DaemonSet, the nodes that want it and its pods."""

    def __init__(self, obj: Object, view: Workload, wanted: set[str], pods: list[Pod], now_s: float) -> None:
        self._obj = obj
        self._view = view
        self._wanted = wanted
        self._now_s = now_s
        self._revision = hash_template(view.spec.template)
        self._by_node: dict[str, list[Pod]] = {}
        for pod in sorted(pods, key=lambda pod: (is_over(pod), not is_ready(pod), pod.metadata.name)):
            self._by_node.setdefault(node_of(pod), []).append(pod)

    def place(self) -> Writes:
        """Create on nodes without a pod, delete where there is one too many or none is wanted."""
        missing = [node for node in sorted(self._wanted) if not self._by_node.get(node)]
        surplus = [
            pod
            for node, pods in sorted(self._by_node.items())
            for place, pod in enumerate(pods)
            if node not in self._wanted or place > 0 or is_over(pod)
        ]
        writes: Writes = [Create(POD, self._pod(node), told_on=self._obj) for node in missing]
        writes += [self._delete(pod) for pod in surplus if not is_terminating(pod)]
        return writes if missing or surplus else self._update()

    def status(self) -> Writes:
        """Count nodes, not pods."""
        first = [self._by_node[node][0] for node in self._wanted if self._by_node.get(node)]
        spec = self._view.spec
        waits = [available_in_s(pod, spec.min_ready_seconds, self._now_s) for pod in first]
        available = sum(wait == 0 for wait in waits)
        optional = {
            "updatedNumberScheduled": sum(self._is_updated(pod) for pod in first),
            "numberAvailable": available,
            "numberUnavailable": len(self._wanted) - available,
        }
        status = {
            "currentNumberScheduled": len(first),
            "numberMisscheduled": sum(node not in self._wanted for node in self._by_node),
            "desiredNumberScheduled": len(self._wanted),
            "numberReady": sum(wait is not None for wait in waits),
            "observedGeneration": self._view.metadata.generation,
            **{name: count for name, count in optional.items() if count},
        }
        again = [LookAgain(wait) for wait in sorted(wait for wait in waits if wait)[:1]]
        return [*write_status(DAEMON_SET, self._obj, status), *again]

    def _update(self) -> Writes:
        """Replace pods of an older revision, as many at once as may be unavailable."""
        strategy = self._view.spec.update_strategy
        if strategy.type == "OnDelete":
            return []
        limit = strategy.rolling_update.max_unavailable if strategy.rolling_update else None
        allowed = max(1, resolve(limit, len(self._wanted), default=1, up=True))
        pods = [pod for pods in self._by_node.values() for pod in pods]
        old = [pod for pod in pods if not self._is_updated(pod)]
        broken = [pod for pod in old if not self._is_available(pod)]
        down = sum(not self._is_available(pod) for pod in pods if self._is_updated(pod)) + len(broken)
        healthy = [pod for pod in old if self._is_available(pod)][: max(0, allowed - down)]
        return [self._delete(pod) for pod in (*broken, *healthy) if not is_terminating(pod)]

    def _pod(self, node: str) -> Object:
        template = self._view.spec.template
        labels = {REVISION_LABEL: self._revision}
        spec = _daemon_spec(template["spec"])
        affinity = _pinned(spec.get("affinity") or {}, node)
        return pod_from_template(
            template, DAEMON_SET, self._obj, labels=labels, spec={**spec, "affinity": affinity}
        )

    def _is_updated(self, pod: Pod) -> bool:
        return pod.metadata.labels.get(REVISION_LABEL) == self._revision

    def _is_available(self, pod: Pod) -> bool:
        wait = available_in_s(pod, self._view.spec.min_ready_seconds, self._now_s)
        return wait == 0 and not is_terminating(pod)

    def _delete(self, pod: Pod) -> Delete:
        key = Key(pod.metadata.namespace, pod.metadata.name)
        return Delete(POD, key, pod.metadata.uid, told_on=self._obj)


def _daemon_spec(spec: dict[str, Any]) -> dict[str, Any]:
    """Let daemon pods stay where others must leave."""
    host = (HOST_NETWORK_TOLERATION,) if spec.get("hostNetwork") else ()
    added = [{"key": key, "operator": "Exists", "effect": effect} for key, effect in (*TOLERATIONS, *host)]
    given = spec.get("tolerations") or []
    return {**spec, "tolerations": [*given, *(toleration for toleration in added if toleration not in given)]}


def _pinned(affinity: dict[str, Any], node: str) -> dict[str, Any]:
    """Restrict every term of a node affinity to one node."""
    field = {"key": "metadata.name", "operator": "In", "values": [node]}
    node_affinity = affinity.get("nodeAffinity") or {}
    required = node_affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or {}
    terms = [{**term, "matchFields": [field]} for term in required.get("nodeSelectorTerms") or [{}]]
    pinned = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}
    return {**affinity, "nodeAffinity": {**node_affinity, **pinned}}


def _node_changed(cache: Cache, change: Change) -> Iterable[Key]:
    """Plan all, if a node came, went, or changed in what decides about pods."""
    if change.old is not None and change.new is not None and _facts(change.old) == _facts(change.new):
        return ()
    return cache.keys(DAEMON_SET)


def _facts(node: Object) -> tuple[Any, ...]:
    conditions = (node.get("status") or {}).get("conditions") or ()
    ready = next((c["status"] for c in conditions if c["type"] == "Ready"), "")
    return (node["metadata"].get("labels"), node.get("spec"), ready)


RECONCILER = Reconciler(
    name="daemonset-controller",
    plan=plan,
    triggers={DAEMON_SET: own_key, POD: pod_trigger(DAEMON_SET), NODE: _node_changed},
)
