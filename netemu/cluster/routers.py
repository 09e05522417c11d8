"""[IO] The routers of a cluster that has BGP: a bgpd on each node, FRR's zebra and bgpd outside."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from functools import partial

from netemu.balancer.frr import Config
from netemu.balancer.pools import Address
from netemu.balancer.router import Router
from netemu.balancer.routing import Site
from netemu.balancer.sessions import Sessions
from netemu.cluster.frr import Unit, keep, node_unit, outside_unit
from netemu.cluster.host_access import Reach
from netemu.cluster.processes import end_processes
from netemu.cluster.record import Record
from netemu.cluster.world import OUTSIDE, World
from netemu.linux import netns, sysctl
from netemu.linux.tcpsign import can_sign
from netemu.naming import NodeName
from netemu.settings import Paths, Settings

_BY_CONNECTION = {f"net/{ip}/fib_multipath_hash_policy": 1 for ip in ("ipv4", "ipv6")}


class Routers:
    """Runs and configures them; ``failed`` is told of those that do not do what they should."""

    def __init__(
        self, world: World, settings: Settings, paths: Paths, record: Record, failed: Callable[[str], None]
    ) -> None:
        self._netns = paths.netns / world.outside
        self._record = record
        self._failed = failed
        self.site = Site(
            nodes={node.name: node.ips for node in world.nodes},
            outside=tuple(address.ip for address in world.outside_addresses),
            hosts=settings.host_ranges,
            can_sign=can_sign(),
        )
        self._reach = Reach(world, settings) if settings.host_access else None
        places = {OUTSIDE: outside_unit(OUTSIDE, self._netns, paths.run / "frr" / OUTSIDE)}
        for node in world.nodes:
            places[node.name] = node_unit(node.name, paths.netns / node.netns, paths.run / "frr" / node.name)
        self._units: Mapping[str, Unit] = places
        self._routers = {
            name: Router(name, unit.directory, partial(self._tell, name)) for name, unit in places.items()
        }

    def _tell(self, place: str, words: str) -> None:
        self._failed(f"{place}: {words}")

    def configure(self, configurations: Mapping[str, Config]) -> None:
        """Say how routers are to be configured."""
        for place, config in configurations.items():
            self._routers[place].want(config)

    def announced(self, addresses: Collection[Address]) -> None:
        """Let this machine reach what nodes announce, if it is plugged in."""
        if self._reach is not None:
            self._reach.hold(addresses)

    async def sessions(self) -> Sessions:
        """Tell how the nodes' sessions are; a router that does not answer has none."""
        async with asyncio.TaskGroup() as group:
            asked = {
                name: group.create_task(router.sessions(), name=f"sessions of {name}")
                for name, router in self._routers.items()
                if name != OUTSIDE
            }
        return {name: task.result() for name, task in asked.items()}

    async def run_outside(self) -> None:
        """Keep the router outside running until cancelled; it spreads connections over nodes, not clients."""
        with netns.opened(self._netns) as ns_fd:
            sysctl.ensure(ns_fd, {name: v for name, v in _BY_CONNECTION.items() if sysctl.has(ns_fd, name)})
        await self.run(OUTSIDE)

    async def run(self, place: str) -> None:
        """Keep a router running, and as it is wanted, until cancelled."""
        unit, router = self._units[place], self._routers[place]
        unit.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        async with asyncio.TaskGroup() as group:
            group.create_task(router.run(), name=f"configuration of {place}")
            group.create_task(keep(unit, router, self._record, self._failed), name=f"router {place}")

    async def cut_off(self, node: NodeName) -> None:
        """End a node's router, as its power fails."""
        await asyncio.to_thread(end_processes, self._record, self._units[node].names)
