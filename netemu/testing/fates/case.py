"""The dimensions of a case: a Service, a client, what it connects to, and how."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from netemu.nft.expressions import L4


class Client(Enum):
    """Who connects; node-1 is where the nearer endpoint is."""

    POD = "b"
    ENDPOINT = "a"
    REMOTE_POD = "d"
    NODE = "node-1"
    REMOTE_NODE = "node-2"
    OUTSIDE = "outside"

    @property
    def words(self) -> str:
        """Its position in words; a node stands for its hostNetwork pods too."""
        return _POSITIONS[self.value]


_POSITIONS = {
    "b": "pod-beside",
    "a": "endpoint-itself",
    "d": "pod-elsewhere",
    "node-1": "node",
    "node-2": "other-node",
    "outside": "outside",
}


class Target(Enum):
    """What a client connects to."""

    CLUSTER_IP = "cluster-ip"
    NODE_PORT = "node-port"
    OTHER_NODE_PORT = "other-nodes-node-port"
    BALANCER = "balancer"
    PROXY = "balancer-that-is-a-proxy"
    EXTERNAL_IP = "external-ip"
    UNDEFINED_PORT = "undefined-port"
    UNUSED_NODE_PORT = "unused-node-port"
    UNALLOCATED = "unallocated-address"
    UNALLOCATED_LATER = "unallocated-address-of-a-later-range"
    LOOPBACK = "node-port-on-loopback"
    POD = "pod-itself"

    @property
    def is_external(self) -> bool:
        """Whether ``externalTrafficPolicy`` is about it."""
        return self in (self.NODE_PORT, self.OTHER_NODE_PORT, self.BALANCER, self.EXTERNAL_IP)


class Policy(Enum):
    """A traffic policy."""

    CLUSTER = "Cluster"
    LOCAL = "Local"


class Condition(Enum):
    """How an endpoint is: ready, serving and terminating; ``None`` is not said."""

    READY = (True, True, False)
    UNKNOWN = (None, None, None)
    ENDING = (False, True, True)
    ENDING_UNKNOWN = (False, None, True)
    ENDED = (False, False, True)
    NOT_READY = (False, False, False)
    SERVING = (False, True, False)
    # What publishNotReadyAddresses makes of those that are not ready, or ended.
    PUBLISHED = (True, False, False)
    PUBLISHED_ENDED = (True, False, True)


class Backend(NamedTuple):
    """One endpoint: a pod, or a node for a pod on its network; and whom it is meant for."""

    place: str
    condition: Condition = Condition.READY
    zones: tuple[str, ...] = ()
    nodes: tuple[str, ...] = ()


class Trait(Enum):
    """What is unusual about a Service or its slices."""

    NONE = ""
    OTHER_PROXY = "of-another-proxy"
    HEADLESS_LABEL = "labelled-headless"
    HEADLESS_SLICES = "slices-labelled-headless"
    NAMES = "slices-of-names"
    ONLY_IPV4 = "slices-of-ipv4-only"
    SECOND_ADDRESS = "second-addresses"
    TWO_SLICES = "in-two-slices"
    NO_NODE_PORT = "without-node-port"
    LATER_RANGE = "of-a-later-range"


@dataclass(frozen=True, slots=True)
class Service:
    """A Service with its endpoints. ``sources`` are the places that may use its balancer's address."""

    type: str
    state: str
    backends: tuple[Backend, ...]
    internal: Policy = Policy.CLUSTER
    external: Policy = Policy.CLUSTER
    affinity: bool = False
    sources: tuple[str, ...] | None = None
    trait: Trait = Trait.NONE

    @property
    def words(self) -> str:
        """What it is, in words."""
        words = [self.type]
        words += ["internal-Local"] * (self.internal is Policy.LOCAL)
        words += ["external-Local"] * (self.external is Policy.LOCAL)
        words += ["sticky"] * self.affinity
        words += [f"for-{'-and-'.join(self.sources)}"] if self.sources is not None else []
        words += [self.trait.value] if self.trait is not Trait.NONE else []
        return ".".join([*words, self.state])


@dataclass(frozen=True, slots=True)
class Case:
    """One client's connection to one address of one Service."""

    service: Service
    client: Client
    target: Target
    protocol: L4 = L4.TCP
    version: int = 4
    masquerade_all: bool = False

    @property
    def id(self) -> str:
        """The case in words."""
        way = f"{self.protocol.name.lower()}{self.version}"
        end = ".masquerade-all" if self.masquerade_all else ""
        return f"{self.client.words}.{self.target.value}.{self.service.words}.{way}{end}"


class Arrival(NamedTuple):
    """Where a connection came to, and from which place it seemed to be."""

    place: str
    source: str


class Fate(NamedTuple):
    """What becomes of the connections of a case.

    Each comes to one of ``arrivals`` and each of these happens; with ``stays``, all connections
    of one client come to the same. Without arrivals they are ``refused``, or else lost.
    """

    arrivals: frozenset[Arrival] = frozenset()
    refused: bool = False
    stays: bool = False

    @property
    def single(self) -> frozenset[Fate]:
        """What can become of one connection, each with one arrival at most."""
        return frozenset(Fate(frozenset({arrival})) for arrival in self.arrivals) or frozenset({self})

    def agrees(self, seen: frozenset[Fate]) -> bool:
        """Tell whether connections ended as they must: in every way, or with ``stays`` in one of them."""
        return len(seen) == 1 and seen <= self.single if self.stays else seen == self.single


LOST = Fate()
REFUSED = Fate(refused=True)
