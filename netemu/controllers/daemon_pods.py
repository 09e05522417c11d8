"""The pods of a DaemonSet: which nodes want one, and how one is tied to its node. Pure.

Source: kube-controller-manager ``pkg/controller/daemon`` and ``pkg/controller/daemon/util``.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from netemu.api.client import Object
from netemu.api.kinds import DAEMON_SET
from netemu.api.placement import UNSCHEDULABLE, matches_node, untolerated
from netemu.api.views import view
from netemu.api.views.apps import Workload
from netemu.api.views.core import Node, Pod, PodSpec
from netemu.controllers.pods import REVISION_LABEL, pod_from_template

TOLERATIONS = (
    ("node.kubernetes.io/not-ready", "NoExecute"),
    ("node.kubernetes.io/unreachable", "NoExecute"),
    ("node.kubernetes.io/disk-pressure", "NoSchedule"),
    ("node.kubernetes.io/memory-pressure", "NoSchedule"),
    ("node.kubernetes.io/pid-pressure", "NoSchedule"),
    ("node.kubernetes.io/unschedulable", "NoSchedule"),
)
HOST_NETWORK_TOLERATION = ("node.kubernetes.io/network-unavailable", "NoSchedule")


class Fit(NamedTuple):
    """Whether a node shall get a daemon pod, and whether one that it has may stay."""

    runs: bool
    stays: bool


NO_FIT = Fit(runs=False, stays=False)


def daemon_spec(template: dict[str, Any]) -> PodSpec:
    """Read the spec that the pods of a template have, tolerations of daemons included."""
    return view(PodSpec, _tolerant(template["spec"]))


def fit(spec: PodSpec, node: Node) -> Fit:
    """Decide about a node: nobody asks whether there is room.

    A taint keeps new pods off, but only one of NoExecute ends those that are there.
    """
    name = node.metadata.name
    if spec.node_name not in ("", name) or not matches_node(spec, name, node.metadata.labels):
        return NO_FIT
    taints = (*node.spec.taints, *((UNSCHEDULABLE,) if node.spec.unschedulable else ()))
    if untolerated(taints, spec.tolerations) is None:
        return Fit(runs=True, stays=True)
    ending = tuple(taint for taint in taints if taint.effect == "NoExecute")
    return Fit(runs=False, stays=untolerated(ending, spec.tolerations) is None)


def node_of(pod: Pod) -> str:
    """Tell for which node a daemon pod was made, also before it is bound."""
    if pod.spec.node_name:
        return pod.spec.node_name
    required = ((pod.spec.affinity or {}).get("nodeAffinity") or {}).get(
        "requiredDuringSchedulingIgnoredDuringExecution", {}
    )
    fields = (f for term in required.get("nodeSelectorTerms", ()) for f in term.get("matchFields") or ())
    return next((f["values"][0] for f in fields if f["key"] == "metadata.name"), "")


def new_pod(obj: Object, daemon_set: Workload, revision_hash: str, node: str) -> Object:
    """Make the pod of a node."""
    template = daemon_set.spec.template
    spec = _tolerant(template["spec"])
    pinned = {**spec, "affinity": _pinned(spec.get("affinity") or {}, node)}
    return pod_from_template(template, DAEMON_SET, obj, labels={REVISION_LABEL: revision_hash}, spec=pinned)


def _tolerant(spec: dict[str, Any]) -> dict[str, Any]:
    """Let daemon pods stay where others must leave."""
    host = (HOST_NETWORK_TOLERATION,) if spec.get("hostNetwork") else ()
    added = [{"key": key, "operator": "Exists", "effect": effect} for key, effect in (*TOLERATIONS, *host)]
    given = spec.get("tolerations") or []
    return {**spec, "tolerations": [*given, *(toleration for toleration in added if toleration not in given)]}


def _pinned(affinity: dict[str, Any], node: str) -> dict[str, Any]:
    """Require a node; that it matches what the template requires was seen before."""
    field = {"key": "metadata.name", "operator": "In", "values": [node]}
    required = {"nodeSelectorTerms": [{"matchFields": [field]}]}
    node_affinity = affinity.get("nodeAffinity") or {}
    pinned = {"requiredDuringSchedulingIgnoredDuringExecution": required}
    return {**affinity, "nodeAffinity": {**node_affinity, **pinned}}
