"""Whether a node takes a pod that was not given to it by the scheduler. Pure.

Source: kubernetes ``pkg/kubelet/lifecycle`` (the checks, their order and their words).
"""

from __future__ import annotations

from collections.abc import Iterable

from netemu.agent.status import Failure
from netemu.api.client import Object
from netemu.api.hostports import conflicts, host_ports
from netemu.api.placement import matches_node, tolerates
from netemu.api.requests import PODS, amounts, pod_requests
from netemu.api.views.core import Node, Pod

_OS, _OS_LABEL = "linux", "kubernetes.io/os"
_CHECKED = ("cpu", "memory", "ephemeral-storage")


def is_scheduled(pod: Pod) -> bool:
    """Tell whether the scheduler chose the node: it has asked all that is asked here."""
    return pod.has_condition("PodScheduled") or pod.status.start_time is not None


def find_refusal(pod: Pod, node: Node, others: Iterable[Pod]) -> Failure | None:
    """Find out why a node does not take a pod; ``others`` are those that it has and that still run."""
    rest = list(others)
    short = _shortage(pod, node, rest)
    if short is not None:
        return short
    if not matches_node(pod.spec, node.metadata.name, node.metadata.labels):
        return _predicate("NodeAffinity", "node(s) didn't match Pod's node affinity/selector")
    taken = [port for other in rest for port in host_ports(other)]
    if any(conflicts(wanted, port) for wanted in host_ports(pod) for port in taken):
        return _predicate("NodePorts", "node(s) didn't have free ports for the requested pod ports")
    for taint in node.spec.taints:
        if taint.effect == "NoExecute" and not tolerates(pod.spec.tolerations, taint):
            return _predicate("TaintToleration", "node(s) had taints that the pod didn't tolerate")
    return None


def find_foreign(pod: Object) -> Failure | None:
    """Find out whether a pod is meant for nodes of another operating system; ``pod`` is its JSON."""
    label = (pod["metadata"].get("labels") or {}).get(_OS_LABEL, _OS)
    if label != _OS:
        why = f"Failed to admit pod as the `{_OS_LABEL}` label doesn't match node label"
        return _rejected("PodOSSelectorNodeLabelDoesNotMatch", why)
    if (pod["spec"].get("os") or {}).get("name", _OS) != _OS:
        return _rejected("PodOSNotSupported", "Failed to admit pod as the OS field doesn't match node OS")
    return None


def _shortage(pod: Pod, node: Node, others: list[Pod]) -> Failure | None:
    has = amounts(node.status.allocatable)
    if PODS in has and len(others) + 1 > has[PODS]:
        return _out_of(PODS, 1, len(others), has[PODS])
    wanted = pod_requests(pod.spec)
    if not wanted:
        return None
    used = [pod_requests(other.spec) for other in others]
    for name in (*_CHECKED, *(each for each in wanted if each not in _CHECKED)):
        if name not in wanted or name not in has:
            continue
        taken = sum(each.get(name, 0) for each in used)
        if wanted[name] > has[name] - taken:
            return _out_of(name, wanted[name], taken, has[name])
    return None


def _out_of(name: str, requested: int, used: int, capacity: int) -> Failure:
    return _rejected(
        f"OutOf{name}",
        f"Node didn't have enough resource: {name}, "
        f"requested: {requested}, used: {used}, capacity: {capacity}",
    )


def _predicate(name: str, why: str) -> Failure:
    return _rejected(name, f"Predicate {name} failed: {why}")


def _rejected(reason: str, why: str) -> Failure:
    return Failure(reason, f"Pod was rejected: {why}")
