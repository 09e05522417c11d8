"""[IO] The balancer of a cluster: what it begins with, what it follows, and which nodes are on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping
from contextlib import suppress
from ipaddress import IPv4Network, IPv6Network
from typing import Any

from netemu.api.client import Client, Object
from netemu.api.errors import AlreadyExistsError
from netemu.api.kinds import CUSTOM_RESOURCE_DEFINITION, Kind
from netemu.apiserver.registry import Registry
from netemu.balancer.definitions import definitions
from netemu.balancer.kinds import ADDRESS_POOL, BGP_PEER, SETTINGS, address_pool, bgp_peer
from netemu.balancer.loop import Balancer
from netemu.balancer.pools import Address
from netemu.clock import Clock
from netemu.cluster.api_address import api_address
from netemu.cluster.host_access import access_addresses
from netemu.cluster.record import Record
from netemu.cluster.routers import Routers
from netemu.cluster.world import FIRST_NODE_OFFSET, OUTSIDE, World, host_interface
from netemu.events.loop import Recorder
from netemu.informer.cache import Cache
from netemu.informer.watch import Informer
from netemu.naming import NodeName
from netemu.settings import Paths, Settings

Network = IPv4Network | IPv6Network
Act = Callable[[NodeName], Coroutine[Any, Any, None]]

DEFAULT_POOL = "default"
POOL_MADE, PEERS_MADE = "netemu.io/default-pool", "netemu.io/default-peers"
"""On the definition of a kind once its default objects were made."""

NODES_ASN, OUTSIDE_ASN = 64512, 64513
"""The first two numbers for private use (RFC 6996)."""

_POOL_SIZE = 253  # of a /24, all but the network, the broadcast, and the address of --host-access


class Balancing:
    """The balancer with the parts that are its own; ``off`` are the nodes that are off as it starts.

    With ``loadBalancer: none`` it has no parts and does nothing.
    """

    def __init__(
        self,
        client: Client,
        cache: Cache,
        informer: Informer,
        clock: Clock,
        off: Iterable[str],
        *,
        world: World,
        settings: Settings,
        paths: Paths,
        record: Record,
    ) -> None:
        self._off: set[str] = set(off)
        self._settings = Informer(client, cache, SETTINGS)
        self._recorder = Recorder(client, clock, "netemu-balancer")
        self._routers: Routers | None = None
        self._balancer: Balancer | None = None
        if settings.load_balancer == "bgp":
            self._routers = Routers(world, settings, paths, record, self._router_failed)
        if settings.load_balancer != "none":
            self._balancer = Balancer(
                client,
                cache,
                informer,
                self._settings,
                self._recorder,
                routers=self._routers,
                places=occupied(world, settings),
                hosts=settings.host_ranges,
                is_on=lambda node: node not in self._off,
            )

    def add_node(self, node: NodeName, ns_fd: int) -> None:
        """Let a node announce; ``ns_fd``, its network namespace, must stay open."""
        if self._balancer is not None:
            self._balancer.add_node(node, ns_fd)

    def watched(self, life: Act) -> Act:
        """Give a node's life of which the balancer knows the first and the last moment."""

        async def live(node: NodeName) -> None:
            self._switched(node, on=True)
            try:
                async with asyncio.TaskGroup() as group:
                    routing = group.create_task(self._route(node), name=f"routing {node}")
                    await life(node)
                    routing.cancel()
            finally:
                self._switched(node, on=False)

        return live

    def silenced(self, silence: Act) -> Act:
        """Give what ends all of a node as its power fails, its router too."""

        async def end(node: NodeName) -> None:
            await silence(node)
            if self._routers is not None:
                await self._routers.cut_off(node)

        return end

    async def run(self) -> None:
        """Balance until cancelled."""
        if self._balancer is None:
            return
        async with asyncio.TaskGroup() as group:
            group.create_task(self._settings.run(), name="balancer's settings")
            group.create_task(self._recorder.run(), name="balancer's events")
            group.create_task(self._balancer.run(), name="balancer")
            if self._routers is not None:
                group.create_task(self._routers.run_outside(), name="router outside")

    async def _route(self, node: NodeName) -> None:
        if self._routers is not None:
            await self._routers.run(node)

    def _switched(self, node: NodeName, *, on: bool) -> None:
        (self._off.discard if on else self._off.add)(node)
        if self._balancer is not None:
            self._balancer.node_switched()

    def _router_failed(self, words: str) -> None:
        if self._balancer is not None:
            self._balancer.router_failed(words)


