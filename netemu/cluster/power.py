"""[IO] Nodes that are on, and nodes that are off as a machine without power is.

While a node is on, its tasks run. When it is switched off they are cancelled at once, its link to
the fabric goes down, its containers and stand-ins end without being asked, and nobody reports for
it: what the cluster makes of that is up to the controllers. Its address, its pods' namespaces and
its files stay, as a disk would; when it is on again an agent finds what is left, as after a reboot.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Coroutine
from typing import Any

from netemu.cluster.processes import GONE_WITHIN_S, find_process, shim_name
from netemu.cluster.record import Record
from netemu.cluster.switches import off_nodes
from netemu.cluster.world import World
from netemu.linux import messages, netns, process
from netemu.linux.netlink import Netlink
from netemu.logs import Log
from netemu.naming import NodeName
from netemu.settings import Paths

log = Log(__name__)

LOOK_EVERY_S = 0.1

Act = Callable[[NodeName], Coroutine[Any, Any, None]]


class Power:
    """Keeps every node on or off, as its switch says.

    ``run`` is a node's life while it is on, until cancelled; ``prepare`` makes a node that was off
    ready for it; ``silence`` ends the stand-ins of its pods.
    """

    def __init__(
        self, world: World, paths: Paths, record: Record, *, run: Act, prepare: Act, silence: Act
    ) -> None:
        self._world = world
        self._paths = paths
        self._record = record
        self._run = run
        self._prepare = prepare
        self._silence = silence
        self._off = off_nodes(paths)
        self._changed = asyncio.Event()

    def is_off(self, node: str) -> bool:
        """Tell whether a node is off, or about to be."""
        return node in self._off

    async def run(self) -> None:
        """Watch the switches until cancelled."""
        async with asyncio.TaskGroup() as group:
            for node in self._world.nodes:
                group.create_task(self._keep(node.name), name=f"power {node.name}")
            while True:
                await asyncio.sleep(LOOK_EVERY_S)
                now = off_nodes(self._paths)
                if now != self._off:
                    self._off = now
                    self._changed.set()
                    self._changed = asyncio.Event()

    async def _keep(self, node: NodeName) -> None:
        while True:
            if self.is_off(node):
                await self._cut_off(node)
                await self._wait(node, off=False)
                self._plug(node, up=True)
                await self._prepare(node)
                log.info("node.on", node=node)
            async with asyncio.TaskGroup() as group:
                life = group.create_task(self._run(node), name=f"life {node}")
                await self._wait(node, off=True)
                life.cancel()

    async def _wait(self, node: NodeName, *, off: bool) -> None:
        while self.is_off(node) is not off:
            await self._changed.wait()

    async def _cut_off(self, node: NodeName) -> None:
        self._plug(node, up=False)
        name = shim_name(node)
        running = find_process(self._record, name)
        if running is not None:
            process.kill(running, signal.SIGKILL)
            await asyncio.to_thread(process.wait_gone, running, GONE_WITHIN_S)
        await self._silence(node)
        self._record.remove("process", name)
        log.info("node.off", node=node)

    def _plug(self, node: NodeName, *, up: bool) -> None:
        port = self._world.node(node).port
        with netns.opened(self._paths.netns / self._world.fabric) as ns_fd, Netlink.open(ns_fd) as fabric:
            fabric.batch([messages.set_link(fabric.link_index(port), up=up)])
