"""What the balancer reads of the local copy of the API, and which changes of it concern the balancer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from netemu.api.client import Object
from netemu.api.kinds import ENDPOINT_SLICE, NAMESPACE, NODE, SERVICE
from netemu.balancer.announcement import NodeFacts, read_node
from netemu.balancer.asked import ingress_of
from netemu.balancer.endpoints import service_of, serving
from netemu.balancer.plan import Serving
from netemu.balancer.pools import Labels
from netemu.informer.cache import Cache, Change, Key

# Names of this package's own: the cache is shared, and so are the names of its indexes.
_CONCERNED, _YES = "balancer.concerned", "yes"
_SLICES = "balancer.slices-of-service"


class Snapshot:
    """Reads a cache."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache
        cache.add_index(SERVICE, _CONCERNED, lambda obj: (_YES,) if _is_concerned(obj) else ())
        cache.add_index(ENDPOINT_SLICE, _SLICES, _index_of_slice)

    def services(self) -> list[Object]:
        """Give the Services that have, or want, a balancer."""
        keys = self._cache.by_index(SERVICE, _CONCERNED, _YES)
        return [obj for key in keys if (obj := self._cache.get(SERVICE, key)) is not None]

    def namespaces(self) -> dict[str, Labels]:
        """Give the labels of all namespaces."""
        return {
            obj["metadata"]["name"]: obj["metadata"].get("labels") or {}
            for obj in self._cache.list(NAMESPACE)
        }

    def nodes(self, is_on: Callable[[str], bool]) -> list[NodeFacts]:
        """Give what decides of all nodes."""
        return [read_node(obj, is_on=is_on(obj["metadata"]["name"])) for obj in self._cache.list(NODE)]

    def serving(self, service: Key) -> Serving:
        """Tell where a Service can be reached."""
        keys = self._cache.by_index(ENDPOINT_SLICE, _SLICES, str(service))
        return serving(obj for key in keys if (obj := self._cache.get(ENDPOINT_SLICE, key)) is not None)

    def concerns(self, change: Change) -> bool:
        """Tell whether a change may change what is planned: most are heartbeats, or of other Services."""
        sides = [obj for obj in (change.old, change.new) if obj is not None]
        if change.kind is SERVICE:
            return any(map(_is_concerned, sides))
        if change.kind is ENDPOINT_SLICE:
            return any(self._minds(owner, sides) for owner in {service_of(obj) for obj in sides})
        if change.kind is NODE:
            return _differ([read_node(obj, is_on=True) for obj in sides])
        return _differ([obj["metadata"].get("labels") for obj in sides])

    def _minds(self, owner: Key | None, sides: Sequence[Object]) -> bool:
        """Tell whether a change of a slice is one for its Service: of where, or of whether it is served."""
        service = self._cache.get(SERVICE, owner) if owner is not None else None
        if service is None or not _is_concerned(service):
            return False
        found = [serving([obj] if service_of(obj) == owner else []) for obj in sides]
        is_local = service["spec"].get("externalTrafficPolicy") == "Local"
        return _differ([each if is_local else each.anywhere for each in found])


def _differ(sides: Sequence[object]) -> bool:
    return len(sides) != 2 or sides[0] != sides[1]


def _is_concerned(obj: Object) -> bool:
    return obj["spec"].get("type") == "LoadBalancer" or bool(ingress_of(obj))


def _index_of_slice(obj: Object) -> Iterable[str]:
    owner = service_of(obj)
    return () if owner is None else (str(owner),)
