"""[IO] All nodes' proxies: plans are made once, each node applies them on its own."""

from __future__ import annotations

import asyncio
import gc
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from ipaddress import ip_network
from itertools import islice
from typing import NamedTuple, Protocol

from msgspec import Struct

from netemu.api.client import Object
from netemu.api.kinds import ENDPOINT_SLICE, NODE, SERVICE, SERVICE_CIDR
from netemu.clock import Clock, format_rfc3339, parse_rfc3339, system_clock
from netemu.events.loop import Recorder
from netemu.informer.cache import Cache, Change, Key
from netemu.informer.watch import Informer
from netemu.linux.nftmonitor import Monitors
from netemu.logs import Log
from netemu.naming import NodeName
from netemu.nft.expressions import Address, Family, Network
from netemu.proxy import flows
from netemu.proxy.figures import Figures, News, NodeFigures
from netemu.proxy.groups import TABLE_NAME, NodeView
from netemu.proxy.health import LocalHealth
from netemu.proxy.index import Index, PortKey
from netemu.proxy.kernel import NodeKernel
from netemu.proxy.plan import Elements, Plans
from netemu.proxy.report import without_local
from netemu.proxy.server import HealthServer, TellTaken
from netemu.proxy.syncer import PERIOD_S, Kernel, ProxySyncer
from netemu.settings import Settings

log = Log(__name__)

# So many Services are planned before the event loop may do something else: about 10 ms.
_AT_ONCE = 200
# So many are planned without looking for garbage.
_MANY = 2000
# Why a Service is planned again.
_BY_SERVICE, _BY_SLICE = 1, 2
TRIGGER_TIME = "endpoints.kubernetes.io/last-change-trigger-time"
_GOING_TAINT = "ToBeDeletedByClusterAutoscaler"
_ZONE_LABEL = "topology.kubernetes.io/zone"


class Syncer(Protocol):
    """What brings one node's kernel to what the plans of one family say, and keeps it there."""

    def place(self, zone: str) -> None:
        """Remember the zone that the node is in now."""
        ...

    def serve(self, ranges: tuple[Network, ...]) -> None:
        """Remember the ranges of ClusterIPs beside the first."""
        ...

    def note(self, changed: Mapping[PortKey, Elements | None], news: News) -> None:
        """Remember which plans changed, and what of."""
        ...

    async def wait_synced(self) -> None:
        """Return when the kernel has held all Services once."""
        ...

    async def applied(self) -> None:
        """Return when the kernel holds all that was noted so far."""
        ...

    async def run(self) -> None:
        """Work until cancelled."""
        ...


class NodeProxying(Struct, frozen=True):
    """What a syncer gets: its node, whose namespace stays the caller's, what is planned, whom to tell.

    ``tell`` takes the words of an event of the node, about a change by another hand, ``tell_failure`` those
    about a change of its own that the kernel refused. It counts its work in ``figures``.
    """

    node: NodeView
    ns_fd: int
    index: Index
    plans: Mapping[PortKey, Elements]
    tell: Callable[[str], None]
    tell_failure: Callable[[str], None]
    period_s: float
    figures: Figures


OpenSyncer = Callable[[NodeProxying], Syncer]


class Health(Protocol):
    """What tells load balancers of one node's endpoints."""

    def note(self, service: Key, found: LocalHealth | None) -> None:
        """Remember what to say of a Service from now on."""
        ...

    async def run(self) -> None:
        """Say it until cancelled."""
        ...


OpenHealth = Callable[[NodeName, int, NodeFigures, Clock, TellTaken], Health]


class _Half(Struct, frozen=True):
    """What all nodes share of one family of addresses."""

    name: str
    pods: Network
    services: Network
    index: Index
    plans: Plans


class _NodeParts(NamedTuple):
    """What works for one node: a syncer for each family."""

    name: NodeName
    syncers: tuple[Syncer, ...]
    health: Health


