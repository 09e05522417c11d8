"""What becomes of all Services' statuses, and who announces which address. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from netemu.api.client import Object
from netemu.balancer.allocation import Decision, allocate
from netemu.balancer.announcement import (
    Advertisement,
    BgpAdvertisement,
    NodeFacts,
    Said,
    candidates,
    choose,
)
from netemu.balancer.asked import (
    Ask,
    AskError,
    addresses_of,
    ingress_of,
    is_left_over,
    is_ours,
    protocol_of,
    read_ask,
)
from netemu.balancer.kinds import LAYER2, Protocol
from netemu.balancer.pools import Address, Labels, Pool
from netemu.balancer.routes import Route, route_to
from netemu.informer.cache import Key, key_of

Ingress = list[dict[str, Any]]


class Verdict(NamedTuple):
    """What to do about one Service.

    ``ingress`` is to be written, unless ``None``; ``given`` or ``problem`` is to be told.
    """

    service: Object
    ingress: Ingress | None = None
    given: str = ""
    problem: str = ""


def judge(
    services: Iterable[Object],
    pools: Sequence[Pool],
    namespaces: Mapping[str, Labels],
    protocols: Collection[Protocol] = LAYER2,
) -> list[Verdict]:
    """Decide about all Services that are ours, or were."""
    verdicts: list[Verdict] = []
    asks: dict[Key, tuple[Object, Ask]] = {}
    for obj in services:
        if is_left_over(obj):
            verdicts.append(Verdict(obj, []))
        elif is_ours(obj, protocols):
            try:
                asks[key_of(obj)] = obj, read_ask(obj)
            except AskError as err:
                verdicts.append(_refused(obj, str(err)))
    decided = allocate((ask for _, ask in asks.values()), pools, namespaces)
    verdicts.extend(_verdict(obj, decided[key]) for key, (obj, _) in asks.items())
    return [each for each in verdicts if each.ingress is not None or each.problem]


def _verdict(obj: Object, decision: Decision) -> Verdict:
    if decision.problem:
        return _refused(obj, decision.problem)
    ingress = [{"ip": str(address), "ipMode": "VIP"} for address in decision.addresses]
    if ingress == ingress_of(obj):
        return Verdict(obj)
    texts = " ".join(f'"{address}"' for address in decision.addresses)
    return Verdict(obj, ingress, given=f"Assigned IP [{texts}]")


def _refused(obj: Object, problem: str) -> Verdict:
    message = f'Failed to allocate IP for "{key_of(obj)}": {problem}'
    return Verdict(obj, [] if ingress_of(obj) else None, problem=message)


class Announced(NamedTuple):
    """One address, who announces it, and whose it is.

    ``node`` answers for it in layer 2 (``None``: no node does); ``routes`` are what each node
    tells its BGP peers of it.
    """

    address: Address
    node: str | None
    routes: Mapping[str, tuple[Route, ...]]
    services: tuple[Object, ...]


class Serving(NamedTuple):
    """Where a Service has endpoints that serve: ``nodes`` are those that are known."""

    anywhere: bool
    nodes: frozenset[str]


def announce(
    services: Iterable[Object],
    pools: Sequence[Pool],
    said: Said,
    nodes: Sequence[NodeFacts],
    serving: Callable[[Key], Serving],
) -> list[Announced]:
    """Choose who announces each address that a Service of ours has.

    Nobody announces one behind which nothing serves, so that another way to it may be taken.
    """
    users: dict[Address, list[Object]] = {}
    for obj in services:
        if is_ours(obj, said.protocols):
            for address in addresses_of(obj):
                users.setdefault(address, []).append(obj)
    found = []
    nodes_for = _Candidates(nodes)
    where = {key: serving(key) for using in users.values() for key in map(key_of, using)}
    for address, using in users.items():
        alive = [obj for obj in using if where[key_of(obj)].anywhere]
        local = _local(alive, where)
        pool = _pool_of(address, pools)
        ways = said.ways(pool.name if pool else None, map(protocol_of, alive))
        node = choose(address, nodes_for(ways.get("layer2", ()), local))
        routes = _routes(address, ways.get("bgp", ()), nodes_for, local)
        found.append(Announced(address, node, routes, tuple(using)))
    return found


def _routes(
    address: Address,
    said: Iterable[Advertisement],
    nodes_for: _Candidates,
    local: frozenset[str] | None,
) -> Mapping[str, tuple[Route, ...]]:
    found: dict[str, tuple[Route, ...]] = {}
    for each in said:
        if isinstance(each, BgpAdvertisement):
            route = route_to(address, each)
            for name in nodes_for((each,), local):
                found[name] = (*found.get(name, ()), route)
    return found


class _Candidates:
    """Names the nodes that may announce; remembers it, for most addresses ask the same."""

    def __init__(self, nodes: Sequence[NodeFacts]) -> None:
        self._nodes = nodes
        self._known: dict[tuple[object, ...], tuple[str, ...]] = {}

    def __call__(self, said: tuple[Advertisement, ...], local: frozenset[str] | None) -> tuple[str, ...]:
        key = (local, *map(id, said))  # what is said lives as long as this
        if key not in self._known:
            self._known[key] = candidates(self._nodes, said, local)
        return self._known[key]


def _local(services: Iterable[Object], where: Mapping[Key, Serving]) -> frozenset[str] | None:
    """Name the nodes that have endpoints of all Services that keep to the node; ``None`` if none does."""
    sets = [
        where[key_of(obj)].nodes for obj in services if obj["spec"].get("externalTrafficPolicy") == "Local"
    ]
    return frozenset.intersection(*sets) if sets else None


def _pool_of(address: Address, pools: Iterable[Pool]) -> Pool | None:
    return next((pool for pool in pools if pool.holds(address)), None)
