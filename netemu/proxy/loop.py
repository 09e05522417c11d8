"""[IO] All nodes' proxies: plans are made once, each node applies them on its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address
from itertools import islice

from netemu.api.kinds import ENDPOINT_SLICE, SERVICE
from netemu.informer.cache import Cache, Change, Key
from netemu.informer.watch import Informer
from netemu.naming import NodeName
from netemu.proxy.groups import NodeView
from netemu.proxy.index import Index
from netemu.proxy.plan import Plans
from netemu.proxy.syncer import Kernel, NodeKernel, ProxySyncer
from netemu.settings import Settings

# So many Services are planned before the event loop may do something else: about 10 ms.
_AT_ONCE = 200


class Proxy:
    """Follows Services and EndpointSlices for all nodes of the cluster."""

    def __init__(
        self,
        cache: Cache,
        informer: Informer,
        settings: Settings,
        *,
        open_kernel: Callable[[int], Kernel] = NodeKernel,
    ) -> None:
        self._informer = informer
        self._settings = settings
        self._open_kernel = open_kernel
        self._index = Index(cache)
        self._plans = Plans(self._index)
        self._dirty: dict[Key, None] = {}
        self._wake = asyncio.Event()
        self._syncers: list[ProxySyncer] = []
        self._waiting: list[ProxySyncer] = []
        informer.on_change(SERVICE, self._note)
        informer.on_change(ENDPOINT_SLICE, self._note)

    def add_node(self, node: NodeName, node_ips: Sequence[IPv4Address], ns_fd: int) -> None:
        """Look after a node, from now on or from ``run`` on.

        Node ports answer on ``node_ips``. ``ns_fd`` is the node's network namespace; the
        caller may close it afterwards.
        """
        view = NodeView(
            node,
            tuple(node_ips),
            self._settings.pods,
            self._settings.services,
            comment=f"netemu cluster {self._settings.name}",
        )
        syncer = ProxySyncer(view, self._open_kernel(ns_fd), self._plans.current)
        self._syncers.append(syncer)
        self._waiting.append(syncer)
        self._wake.set()

    async def wait_synced(self) -> None:
        """Return when the kernel of every node added so far has held all Services once."""
        for syncer in list(self._syncers):
            await syncer.wait_synced()

    async def run(self) -> None:
        """Follow changes until cancelled."""
        await self._informer.wait_synced()
        await self._refresh_all()
        async with asyncio.TaskGroup() as group:
            while True:
                self._wake.clear()
                while self._waiting:
                    syncer = self._waiting.pop()
                    group.create_task(syncer.run(), name=f"proxy {syncer.name}")
                await self._refresh_all()
                await self._wake.wait()

    def _note(self, change: Change) -> None:
        self._dirty.update(dict.fromkeys(self._index.touched(change)))
        self._wake.set()

    async def _refresh_all(self) -> None:
        while self._dirty:
            some = list(islice(self._dirty, _AT_ONCE))
            for key in some:
                del self._dirty[key]
            changed = self._plans.refresh(some)
            if changed:
                for syncer in self._syncers:
                    syncer.note(changed)
            await asyncio.sleep(0)
