"""What is left in a namespace that ends, of kinds that no controller follows."""

from __future__ import annotations

from netemu.api.errors import ConflictError
from netemu.api.kinds import NAMESPACE, PLANNED
from netemu.apiserver import words
from netemu.apiserver.registry import Registry


async def empty_namespace(registry: Registry, namespace: str) -> None:
    """Delete all objects of the namespace but those that controllers follow, which they delete.

    Raises:
        ConflictError: finalizers hold some of them: ask again later.

    """
    left = 0
    for kind in list(registry.kinds.stored()):
        if kind.namespaced and kind not in PLANNED:
            await registry.delete_collection(kind, namespace)
            left += len(registry.list(kind, namespace).items)
    if left:
        raise _held(namespace, left)


def _held(namespace: str, left: int) -> ConflictError:
    why = (
        "The system is ensuring all content is removed from this namespace."
        f" Upon completion, this namespace will automatically be purged by the system. ({left} left)"
    )
    return words.conflict(NAMESPACE, namespace, why)
