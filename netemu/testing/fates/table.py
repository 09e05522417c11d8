"""The table: dimensions combined, and what is left out.

A base combination (Service, client, target) goes one way, a protocol over a family; which one
depends on a hash of its words, so that all ways are used everywhere and a new case moves no other.
Those of the state ``CORE`` go all six ways.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain, product
from zlib import crc32

from netemu.nft.expressions import L4
from netemu.testing.fates.case import Backend, Case, Client, Condition, Policy, Service, Target, Trait

WAYS = tuple(product((L4.TCP, L4.UDP, L4.SCTP), (4, 6)))

_HERE, _THERE = Backend("a"), Backend("c")
_C = Condition
STATES: dict[str, tuple[Backend, ...]] = {
    "ready-here": (_HERE,),
    "ready-there": (_THERE,),
    "ready-here-and-there": (_HERE, _THERE),
    "none": (),
    "ending-here-ready-there": (Backend("a", _C.ENDING), _THERE),
    "ready-here-ending-there": (_HERE, Backend("c", _C.ENDING)),
    "ending-here": (Backend("a", _C.ENDING),),
    "ending-there": (Backend("c", _C.ENDING_UNKNOWN),),
    "ending-here-and-there": (Backend("a", _C.ENDING), Backend("c", _C.ENDING)),
    "ended-here-ending-there": (Backend("a", _C.ENDED), Backend("c", _C.ENDING)),
    "ended-here": (Backend("a", _C.ENDED),),
    "not-ready-here": (Backend("a", _C.NOT_READY),),
    "not-ready-but-serving-here": (Backend("a", _C.SERVING),),
    "not-ready-here-ready-there": (Backend("a", _C.NOT_READY), _THERE),
    "unknown-there": (Backend("c", _C.UNKNOWN),),
    "published-here": (Backend("a", _C.PUBLISHED),),
    "published-ended-here-ready-there": (Backend("a", _C.PUBLISHED_ENDED), _THERE),
    "on-the-host-here": (Backend("node-1"),),
    "on-the-host-there": (Backend("node-2"),),
}
CORE = "ready-here-and-there"


def _for_zones(*zones: str) -> tuple[Backend, ...]:
    """Give both endpoints, each meant for the zones that are named (space between several)."""
    return tuple(Backend(place, zones=tuple(names.split())) for place, names in zip("ac", zones, strict=True))


HINTS: dict[str, tuple[Backend, ...]] = {
    "each-for-its-zone": _for_zones("zone-1", "zone-2"),
    "each-for-the-other-zone": _for_zones("zone-2", "zone-1"),
    "all-for-one-zone": _for_zones("zone-2", "zone-2"),
    "one-for-both-zones": _for_zones("zone-1", "zone-1 zone-2"),
    "one-without-hint": _for_zones("zone-1", ""),
    "for-an-unknown-zone": _for_zones("zone-9", "zone-9"),
    "ending-in-its-zone": (Backend("a", _C.ENDING, zones=("zone-1",)), Backend("c", zones=("zone-2",))),
    "without-hint-but-not-ready": (Backend("a", zones=("zone-1",)), Backend("c", _C.NOT_READY)),
    "each-for-its-node": (Backend("a", nodes=("node-1",)), Backend("c", nodes=("node-2",))),
    "a-node-before-a-zone": (
        Backend("a", zones=("zone-2",), nodes=("node-1",)),
        Backend("c", zones=("zone-1",), nodes=("node-2",)),
    ),
    "another-node-then-a-zone": (
        Backend("a", zones=("zone-1",), nodes=("node-9",)),
        Backend("c", zones=("zone-2",), nodes=("node-9",)),
    ),
}
_INSIDE = (Client.POD, Client.REMOTE_POD, Client.NODE)


def cases() -> list[Case]:
    """Give the whole table; every case once."""
    parts = (_states(), _types(), _hints(), _sticky(), _sources(), _traits(), _nobody(), _masqueraded())
    return [case for case in dict.fromkeys(chain(*parts)) if _is_told_apart(case)]


def _is_told_apart(case: Case) -> bool:
    """Leave out the endpoint itself as a client where it is none: it would be one more pod."""
    return case.client is not Client.ENDPOINT or "a" in [b.place for b in case.service.backends]


def _states() -> Iterator[Case]:
    """Every state of endpoints under every policy that concerns the target, from everywhere."""
    for (state, backends), policy, client in product(STATES.items(), Policy, Client):
        internal = Service("LoadBalancer", state, backends, internal=policy)
        external = Service("LoadBalancer", state, backends, external=policy)
        yield from _ways(internal, client, Target.CLUSTER_IP)
        yield from _ways(external, client, Target.NODE_PORT)
        if state == CORE or client is Client.OUTSIDE:
            yield from _ways(external, client, Target.OTHER_NODE_PORT)
            yield from _ways(external, client, Target.EXTERNAL_IP)
        if state == CORE or client in (Client.OUTSIDE, Client.POD, Client.NODE):
            yield from _ways(external, client, Target.BALANCER)


def _types() -> Iterator[Case]:
    """The simpler types, and policies that do not concern the target."""
    for client, internal, external in product((*_INSIDE, Client.OUTSIDE), Policy, Policy):
        cluster_ip = Service("ClusterIP", CORE, STATES[CORE], internal, external)
        node_port = Service("NodePort", CORE, STATES[CORE], internal, external)
        balancer = Service("LoadBalancer", CORE, STATES[CORE], internal, external)
        yield from _one_way(cluster_ip, client, (Target.CLUSTER_IP, Target.EXTERNAL_IP))
        yield from _one_way(node_port, client, (Target.CLUSTER_IP, Target.NODE_PORT))
        yield from _one_way(balancer, client, (Target.CLUSTER_IP, Target.BALANCER))


def _hints() -> Iterator[Case]:
    """Hints, which Cluster policies follow and Local ones do not."""
    clients = (Client.POD, Client.REMOTE_POD, Client.NODE, Client.OUTSIDE)
    for (state, backends), policy, client in product(HINTS.items(), Policy, clients):
        internal = Service("LoadBalancer", state, backends, internal=policy)
        external = Service("LoadBalancer", state, backends, external=policy)
        yield from _one_way(internal, client, (Target.CLUSTER_IP,))
        yield from _one_way(external, client, (Target.NODE_PORT,))


def _sticky() -> Iterator[Case]:
    """Affinity, with one endpoint to choose and with several."""
    for state, policy, client in product(("ready-here-and-there", "ready-here", "none"), Policy, Client):
        sticky = Service("LoadBalancer", state, STATES[state], policy, policy, affinity=True)
        for target in (Target.CLUSTER_IP, Target.NODE_PORT, Target.BALANCER):
            yield from _one_way(sticky, client, (target,))


def _sources() -> Iterator[Case]:
    """Source ranges, which guard the balancer's address alone."""
    allowed = [("outside",), ("pods",), ("node-1", "b"), ("outside-by-ipv4",)]
    for sources, policy, client in product(allowed, Policy, Client):
        guarded = Service("LoadBalancer", CORE, STATES[CORE], external=policy, sources=sources)
        yield from _one_way(guarded, client, (Target.BALANCER,))
        if client in (Client.POD, Client.OUTSIDE):
            yield from _one_way(guarded, client, (Target.CLUSTER_IP, Target.NODE_PORT, Target.EXTERNAL_IP))


