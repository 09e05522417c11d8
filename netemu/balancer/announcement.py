"""Who announces an address, and how: what advertisements say, and which nodes may. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple, TypeVar

import msgspec
from msgspec import Struct

from netemu.api.client import Object
from netemu.api.selectors import matches
from netemu.api.views import view
from netemu.api.views.meta import LabelSelector, ObjectMeta
from netemu.balancer.kinds import LAYER2, LAYER2_AND_BGP, Protocol
from netemu.balancer.pools import Address, Labels

EXCLUDED = "node.kubernetes.io/exclude-from-external-load-balancers"

T = TypeVar("T")


class Advertisement(Struct, frozen=True, kw_only=True, rename="camel"):
    """What a loadbalancer.netemu.io/v1 L2Advertisement says, and a BGPAdvertisement says too."""

    pools: tuple[str, ...] = ()
    node_selectors: tuple[LabelSelector, ...] = ()

    def speaks_of(self, pool: str) -> bool:
        """Tell whether it says who announces a pool."""
        return not self.pools or pool in self.pools

    def admits(self, labels: Labels) -> bool:
        """Tell whether a node may announce."""
        return not self.node_selectors or any(matches(s, labels) for s in self.node_selectors)


class BgpAdvertisement(Advertisement, frozen=True, kw_only=True, rename="camel"):
    """What a loadbalancer.netemu.io/v1 BGPAdvertisement says."""

    aggregation_length: int = 32
    aggregation_length_v6: int = 128
    local_pref: int | None = None
    communities: tuple[str, ...] = ()


EVERYWHERE = BgpAdvertisement()
"""What holds where nothing is said: every node announces every pool."""


class Said(NamedTuple):
    """All advertisements. ``default`` is how a pool that none speaks of is announced.

    It is ``bgp`` only where routers run, and only there ``bgp`` has anything.
    """

    default: Protocol = "layer2"
    layer2: tuple[Advertisement, ...] = ()
    bgp: tuple[BgpAdvertisement, ...] = ()

    @property
    def protocols(self) -> tuple[Protocol, ...]:
        """How addresses can be announced at all."""
        return LAYER2_AND_BGP if self.default == "bgp" else LAYER2

    def ways(
        self, pool: str | None, asked: Iterable[Protocol | None]
    ) -> Mapping[Protocol, tuple[Advertisement, ...]]:
        """Say how an address of a pool is announced, and what limits who does.

        ``asked`` is what its Services ask for: one protocol, or (``None``) what the advertisements say.
        """
        spoken: dict[Protocol, tuple[Advertisement, ...]] = {
            "layer2": tuple(each for each in self.layer2 if pool is None or each.speaks_of(pool)),
            "bgp": tuple(each for each in self.bgp if pool is None or each.speaks_of(pool)),
        }
        wanted = set(asked)
        chosen = {each: spoken[each] or (EVERYWHERE,) for each in wanted if each is not None}
        if None in wanted:
            said = {each: found for each, found in spoken.items() if found}
            chosen |= said or {self.default: (EVERYWHERE,)}
        return chosen


class NodeFacts(NamedTuple):
    """What decides of a node; ``up`` is false as soon as it is known to be off, or not ready."""

    name: str
    labels: Labels
    up: bool

    @property
    def may_announce(self) -> bool:
        """Whether it may announce anything."""
        return self.up and EXCLUDED not in self.labels


class _Wrapped(Struct, frozen=True, kw_only=True):
    metadata: ObjectMeta
    spec: Advertisement = Advertisement()


class _WrappedBgp(Struct, frozen=True, kw_only=True):
    metadata: ObjectMeta
    spec: BgpAdvertisement = EVERYWHERE


def read_advertisements(objects: Iterable[Object]) -> tuple[Advertisement, ...]:
    """Read those L2Advertisements that make sense."""
    return tuple(each.spec for each in _readable(_Wrapped, objects))


def read_bgp_advertisements(objects: Iterable[Object]) -> tuple[BgpAdvertisement, ...]:
    """Read those BGPAdvertisements that make sense."""
    return tuple(each.spec for each in _readable(_WrappedBgp, objects))


def read_node(obj: Object, *, is_on: bool) -> NodeFacts:
    """Read what decides of a node."""
    conditions = (obj.get("status") or {}).get("conditions") or ()
    is_ready = any(c.get("type") == "Ready" and c.get("status") == "True" for c in conditions)
    meta = obj["metadata"]
    return NodeFacts(meta["name"], meta.get("labels") or {}, is_on and is_ready)


def candidates(
    nodes: Iterable[NodeFacts], said: Sequence[Advertisement], local: frozenset[str] | None
) -> tuple[str, ...]:
    """Name the nodes that may announce; ``local`` are those with an endpoint, where that counts."""
    return tuple(
        node.name
        for node in nodes
        if node.may_announce
        and (local is None or node.name in local)
        and any(each.admits(node.labels) for each in said)
    )


@lru_cache(maxsize=8192)
def choose(address: Address, names: tuple[str, ...]) -> str | None:
    """Choose one of the nodes: when another goes or comes, few addresses move (rendezvous hashing)."""
    return min(names, key=lambda name: (_weight(name, address), name), default=None)


def _weight(name: str, address: Address) -> bytes:
    return hashlib.sha256(f"{name}#{address}".encode()).digest()


def _readable(kind: type[T], objects: Iterable[Object]) -> Iterable[T]:
    for obj in objects:
        try:
            yield view(kind, obj)
        except msgspec.ValidationError:
            continue  # an object that was stored before its kind had this schema
