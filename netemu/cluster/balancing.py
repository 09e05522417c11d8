"""[IO] The balancer of a cluster: what it begins with, what it follows, and which nodes are on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from ipaddress import IPv4Network, IPv6Network
from typing import Any

from netemu.api.client import Client, Object
from netemu.api.errors import AlreadyExistsError
from netemu.api.kinds import CUSTOM_RESOURCE_DEFINITION
from netemu.apiserver.registry import Registry
from netemu.balancer.definitions import definitions
from netemu.balancer.kinds import ADDRESS_POOL, SETTINGS, address_pool
from netemu.balancer.loop import Balancer
from netemu.clock import Clock
from netemu.cluster.world import FIRST_NODE_OFFSET
from netemu.events.loop import Recorder
from netemu.informer.cache import Cache
from netemu.informer.watch import Informer
from netemu.naming import NodeName
from netemu.settings import Settings

Network = IPv4Network | IPv6Network
Act = Callable[[NodeName], Coroutine[Any, Any, None]]

DEFAULT_POOL = "default"
POOL_MADE = "netemu.io/default-pool"
"""On the definition of pools once the default one was made: who deletes it does not get it back."""

_POOL_SIZE = 253  # of a /24, all but the network, the broadcast, and the address of --host-access


class Balancing:
    """The balancer with the parts that are its own; ``off`` are the nodes that are off as it starts."""

    def __init__(
        self, client: Client, cache: Cache, informer: Informer, clock: Clock, off: Iterable[str]
    ) -> None:
        self._off: set[str] = set(off)
        self._settings = Informer(client, cache, SETTINGS)
        self._recorder = Recorder(client, clock, "netemu-balancer")
        self._balancer = Balancer(
            client, cache, informer, self._settings, self._recorder, is_on=lambda node: node not in self._off
        )
        self.add_node = self._balancer.add_node

    def watched(self, life: Act) -> Act:
        """Give a node's life of which the balancer knows the first and the last moment."""

        async def live(node: NodeName) -> None:
            self._off.discard(node)
            self._balancer.node_switched()
            try:
                await life(node)
            finally:
                self._off.add(node)
                self._balancer.node_switched()

        return live

    async def run(self) -> None:
        """Balance until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._settings.run(), name="balancer's settings")
            group.create_task(self._recorder.run(), name="balancer's events")
            group.create_task(self._balancer.run(), name="balancer")


async def ensure(registry: Registry, settings: Settings) -> None:
    """Create what is missing; what is there stays as its owner left it."""
    for definition in definitions():
        with suppress(AlreadyExistsError):
            await registry.create(CUSTOM_RESOURCE_DEFINITION, definition)
    pools = registry.get(CUSTOM_RESOURCE_DEFINITION, "", ADDRESS_POOL.key)
    kind = registry.kinds.find(ADDRESS_POOL.group, ADDRESS_POOL.version, ADDRESS_POOL.resource)
    pool = default_pool(settings)
    if kind is None or pool is None or POOL_MADE in (pools["metadata"].get("annotations") or {}):
        return
    with suppress(AlreadyExistsError):
        await registry.create(kind, pool)
    note = {"metadata": {"annotations": {POOL_MADE: "true"}}}
    await registry.patch(
        CUSTOM_RESOURCE_DEFINITION,
        "",
        ADDRESS_POOL.key,
        note,
        patch_type="application/merge-patch+json",
    )


def default_pool(settings: Settings) -> Object | None:
    """Make the pool of the last addresses of the hosts range that nobody else gets; ``None`` without any."""
    ranges = list(filter(None, (_last_of(hosts, settings.nodes) for hosts in settings.host_ranges)))
    return address_pool(DEFAULT_POOL, ranges) if ranges else None


def _last_of(hosts: Network, nodes: int) -> str:
    last = hosts[-3]  # before the broadcast address and that of --host-access
    free = int(last) - int(hosts[FIRST_NODE_OFFSET + nodes])
    return f"{last - min(free, _POOL_SIZE) + 1}-{last}" if free > 0 else ""
