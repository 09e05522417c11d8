"""What each Service port needs, decided once for all nodes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum
from typing import NamedTuple

from msgspec import Struct, field

from netemu.informer.cache import Key
from netemu.logs import Log
from netemu.naming import NodeName
from netemu.nft.expressions import L4, Address, Network
from netemu.proxy.ids import Ids
from netemu.proxy.index import Candidate, Endpoint, Index, PortKey, PortView

log = Log(__name__)


class Frontend(NamedTuple):
    """What a client connects to."""

    address: Address
    protocol: L4
    port: int


class Scope(Enum):
    """For whom an id names endpoints of a Service port."""

    CLUSTER = "everybody"
    INTERNAL = "clients of the ClusterIP that want local endpoints"
    EXTERNAL = "clients outside the cluster that want local endpoints"
    INSIDE = "clients inside that use an address for those outside"


class Near(NamedTuple):
    """A zone, or a node, that endpoints are meant for."""

    kind: str
    name: str


class Policies(Struct, frozen=True):
    """What makes a Service port differ from node to node or from client to client.

    The ids are 0 where the policy is Cluster. ``near`` has the ready endpoints by whom they are
    meant for, if all say so; ``local`` has the usable ones of each node.
    """

    affinity_s: int = 0
    internal_id: int = 0
    external_id: int = 0
    inside_id: int = 0
    near: Mapping[Near, tuple[Endpoint, ...]] = field(default_factory=dict)
    local: Mapping[NodeName, tuple[Endpoint, ...]] = field(default_factory=dict)
    balancers: tuple[Frontend, ...] = ()
    sources: tuple[Network, ...] | None = None


class Elements(Struct, frozen=True):
    """One Service port: what leads to it, and the endpoints, each in its slot.

    ``id`` names the set of endpoints in the kernel. The node-independent part of the answer:
    ``groups`` says what it means on one node. Most ports have no ``policies``. ``lingering`` are
    endpoints of UDP that get no new flows, but still serve those that they have.
    """

    id: int
    cluster: Frontend
    external: tuple[Frontend, ...]
    node_port: int | None
    endpoints: tuple[Endpoint, ...]
    policies: Policies | None = None
    lingering: tuple[Endpoint, ...] = ()

    @property
    def frontends(self) -> tuple[Frontend, ...]:
        """Everything that leads here, but for the node port."""
        return (self.cluster, *self.external)


_NO_POLICIES = Policies()

TakeId = Callable[[Scope], int]


def plan(index: Index, key: PortKey, ids: TakeId, before: Elements | None = None) -> Elements | None:
    """Decide what one Service port needs; ``None`` when there is no such port.

    Nothing outside ``key`` is read, so the cost does not depend on how many Services exist.
    Equal input in any order gives the same endpoints; their order also depends on ``before``,
    so that a change of one endpoint moves no other one into another slot than it must.
    """
    view = index.service_port(key)
    if view is None:
        return None
    protocol, number = view.protocol, view.port.port
    chosen = _choose(index.candidates(key, protocol))
    old = before.policies if before is not None and before.policies is not None else _NO_POLICIES
    return Elements(
        ids(Scope.CLUSTER),
        Frontend(view.cluster_ip, protocol, number),
        tuple(Frontend(address, protocol, number) for address in view.external),
        view.port.node_port or None,
        in_slots(chosen.usable, before.endpoints if before is not None else ()),
        _policies(view, chosen, ids, old),
        chosen.lingering if protocol is L4.UDP else (),
    )


class _Chosen(NamedTuple):
    """The candidates by what they are good for; each endpoint once, though two slices may name it."""

    ready: Sequence[Candidate]
    ending: Sequence[Candidate]

    @property
    def usable(self) -> list[Endpoint]:
        """The ready endpoints or, when there is none, those that still serve while they end."""
        return [candidate.endpoint for candidate in self.ready or self.ending]

    @property
    def lingering(self) -> tuple[Endpoint, ...]:
        """Those that still serve while they end, but not for new connections, in the order of addresses."""
        return in_slots([candidate.endpoint for candidate in self.ending], ()) if self.ready else ()


def _choose(candidates: Iterable[Candidate]) -> _Chosen:
    """Sort candidates; unknown readiness is readiness."""
    ready: dict[tuple[Address, int], Candidate] = {}
    ending: dict[tuple[Address, int], Candidate] = {}
    for candidate in candidates:
        endpoint, conditions = candidate.endpoint, candidate.conditions
        if conditions.ready is not False:
            ready[endpoint.address, endpoint.port] = candidate
        elif conditions.terminating and conditions.serving is not False:
            ending[endpoint.address, endpoint.port] = candidate
    return _Chosen(list(ready.values()), list(ending.values()))


def _policies(view: PortView, chosen: _Chosen, ids: TakeId, old: Policies) -> Policies | None:
    spec = view.spec
    has_external = bool(view.external) or bool(view.port.node_port)
    internal = spec.internal_traffic_policy == "Local"
    external = spec.external_traffic_policy == "Local" and has_external
    sources = view.sources if view.balancers else None
    near = {where: in_slots(some, old.near.get(where, ())) for where, some in _near(chosen.ready).items()}
    if not (internal or external or near or spec.affinity_s or sources is not None):
        return None
    local = _local(chosen) if internal or external else {}
    number = view.port.port
    return Policies(
        affinity_s=spec.affinity_s,
        internal_id=ids(Scope.INTERNAL) if internal else 0,
        external_id=ids(Scope.EXTERNAL) if external else 0,
        inside_id=ids(Scope.INSIDE) if external else 0,
        near=near,
        local={node: in_slots(some, old.local.get(node, ())) for node, some in local.items()},
        balancers=tuple(Frontend(address, view.protocol, number) for address in view.balancers)
        if sources is not None
        else (),
        sources=sources,
    )


def _near(ready: Sequence[Candidate]) -> dict[Near, list[Endpoint]]:
    """Sort ready endpoints by whom they are meant for; a kind of hint counts if all have it."""
    found: dict[Near, list[Endpoint]] = {}
    if not (ready and (ready[0].nodes or ready[0].zones)):  # most have none
        return found
    for kind in ("node", "zone"):
        names = [(c.endpoint, c.nodes if kind == "node" else c.zones) for c in ready]
        if all(hints for _, hints in names):
            for endpoint, hints in names:
                for name in hints:
                    found.setdefault(Near(kind, name), []).append(endpoint)
    return found


def _local(chosen: _Chosen) -> dict[NodeName, list[Endpoint]]:
    """Sort endpoints by node: the ready ones of each or, where there is none, the ending ones."""
    ready, ending = _by_node(chosen.ready), _by_node(chosen.ending)
    return {**ending, **ready}


def _by_node(candidates: Iterable[Candidate]) -> dict[NodeName, list[Endpoint]]:
    found: dict[NodeName, list[Endpoint]] = {}
    for endpoint, *_ in candidates:
        if endpoint.node is not None:
            found.setdefault(endpoint.node, []).append(endpoint)
    return found


def in_slots(wanted: list[Endpoint], before: tuple[Endpoint, ...]) -> tuple[Endpoint, ...]:
    """Order endpoints so that as few as possible change their place in ``before``.

    Slots are numbered without gaps: the balancer draws a number below their count.
    """
    if not before:
        return tuple(sorted(dict.fromkeys(wanted), key=_place))
    # As few look-ups as can be: to hash an address is slow, and a Service may have 5,000.
    unplaced = dict.fromkeys(wanted, True)
    slots: list[Endpoint | None] = [None] * len(unplaced)
    for slot, endpoint in enumerate(before[: len(slots)]):
        if unplaced.pop(endpoint, False):
            slots[slot] = endpoint
    rest = iter(sorted(unplaced, key=_place))
    return tuple(endpoint if endpoint is not None else next(rest) for endpoint in slots)


def _place(endpoint: Endpoint) -> tuple[int, int]:
    return int(endpoint.address), endpoint.port


class Plans:
    """The plans of all Service ports, kept up to date key by key; shared by all nodes."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._ids = Ids()
        self._ports: dict[Key, list[PortKey]] = {}
        self.current: dict[PortKey, Elements] = {}

    def refresh(self, services: Iterable[Key]) -> dict[PortKey, Elements | None]:
        """Plan the ports of some Services again; give those that changed, ``None`` for one that went."""
        changed: dict[PortKey, Elements | None] = {}
        for service in services:
            try:
                self._refresh_service(service, changed)
            except Exception as err:  # what nobody can plan stays as it is, and the others go on
                log.error("proxy.unplanned", exc=err, service=service)
        return changed

    def _refresh_service(self, service: Key, changed: dict[PortKey, Elements | None]) -> None:
        ports = self._index.port_keys(service)
        for key in dict.fromkeys((*self._ports.get(service, ()), *ports)):
            self._refresh(key, changed)
        self._ports[service] = ports
        if not ports:
            del self._ports[service]

    def _refresh(self, key: PortKey, changed: dict[PortKey, Elements | None]) -> None:
        before = self.current.get(key)
        now = plan(self._index, key, lambda scope: self._ids.take((key, scope.name)), before)
        if now is None:
            for scope in Scope:
                self._ids.release((key, scope.name))
            self.current.pop(key, None)
        else:
            self.current[key] = now
        if now != before:
            changed[key] = now


def plan_all(index: Index) -> dict[PortKey, Elements]:
    """Plan every Service port from nothing."""
    plans = Plans(index)
    plans.refresh(sorted(index.services()))
    return plans.current