async def ensure(registry: Registry, settings: Settings) -> None:
    """Create what a cluster begins with; what is there of it stays as its owner left it."""
    if settings.load_balancer == "none":
        return
    for definition in definitions():
        try:
            await registry.create(CUSTOM_RESOURCE_DEFINITION, definition)
        except AlreadyExistsError:
            await _renew(registry, definition)
    pool = default_pool(settings)
    await _begin_with(registry, ADDRESS_POOL, POOL_MADE, [pool] if pool is not None else [])
    if settings.load_balancer == "bgp":
        await _begin_with(registry, BGP_PEER, PEERS_MADE, default_peers(settings))


async def _renew(registry: Registry, definition: Object) -> None:
    """Bring a definition that an older netemu made to what this one knows."""
    name, versions = definition["metadata"]["name"], definition["spec"]["versions"]
    made = registry.get(CUSTOM_RESOURCE_DEFINITION, "", name)
    if not all(
        _says(there, wanted) for there, wanted in zip(made["spec"]["versions"], versions, strict=False)
    ):
        await _merge(registry, name, {"spec": {"versions": versions}})


def _says(there: Any, wanted: Any) -> bool:
    """Tell whether a value is what is wanted; the API may have added fields to it."""
    if isinstance(wanted, Mapping):
        return isinstance(there, Mapping) and all(_says(there.get(name), v) for name, v in wanted.items())
    return bool(there == wanted)


async def _begin_with(registry: Registry, kind: Kind, note: str, objects: Iterable[Object]) -> None:
    """Create objects, once: who deletes one does not get it back."""
    definition = registry.get(CUSTOM_RESOURCE_DEFINITION, "", kind.key)
    served = registry.kinds.find(kind.group, kind.version, kind.resource)
    wanted = list(objects)
    if served is None or not wanted or note in (definition["metadata"].get("annotations") or {}):
        return
    for obj in wanted:
        with suppress(AlreadyExistsError):
            await registry.create(served, obj)
    await _merge(registry, kind.key, {"metadata": {"annotations": {note: "true"}}})


async def _merge(registry: Registry, name: str, patch: Object) -> None:
    await registry.patch(
        CUSTOM_RESOURCE_DEFINITION, "", name, patch, patch_type="application/merge-patch+json"
    )


def default_peers(settings: Settings) -> list[Object]:
    """Make the peers that all nodes have: `outside`, in each family."""
    return [
        bgp_peer(
            OUTSIDE if position == 0 else f"{OUTSIDE}-v{hosts.version}",
            my_asn=NODES_ASN,
            peer_asn=OUTSIDE_ASN,
            address=str(host_interface(hosts, 1).ip),
        )
        for position, hosts in enumerate(settings.host_ranges)
    ]


def default_pool(settings: Settings) -> Object | None:
    """Make the pool of the last addresses of the hosts range that nobody else gets; ``None`` without any."""
    ranges = list(filter(None, (_last_of(hosts, settings.nodes) for hosts in settings.host_ranges)))
    return address_pool(DEFAULT_POOL, ranges) if ranges else None


def occupied(world: World, settings: Settings) -> Mapping[Address, str]:
    """Name who has which addresses of the hosts range."""
    own: dict[Address, str] = {ip: node.name for node in world.nodes for ip in node.ips}
    own |= {address.ip: OUTSIDE for address in world.outside_addresses}
    own[api_address(settings).ip] = "the API"
    machine = access_addresses(settings) if settings.host_access else []
    return own | {address.ip: "this machine" for address in machine}


def _last_of(hosts: Network, nodes: int) -> str:
    last = hosts[-3]  # before the broadcast address and that of --host-access
    free = int(last) - int(hosts[FIRST_NODE_OFFSET + nodes])
    return f"{last - min(free, _POOL_SIZE) + 1}-{last}" if free > 0 else ""
