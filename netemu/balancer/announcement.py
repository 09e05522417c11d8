"""Which node answers for an address. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

import msgspec
from msgspec import Struct

from netemu.api.client import Object
from netemu.api.selectors import matches
from netemu.api.views import view
from netemu.api.views.meta import LabelSelector, ObjectMeta
from netemu.balancer.pools import Address, Labels, Pool

EXCLUDED = "node.kubernetes.io/exclude-from-external-load-balancers"


class AdvertisementSpec(Struct, frozen=True, kw_only=True, rename="camel"):
    """What an advertisement's object says."""

    pools: tuple[str, ...] = ()
    node_selectors: tuple[LabelSelector, ...] = ()


class Advertisement(Struct, frozen=True, kw_only=True):
    """loadbalancer.netemu.io/v1 L2Advertisement."""

    metadata: ObjectMeta
    spec: AdvertisementSpec = AdvertisementSpec()

    def speaks_of(self, pool: str) -> bool:
        """Tell whether it says who may answer for a pool."""
        return not self.spec.pools or pool in self.spec.pools

    def admits(self, labels: Labels) -> bool:
        """Tell whether a node may answer."""
        return not self.spec.node_selectors or any(matches(s, labels) for s in self.spec.node_selectors)


class NodeFacts(NamedTuple):
    """What decides of a node; ``up`` is false as soon as it is known to be off, or not ready."""

    name: str
    labels: Labels
    up: bool


def read_advertisements(objects: Iterable[Object]) -> list[Advertisement]:
    """Read those that make sense."""
    found = []
    for obj in objects:
        try:
            found.append(view(Advertisement, obj))
        except msgspec.ValidationError:
            continue  # an object that was stored before its kind had this schema
    return found


def read_node(obj: Object, *, is_on: bool) -> NodeFacts:
    """Read what decides of a node."""
    conditions = (obj.get("status") or {}).get("conditions") or ()
    is_ready = any(c.get("type") == "Ready" and c.get("status") == "True" for c in conditions)
    meta = obj["metadata"]
    return NodeFacts(meta["name"], meta.get("labels") or {}, is_on and is_ready)


def candidates(
    nodes: Iterable[NodeFacts],
    pool: Pool | None,
    advertisements: Sequence[Advertisement],
    local: frozenset[str] | None,
) -> tuple[str, ...]:
    """Name the nodes that may answer; ``local`` are those with an endpoint, where that counts."""
    speaking = [each for each in advertisements if pool is None or each.speaks_of(pool.name)]
    return tuple(
        node.name
        for node in nodes
        if node.up
        and EXCLUDED not in node.labels
        and (local is None or node.name in local)
        and (not speaking or any(each.admits(node.labels) for each in speaking))
    )


@lru_cache(maxsize=8192)
def choose(address: Address, names: tuple[str, ...]) -> str | None:
    """Choose one of the nodes: when another goes or comes, few addresses move (rendezvous hashing)."""
    return min(names, key=lambda name: (_weight(name, address), name), default=None)


def _weight(name: str, address: Address) -> bytes:
    return hashlib.sha256(f"{name}#{address}".encode()).digest()
