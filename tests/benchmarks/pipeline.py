"""All from the store to one node's kernel, in a process and a network namespace of its own.

``fill STORE SERVICES ENDPOINTS`` makes a store. ``serve STORE`` brings its Services into the kernel, says how
that went, and then does what standard input asks for, a word a line: ``change`` or ``add``
(milliseconds until the kernel had it), ``join`` (seconds until one more node had everything),
``memory`` (megabytes). Each answer is a line of JSON. Run it with ``unshare --net --mount``.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import resource
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from made_services import ENDPOINTS, service, slices, spare_endpoint
from processes import pss_mb

from netemu.api.kinds import ENDPOINT_SLICE, NAMESPACE, NODE, SERVICE
from netemu.apiserver.client import LocalClient
from netemu.apiserver.registry import Registry
from netemu.clock import system_clock
from netemu.cluster.daemon import collect_rarely
from netemu.informer.cache import Cache
from netemu.informer.watch import Informer
from netemu.linux import netns
from netemu.linux.nftmonitor import Monitors
from netemu.naming import NodeName
from netemu.nft.expressions import Family
from netemu.nft.transaction import Transaction
from netemu.proxy.kernel import NodeKernel
from netemu.proxy.loop import Proxy
from netemu.settings import Settings
from netemu.store.sqlite import SqliteStore

GIVE_UP_S = 60.0
_BATCH = 200
_TICK_S = 0.001


class TimedKernel(NodeKernel):
    """The real kernel; remembers when its last transaction was done."""

    done_s = 0.0

    def apply(self, transaction: Transaction) -> None:
        """Do a transaction."""
        super().apply(transaction)
        self.done_s = time.monotonic()


class Lateness:
    """How late the event loop was at worst."""

    def __init__(self) -> None:
        self.worst_s = 0.0

    async def watch(self) -> None:
        """Look until cancelled."""
        while True:
            due_s = time.monotonic() + _TICK_S
            await asyncio.sleep(_TICK_S)
            self.worst_s = max(self.worst_s, time.monotonic() - due_s)


class Pipeline:
    """Everything between the store and the kernel."""

    def __init__(self, path: Path, directory: Path) -> None:
        start = time.monotonic()
        self.client = open_client(path)
        self.open_s = time.monotonic() - start
        self.cache = Cache()
        self.informer = Informer(self.client, self.cache, (SERVICE, ENDPOINT_SLICE, NODE))
        self.kernels: list[TimedKernel] = []
        self.proxy = Proxy(self.cache, self.informer, Settings(), open_kernel=self._open_kernel)
        self._directory = directory
        self._monitors = Monitors()
        self._turns = random.randrange(1 << 20)  # another one after each start, on the same store

    def add_node(self) -> None:
        """Have one more node, in a namespace of its own."""
        number = len(self.kernels) + 1
        netns.create(f"node-{number}", self._directory)
        with netns.opened(self._directory / f"node-{number}") as ns_fd:
            self.proxy.add_node(NodeName(f"node-{number}"), [IPv4Address("172.30.0.10") + number], ns_fd)

    async def join(self) -> float:
        """Give the seconds that one more node takes until its kernel has everything."""
        start = time.monotonic()
        self.add_node()
        await self.proxy.wait_synced()
        return time.monotonic() - start

    async def change(self) -> float:
        """Give the milliseconds of another endpoint in the place of one of some Service."""
        key = random.choice(self.cache.keys(ENDPOINT_SLICE))
        obj = self.cache.get(ENDPOINT_SLICE, key)
        assert obj is not None, "it is in the cache"
        self._turns += 1
        changed = [spare_endpoint(self._turns), *obj["endpoints"][1:]]
        return await self._until_done(self.client.update(ENDPOINT_SLICE, {**obj, "endpoints": changed}))

    async def add(self) -> float:
        """Give the milliseconds of one more Service."""
        number = len(self.cache.keys(SERVICE))
        await fill(self.client, range(number, number + 1), ENDPOINTS, with_services=False)
        return await self._until_done(self.client.create(SERVICE, service(number)))

    async def memory(self) -> float:
        """Give the megabytes of this process."""
        return pss_mb(os.getpid())

    async def _until_done(self, write: Awaitable[Any]) -> float:
        start = time.monotonic()
        await write
        while min(kernel.done_s for kernel in self.kernels) < start:
            if time.monotonic() - start > GIVE_UP_S:
                raise TimeoutError("a change did not reach the kernel")
            await asyncio.sleep(0.0005)
        return (max(kernel.done_s for kernel in self.kernels) - start) * 1000

    def _open_kernel(self, ns_fd: int, family: Family) -> TimedKernel:
        self.kernels.append(TimedKernel(ns_fd, family, monitors=self._monitors))
        return self.kernels[-1]


def open_client(path: Path) -> LocalClient:
    """Open a store, or make it."""
    return LocalClient(Registry(SqliteStore.open(path), Settings(), system_clock))


async def fill(
    client: LocalClient, numbers: Sequence[int], endpoints: int, *, with_services: bool = True
) -> None:
    """Create Services and their slices."""
    for first in range(0, len(numbers), _BATCH):
        some = numbers[first : first + _BATCH]
        if with_services:
            await asyncio.gather(*(client.create(SERVICE, service(number)) for number in some))
        made = [obj for number in some for obj in slices(number, endpoints)]
        await asyncio.gather(*(client.create(ENDPOINT_SLICE, obj) for obj in made))


async def _fill(path: Path, count: int, endpoints: int) -> None:
    client = open_client(path)
    await client.create(NAMESPACE, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}})
    await fill(client, range(count), endpoints)


async def _serve(pipeline: Pipeline) -> None:
    late = Lateness()
    pipeline.add_node()
    cpu_s, start = _cpu_s(), time.monotonic()
    async with asyncio.TaskGroup() as group:
        works = (late.watch(), pipeline.informer.run(), pipeline.proxy.run())
        tasks = [group.create_task(work) for work in works]
        await pipeline.proxy.wait_synced()
        first = {"first_sync_s": time.monotonic() - start, "store_s": pipeline.open_s}
        _answer({**first, "cpu_s": _cpu_s() - cpu_s, "loop_late_ms": late.worst_s * 1000})
        words: dict[str, Callable[[], Awaitable[float]]] = {
            "change": pipeline.change,
            "add": pipeline.add,
            "join": pipeline.join,
            "memory": pipeline.memory,
        }
        while word := (await asyncio.to_thread(sys.stdin.readline)).strip():
            late.worst_s = 0.0
            value = await words[word]()
            _answer({"value": value, "loop_late_ms": late.worst_s * 1000})
        for task in tasks:
            task.cancel()


def _answer(value: dict[str, float]) -> None:
    print(json.dumps(value), flush=True)


def _cpu_s() -> float:
    """Give the processor time of this process and of its children that ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def main(words: list[str]) -> None:
    """Do what the command line says."""
    path = Path(words[1])
    if words[0] == "fill":
        collect_rarely()
        asyncio.run(_fill(path, int(words[2]), int(words[3])))
        return
    collect_rarely()
    asyncio.run(_serve(Pipeline(path, Path(tempfile.mkdtemp(dir=path.parent)))))


if __name__ == "__main__":
    main(sys.argv[1:])