class Proxy:
    """Follows Services and EndpointSlices for all nodes of the cluster."""

    def __init__(
        self,
        cache: Cache,
        informer: Informer,
        settings: Settings,
        *,
        open_kernel: Callable[[int, Family], Kernel] | None = None,
        open_syncer: OpenSyncer | None = None,
        open_health: OpenHealth | None = None,
        recorder: Recorder | None = None,
        clock: Clock = system_clock,
        period_s: float = PERIOD_S,
    ) -> None:
        self._cache = cache
        self._informer = informer
        self._settings = settings
        self._open_kernel = open_kernel or partial(NodeKernel, monitors=Monitors())
        self._open_syncer = open_syncer or self._with_maps
        self._open_health: OpenHealth = open_health or HealthServer
        self._recorder = recorder
        self._clock = clock
        self._period_s = period_s
        ranges = zip(settings.pod_ranges, settings.service_ranges, strict=True)
        self._halves = tuple(_half(cache, pods, services) for pods, services in ranges)
        self._dirty: dict[Key, int] = {}
        self._seen = Counter[str]()
        self._triggers: list[tuple[str, float]] = []  # a slice's family, and since when it is so
        self._began = format_rfc3339(clock())
        self._with_health: set[Key] = set()
        self._wake = asyncio.Event()
        self._nodes: dict[NodeName, _NodeParts] = {}
        self._waiting: list[_NodeParts] = []
        self._listen()

    def _listen(self) -> None:
        self._informer.on_change(SERVICE, self._note)
        self._informer.on_change(ENDPOINT_SLICE, self._note)
        self._informer.on_change(NODE, self._note_node)
        if self._informer.follows(SERVICE_CIDR):
            self._informer.on_change(SERVICE_CIDR, self._note_range)

    def add_node(self, node: NodeName, node_ips: Sequence[Address], ns_fd: int) -> None:
        """Look after a node, from now on or from ``run`` on.

        Node ports answer on ``node_ips``. ``ns_fd`` is the node's network namespace; the
        caller may close it afterwards.
        """
        families = {half.name: Figures(self._clock) for half in self._halves}
        syncers = tuple(
            self._syncer(node, half, node_ips, ns_fd, families[half.name]) for half in self._halves
        )
        figures = NodeFigures(
            self._settings.proxy_mode,
            families,
            self._seen,
            partial(self._without_local, node),
            partial(self._is_eligible, node),
        )
        health = self._open_health(node, ns_fd, figures, self._clock, partial(self._tell_taken, node))
        parts = _NodeParts(node, syncers, health)
        self._nodes[node] = parts
        self._waiting.append(parts)
        self._wake.set()

    def _syncer(
        self, node: NodeName, half: _Half, node_ips: Sequence[Address], ns_fd: int, figures: Figures
    ) -> Syncer:
        view = NodeView(
            node,
            tuple(ip for ip in node_ips if ip.version == half.pods.version),
            half.pods,
            half.services,
            comment=f"netemu cluster {self._settings.name}",
            zone=self._zone(node),
            masquerade_all=self._settings.masquerade_all,
            more_services=self._more_services(half),
            localhost_nodeports=self._settings.localhost_nodeports,
        )
        if view.has_localhost:
            flows.let_localhost_out(ns_fd)
        tell = partial(self._tell, node, "ProxyRulesChanged")
        tell_failure = partial(self._tell, node, "ProxyRulesFailed")
        return self._open_syncer(
            NodeProxying(
                view, ns_fd, half.index, half.plans.current, tell, tell_failure, self._period_s, figures
            )
        )

    def _with_maps(self, given: NodeProxying) -> Syncer:
        def tell(intruder: str) -> None:
            given.tell(f"nftables table {TABLE_NAME} was changed by {intruder}; loading it again")

        def tell_failure(reason: str) -> None:
            given.tell_failure(f"nftables table {TABLE_NAME} is as it was: {reason}; trying again")

        return ProxySyncer(
            given.node,
            self._open_kernel(given.ns_fd, given.node.family),
            given.plans,
            on_repair=tell,
            on_failure=tell_failure,
            period_s=given.period_s,
            figures=given.figures,
        )

    async def wait_synced(self) -> None:
        """Return when the kernel of every node added so far has held all Services once."""
        for parts in list(self._nodes.values()):
            for syncer in parts.syncers:
                await syncer.wait_synced()

    async def applied(self) -> None:
        """Return when the kernel of every node holds what is known now."""
        await self._refresh_all()
        for parts in list(self._nodes.values()):
            for syncer in parts.syncers:
                await syncer.applied()

    async def run(self) -> None:
        """Follow changes until cancelled."""
        await self._informer.wait_synced()
        await self._refresh_all()
        async with asyncio.TaskGroup() as group:
            while True:
                self._wake.clear()
                while self._waiting:
                    parts = self._waiting.pop()
                    for syncer in parts.syncers:
                        group.create_task(syncer.run(), name=f"proxy {parts.name}")
                    group.create_task(parts.health.run(), name=f"proxy health {parts.name}")
                await self._refresh_all()
                await self._wake.wait()

    def _note(self, change: Change) -> None:
        is_slice = change.kind is ENDPOINT_SLICE
        self._seen["endpoint" if is_slice else "service"] += 1
        if is_slice and change.new is not None:
            self._note_trigger(change.new)
        # Which Services a change touches is the same in all families.
        for key in self._halves[0].index.touched(change):
            self._dirty[key] = self._dirty.get(key, 0) | (_BY_SLICE if is_slice else _BY_SERVICE)
        self._wake.set()

    def _note_trigger(self, slice_: Object) -> None:
        since = (slice_["metadata"].get("annotations") or {}).get(TRIGGER_TIME, "")
        if since < self._began:  # as text: many are of long before, and to read one takes time
            return
        with suppress(ValueError):  # anybody may write a slice
            self._triggers.append((slice_["addressType"], parse_rfc3339(since)))

    def _note_node(self, change: Change) -> None:
        parts = self._nodes.get(NodeName(change.key.name))
        if parts is not None and change.new is not None:
            for syncer in parts.syncers:
                syncer.place(self._zone(parts.name))

    def _note_range(self, change: Change) -> None:
        del change  # all ranges together are one rule
        for place, half in enumerate(self._halves):
            ranges = self._more_services(half)
            for parts in self._nodes.values():
                parts.syncers[place].serve(ranges)

    def _more_services(self, half: _Half) -> tuple[Network, ...]:
        """Give the ranges that ServiceCIDRs added to those which the cluster was made with."""
        cidrs = (obj["spec"].get("cidrs") or () for obj in self._cache.list(SERVICE_CIDR))
        networks = {ip_network(cidr) for some in cidrs for cidr in some} - {half.services}
        wanted = (network for network in networks if network.version == half.services.version)
        return tuple(sorted(wanted, key=str))

    def _tell(self, node: NodeName, reason: str, message: str) -> None:
        obj = self._cache.get(NODE, Key("", node))
        if self._recorder is not None and obj is not None:
            self._recorder.emit(obj, "Warning", reason, message)

    def _tell_taken(self, node: NodeName, health: LocalHealth, why: str) -> None:
        """Tell of a Service whose ``healthCheckNodePort`` another has on a node, in kube-proxy's words."""
        service = self._cache.get(SERVICE, health.service)
        if self._recorder is not None and service is not None:
            words = f'node {node} failed to start healthcheck "{health.service}" on port {health.port}: {why}'
            self._recorder.emit(service, "Warning", "FailedToStartServiceHealthcheck", words)

    def _without_local(self, node: NodeName, family: str) -> Mapping[str, int]:
        (half,) = (half for half in self._halves if half.name == family)
        return without_local(half.plans.current.values(), node)

    def _is_eligible(self, node: NodeName) -> bool:
        """Tell whether load balancers may use a node: not if it is going, or the autoscaler says so."""
        obj = self._cache.get(NODE, Key("", node))
        if obj is None or obj["metadata"].get("deletionTimestamp"):
            return False
        return all(taint["key"] != _GOING_TAINT for taint in obj.get("spec", {}).get("taints") or ())

    def _zone(self, node: NodeName) -> str:
        obj = self._cache.get(NODE, Key("", node)) or {"metadata": {}}
        return str((obj["metadata"].get("labels") or {}).get(_ZONE_LABEL, ""))

    async def _refresh_all(self) -> None:
        if len(self._dirty) > _MANY and gc.isenabled():
            with _uncollected():
                await self._refresh_dirty()
        await self._refresh_dirty()

    async def _refresh_dirty(self) -> None:
        while self._dirty:
            some = list(islice(self._dirty, _AT_ONCE))
            causes = [self._dirty.pop(key) for key in some]
            triggers, self._triggers = self._triggers, []
            for place, half in enumerate(self._halves):
                changed = half.plans.refresh(some)
                if changed:
                    news = _news(causes, (since_s for family, since_s in triggers if family == half.name))
                    for parts in self._nodes.values():
                        parts.syncers[place].note(changed, news)
            for key in some:
                try:
                    self._refresh_health(key)
                except Exception as err:  # as with plans: what nobody can read stays as it is
                    log.error("proxy.health_unknown", exc=err, service=key)
            await asyncio.sleep(0)

    def _refresh_health(self, service: Key) -> None:
        port = self._halves[0].index.health_port(service)
        if not port and service not in self._with_health:
            return
        ready: Counter[NodeName] = Counter()
        for half in self._halves:
            ready |= half.index.ready_on_nodes(service)  # a pod of both families is one
        for node, parts in self._nodes.items():
            parts.health.note(service, LocalHealth(service, port, ready[node]) if port else None)
        (self._with_health.add if port else self._with_health.discard)(service)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Have nobody look for garbage, for the length of a block in which much is made and nearly all stays.

    The collector would spend a fifth of its time. What is there at its end is not looked at any more:
    all at once would hold everything up. So a block is for what happens once in a daemon's life.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def _news(causes: Sequence[int], triggers_s: Iterable[float]) -> News:
    by_service = sum(cause & _BY_SERVICE for cause in causes)
    by_slice = sum((cause & _BY_SLICE) // _BY_SLICE for cause in causes)
    return News(by_service, by_slice, tuple(triggers_s))


def _half(cache: Cache, pods: Network, services: Network) -> _Half:
    index = Index(cache, _family(pods))
    return _Half(f"IPv{pods.version}", pods, services, index, Plans(index))


def _family(network: Network) -> Family:
    return Family.IP if network.version == 4 else Family.IP6
