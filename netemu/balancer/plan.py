"""What becomes of all Services' statuses, and which node answers for which address. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from netemu.api.client import Object
from netemu.balancer.allocation import Decision, allocate
from netemu.balancer.announcement import Advertisement, NodeFacts, candidates, choose
from netemu.balancer.asked import Ask, AskError, addresses_of, ingress_of, is_left_over, is_ours, read_ask
from netemu.balancer.pools import Address, Labels, Pool
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
    services: Iterable[Object], pools: Sequence[Pool], namespaces: Mapping[str, Labels]
) -> list[Verdict]:
    """Decide about all Services that are ours, or were."""
    verdicts: list[Verdict] = []
    asks: dict[Key, tuple[Object, Ask]] = {}
    for obj in services:
        if is_left_over(obj):
            verdicts.append(Verdict(obj, []))
        elif is_ours(obj):
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
    """One address, the node that answers for it (``None``: no node may), and whose it is."""

    address: Address
    node: str | None
    services: tuple[Object, ...]


LocalNodes = Callable[[Key], frozenset[str]]
"""Name the nodes that have a ready endpoint of a Service."""


def announce(
    services: Iterable[Object],
    pools: Sequence[Pool],
    advertisements: Sequence[Advertisement],
    nodes: Sequence[NodeFacts],
    local_nodes: LocalNodes,
) -> list[Announced]:
    """Choose the node of each address that a Service of ours has."""
    users: dict[Address, list[Object]] = {}
    for obj in services:
        if is_ours(obj):
            for address in addresses_of(obj):
                users.setdefault(address, []).append(obj)
    found = []
    for address, using in users.items():
        local = _local(using, local_nodes)
        names = candidates(nodes, _pool_of(address, pools), advertisements, local)
        found.append(Announced(address, choose(address, names), tuple(using)))
    return found


def _local(services: Iterable[Object], local_nodes: LocalNodes) -> frozenset[str] | None:
    """Name the nodes that have endpoints of all Services that keep to the node; ``None`` if none does."""
    sets = [
        local_nodes(key_of(obj)) for obj in services if obj["spec"].get("externalTrafficPolicy") == "Local"
    ]
    return frozenset.intersection(*sets) if sets else None


def _pool_of(address: Address, pools: Iterable[Pool]) -> Pool | None:
    return next((pool for pool in pools if pool.holds(address)), None)
