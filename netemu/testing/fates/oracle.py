"""What Kubernetes documents for a case, said without a look at how netemu does it.

Sources: "Virtual IPs and Service Proxies", "Service Internal Traffic Policy", "Topology Aware Routing",
"Using Source IP" of kubernetes.io, and KEP-1669 (endpoints that are ending), 1860 (ipMode),
2086 (internal policy), 2433 and 3015 (hints). Words: the *door* is the node whose rules decide about
a connection, the *sender* whom it comes from as seen there.
"""

from __future__ import annotations

from netemu.testing.fates.case import (
    LOST,
    REFUSED,
    Arrival,
    Backend,
    Case,
    Client,
    Condition,
    Fate,
    Policy,
    Target,
    Trait,
)

NODE_OF = {"a": "node-1", "b": "node-1", "c": "node-2", "d": "node-2", "node-1": "node-1", "node-2": "node-2"}
ZONE_OF = {"node-1": "zone-1", "node-2": "zone-2"}
PODS = frozenset("abcd")
ASKED_POD = "c"  # by its own address, without a Service
_C = Condition
_READY = (_C.READY, _C.UNKNOWN, _C.PUBLISHED, _C.PUBLISHED_ENDED)
_ENDING = (_C.ENDING, _C.ENDING_UNKNOWN)
_UNSERVED = (Trait.OTHER_PROXY, Trait.HEADLESS_LABEL)
_WITHOUT_ENDPOINTS = (Trait.HEADLESS_SLICES, Trait.NAMES)
_DECIDED = {
    Target.UNALLOCATED: LOST,
    Target.UNALLOCATED_LATER: LOST,
    Target.UNDEFINED_PORT: REFUSED,
    # Nobody listens there, and no port of a Service is on loopback.
    Target.UNUSED_NODE_PORT: REFUSED,
    Target.LOOPBACK: REFUSED,
}


def fate(case: Case) -> Fate:
    """Say what must become of a case."""
    if case.target in _DECIDED:
        return _DECIDED[case.target]
    if case.target is Target.POD:  # "pods can communicate with all other pods without NAT"
        return Fate(frozenset({Arrival(ASKED_POD, case.client.value)}))
    if case.target is Target.PROXY:  # nodes leave it alone: it goes to the balancer
        return Fate(frozenset({Arrival("outside", NODE_OF[case.client.value])}))
    if case.service.trait is Trait.NO_NODE_PORT and case.target is Target.NODE_PORT:
        return REFUSED
    if case.service.trait in _UNSERVED:
        return REFUSED if case.target.is_external else LOST
    if not _may_use(case):
        return LOST
    wants_local = _wants_local(case)
    everywhere, here = _backends(case), [b for b in _backends(case) if NODE_OF[b.place] == _door(case)]
    chosen = _usable(here) if wants_local else _nearest(_usable(everywhere), _door(case))
    if chosen:
        arrivals = frozenset(Arrival(backend.place, _source(case, backend.place)) for backend in chosen)
        return Fate(arrivals, stays=case.service.affinity)
    return LOST if _usable(everywhere) else REFUSED


def _door(case: Case) -> str:
    """A node port belongs to the node that is asked; for all else a client's own node decides.

    What comes from outside was routed, or announced, to node-1.
    """
    if case.target is Target.NODE_PORT:
        return "node-1"
    if case.target is Target.OTHER_NODE_PORT:
        return "node-2"
    return NODE_OF.get(case.client.value, "node-1")


def _sender(case: Case) -> str:
    """Pods leave the range of pods with their node's address: so says the CNI plugin, not Services."""
    client = case.client.value
    is_elsewhere = case.client is not Client.OUTSIDE and NODE_OF[client] != _door(case)
    return NODE_OF[client] if is_elsewhere else client


def _may_use(case: Case) -> bool:
    """``loadBalancerSourceRanges`` are about the balancer's address, and each about its own family."""
    sources = case.service.sources
    if sources is None or case.target is not Target.BALANCER:
        return True
    sender = _sender(case)
    return (
        sender in sources
        or ("pods" in sources and sender in PODS)
        or ("outside-by-ipv4" in sources and (case.version == 6 or sender == "outside"))
    )


def _wants_local(case: Case) -> bool:
    """``externalTrafficPolicy`` is for those outside: pods and the node itself need not obey it."""
    if case.target is Target.CLUSTER_IP:
        return case.service.internal is Policy.LOCAL
    is_inside = _sender(case) in PODS or _sender(case) == _door(case)
    return case.service.external is Policy.LOCAL and not is_inside


def _backends(case: Case) -> tuple[Backend, ...]:
    trait = case.service.trait
    is_without = trait in _WITHOUT_ENDPOINTS or (trait is Trait.ONLY_IPV4 and case.version == 6)
    return () if is_without else case.service.backends


def _usable(backends: tuple[Backend, ...] | list[Backend]) -> list[Backend]:
    """Ready ones or, only if there is none, those that still serve while they end."""
    ready = [backend for backend in backends if backend.condition in _READY]
    return ready or [backend for backend in backends if backend.condition in _ENDING]


def _nearest(backends: list[Backend], door: str) -> list[Backend]:
    """Hints count when all ready endpoints have one, and one of them is for here; nodes before zones."""
    if not all(backend.condition in _READY for backend in backends):
        return backends
    for here, hints in ((door, "nodes"), (ZONE_OF[door], "zones")):
        if all(getattr(backend, hints) for backend in backends):
            near = [backend for backend in backends if here in getattr(backend, hints)]
            if near:
                return near
    return backends


def _source(case: Case, place: str) -> str:
    """Say whom the endpoint sees.

    The client, unless replies would miss the door: it is the endpoint itself, or no pod (at a
    ClusterIP), or came by an external address under the policy Cluster. Then it is the door.
    What ends on the door's own network goes nowhere from there, and its replies cannot miss it.
    """
    sender, door = _sender(case), _door(case)
    if place == door:
        return sender
    is_local = case.target.is_external and case.service.external is Policy.LOCAL
    is_hidden = (
        sender == place
        or (case.target is Target.CLUSTER_IP and (sender not in PODS or case.masquerade_all))
        or (case.target.is_external and not is_local)
    )
    seen = door if is_hidden else sender
    leaves_pods = seen in PODS and place not in PODS and NODE_OF[place] != NODE_OF[seen]
    return NODE_OF[seen] if leaves_pods else seen
