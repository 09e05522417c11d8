"""What each Service port needs, decided once for all nodes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import NamedTuple

from netemu.informer.cache import Key
from netemu.nft.expressions import L4
from netemu.proxy.ids import Ids
from netemu.proxy.index import Candidate, Endpoint, Index, PortKey


class Frontend(NamedTuple):
    """What a client connects to."""

    address: IPv4Address
    protocol: L4
    port: int


@dataclass(frozen=True, slots=True)
class Elements:
    """One Service port: what leads to it, and the endpoints, each in its slot.

    ``id`` names the set of endpoints in the kernel. The node-independent part of the answer:
    ``layout`` spells out the elements that one node needs for it.
    """

    id: int
    cluster: Frontend
    external: tuple[Frontend, ...]
    node_port: int | None
    endpoints: tuple[Endpoint, ...]

    @property
    def frontends(self) -> tuple[Frontend, ...]:
        """Everything that leads here, but for the node port."""
        return (self.cluster, *self.external)


def plan(index: Index, key: PortKey, id: int, before: Elements | None = None) -> Elements | None:
    """Decide what one Service port needs; ``None`` when there is no such port.

    Nothing outside ``key`` is read, so the cost does not depend on how many Services exist.
    Equal input in any order gives the same endpoints; their order also depends on ``before``,
    so that a change of one endpoint moves no other one into another slot than it must.
    """
    view = index.service_port(key)
    if view is None:
        return None
    protocol, number = view.protocol, view.port.port
    return Elements(
        id,
        Frontend(view.cluster_ip, protocol, number),
        tuple(Frontend(address, protocol, number) for address in view.external),
        view.port.node_port,
        in_slots(usable(index.candidates(key, protocol)), before.endpoints if before is not None else ()),
    )


def usable(candidates: Iterable[Candidate]) -> list[Endpoint]:
    """Choose the ready endpoints or, when there is none, those that still serve while they end.

    Unknown readiness is readiness. An endpoint that two slices name (it moves between them)
    counts once.
    """
    ready: dict[tuple[IPv4Address, int], Endpoint] = {}
    ending: dict[tuple[IPv4Address, int], Endpoint] = {}
    for endpoint, conditions in candidates:
        if conditions.ready is not False:
            ready[endpoint.address, endpoint.port] = endpoint
        elif conditions.terminating and conditions.serving is not False:
            ending[endpoint.address, endpoint.port] = endpoint
    return list((ready or ending).values())


def in_slots(wanted: list[Endpoint], before: tuple[Endpoint, ...]) -> tuple[Endpoint, ...]:
    """Order endpoints so that as few as possible change their place in ``before``.

    Slots are numbered without gaps: the balancer draws a number below their count.
    """
    unplaced = set(wanted)
    slots: list[Endpoint | None] = [None] * len(unplaced)
    for slot, endpoint in enumerate(before[: len(slots)]):
        if endpoint in unplaced:
            slots[slot] = endpoint
            unplaced.discard(endpoint)
    rest = iter(sorted(unplaced, key=lambda endpoint: (int(endpoint.address), endpoint.port)))
    return tuple(endpoint if endpoint is not None else next(rest) for endpoint in slots)


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
            ports = self._index.port_keys(service)
            for key in dict.fromkeys((*self._ports.get(service, ()), *ports)):
                self._refresh(key, changed)
            self._ports[service] = ports
            if not ports:
                del self._ports[service]
        return changed

    def _refresh(self, key: PortKey, changed: dict[PortKey, Elements | None]) -> None:
        before = self.current.get(key)
        now = plan(self._index, key, self._ids.take(key), before)
        if now is None:
            self._ids.release(key)
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
