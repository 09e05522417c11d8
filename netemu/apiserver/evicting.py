"""Evictions: a delete of a Pod that asks its disruption budget first."""

from __future__ import annotations

from collections.abc import Sequence

from netemu.api.client import Object
from netemu.api.disruption import targeted
from netemu.api.kinds import POD, POD_DISRUPTION_BUDGET
from netemu.apiserver.evictions import check_budget
from netemu.apiserver.options import DeleteOptions, Preconditions
from netemu.apiserver.outcomes import Deletion
from netemu.apiserver.registry import Registry
from netemu.clock import system_clock


async def evict(registry: Registry, namespace: str, name: str, options: DeleteOptions) -> Deletion:
    """Delete a Pod, unless its disruption budget needs it.

    Raises:
        TooManyRequestsError: it does, for now.
        NotFoundError, ConflictError: as for a delete.

    """
    pod = registry.get(POD, namespace, name)
    budgets = registry.list(POD_DISRUPTION_BUDGET, namespace).items

    def expected(pods: Sequence[Object]) -> int:
        return _expected(registry, pods)

    if budgets:
        check_budget(pod, budgets, registry.list(POD, namespace).items, expected)
    # Its condition would not be the version that was asked for any more.
    if not options.dry_run and options.preconditions == Preconditions():
        conditions = targeted(pod, "EvictionByEvictionAPI", "Eviction API: evicting", system_clock())
        await registry.patch(
            POD, namespace, name, {"status": {"conditions": conditions}}, subresource="status"
        )
    return await registry.delete(POD, namespace, name, options)


def _expected(registry: Registry, pods: Sequence[Object]) -> int:
    """Count the pods that the controllers of some pods are to have; one without counts for itself."""
    wanted: dict[str, int] = {}
    for pod in pods:
        meta = pod["metadata"]
        ref = next((one for one in meta.get("ownerReferences") or () if one.get("controller")), None)
        node = registry.owners.owner(pod, ref) if ref is not None else None
        found = registry.owners.find(node) if node is not None else None
        uid = ref["uid"] if ref is not None else meta["uid"]
        wanted[uid] = found[1].get("spec", {}).get("replicas", 1) if found is not None else 1
    return sum(wanted.values())