def _traits() -> Iterator[Case]:
    """Unusual Services and slices."""
    later = Service("LoadBalancer", CORE, STATES[CORE], trait=Trait.LATER_RANGE)
    for client in Client:
        yield from _all_ways(later, client, Target.CLUSTER_IP)
        yield from _one_way(later, client, (Target.NODE_PORT, Target.UNDEFINED_PORT))
    for trait, client in product(Trait, (Client.POD, Client.NODE, Client.OUTSIDE)):
        service = Service("NodePort", "ready-here", STATES["ready-here"], trait=trait)
        yield from _one_way(service, client, (Target.CLUSTER_IP, Target.NODE_PORT))
        if client is Client.POD:
            yield from _all_ways(service, client, Target.CLUSTER_IP)
    for policy, client in product(Policy, Client):
        service = Service("LoadBalancer", CORE, STATES[CORE], external=policy, trait=Trait.NO_NODE_PORT)
        yield from _one_way(service, client, (Target.BALANCER, Target.NODE_PORT))


def _nobody() -> Iterator[Case]:
    """What no Service answers for: also a balancer that wants to see its packets, and a pod itself."""
    service = Service("LoadBalancer", "ready-here", STATES["ready-here"])
    for client, target in product(Client, (Target.UNDEFINED_PORT, Target.UNALLOCATED)):
        yield from _all_ways(service, client, target)
    for client in Client:
        yield from _one_way(service, client, (Target.UNALLOCATED_LATER,))
    for client in (*_INSIDE, Client.REMOTE_NODE):
        yield from _all_ways(service, client, Target.PROXY)
    for client in (Client.POD, Client.REMOTE_POD, Client.ENDPOINT, Client.NODE, Client.REMOTE_NODE):
        yield from _all_ways(service, client, Target.POD)
    for client in (Client.POD, Client.NODE, Client.REMOTE_NODE, Client.OUTSIDE):
        yield from _one_way(service, client, (Target.UNUSED_NODE_PORT,))
    yield from _all_ways(service, Client.NODE, Target.LOOPBACK)


def _masqueraded() -> Iterator[Case]:
    """The same once more for proxies that hide all sources behind ClusterIPs."""
    targets = (Target.CLUSTER_IP, Target.NODE_PORT, Target.BALANCER)
    states = ("ready-here-and-there", "on-the-host-there", "none")
    for state, policy, client, target in product(states, Policy, Client, targets):
        service = Service("LoadBalancer", state, STATES[state], policy, policy)
        for case in _one_way(service, client, (target,)):
            yield replace(case, masquerade_all=True)


def _ways(service: Service, client: Client, target: Target) -> Iterable[Case]:
    if service.state == CORE:
        return _all_ways(service, client, target)
    return _one_way(service, client, (target,))


def _all_ways(service: Service, client: Client, target: Target) -> Iterator[Case]:
    for protocol, version in WAYS:
        yield Case(service, client, target, protocol, version)


def _one_way(service: Service, client: Client, targets: Iterable[Target]) -> Iterator[Case]:
    for target in targets:
        case = Case(service, client, target)
        protocol, version = WAYS[crc32(case.id.encode()) % len(WAYS)]
        yield replace(case, protocol=protocol, version=version)
