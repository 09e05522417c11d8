"""What a node still has for a pod, next to those that it has already."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from netemu.agent import admission, eviction
from netemu.agent.resize import Resize, plan_resize
from netemu.agent.security import find_forbidden_sysctl
from netemu.agent.status import Failure
from netemu.agent.work import PodWork
from netemu.api.kinds import NODE, POD
from netemu.api.views.core import Node, Pod
from netemu.informer.cache import Cache, Key


class Neighbours:
    """Asks what pods need each other's room; ``works`` are the node's pods by UID.

    ``allowed_sysctls`` are those that pods may set though they are not safe; ``is_full`` tells
    whether the node's disk is nearly full.
    """

    def __init__(
        self,
        node: str,
        cache: Cache,
        works: Mapping[str, PodWork],
        allowed_sysctls: Iterable[str] = (),
        is_full: Callable[[], bool] = lambda: False,
    ) -> None:
        self._is_full = is_full
        self._allowed_sysctls = tuple(allowed_sysctls)
        self._node = node
        self._cache = cache
        self._works = works

    def find_refusal(self, work: PodWork, pod: Pod) -> Failure | None:
        """Find out why the node does not take a pod, which perhaps somebody put on it past the scheduler."""
        if self._is_full() and not eviction.is_critical(work.obj):
            return eviction.REFUSED
        if forbidden := find_forbidden_sysctl(work.obj, self._allowed_sysctls):
            return Failure("SysctlForbidden", f"Pod was rejected: {forbidden}")
        node = self._cache.find(NODE, Key("", self._node), Node)
        if not admission.is_scheduled(pod) and node is not None:
            refusal = admission.find_refusal(pod, node, self._others(work))
            if refusal is not None:
                return refusal
        return admission.find_foreign(work.obj)

    def plan_resize(self, work: PodWork, pod: Pod) -> Resize:
        """Decide whether a pod gets the resources that it asks for now."""
        node = self._cache.find(NODE, Key("", self._node), Node)
        return plan_resize(pod, work.lives, node, self._others(work))

    def _others(self, work: PodWork) -> Iterator[Pod]:
        for other in self._works.values():
            pod = find_pod(self._cache, self._node, other) if other is not work else None
            if pod is not None and pod.status.phase not in ("Succeeded", "Failed"):
                yield pod


def find_pod(cache: Cache, node: str, work: PodWork) -> Pod | None:
    """Find the very pod that work is about, as it is now on its node."""
    pod = cache.find(POD, work.key, Pod)
    is_it = pod is not None and pod.metadata.uid == work.uid and pod.spec.node_name == node
    return pod if is_it else None
