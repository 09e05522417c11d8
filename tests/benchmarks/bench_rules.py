"""Services from the store into one node's kernel: all at start, and one more after that."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from ipaddress import IPv4Address
from pathlib import Path

from results import MeasurementError, Result

from netemu.api.client import Object
from netemu.api.kinds import ENDPOINT_SLICE, NAMESPACE, SERVICE
from netemu.apiserver.client import LocalClient
from netemu.apiserver.registry import Registry
from netemu.clock import system_clock
from netemu.cluster.daemon import collect_rarely
from netemu.informer.cache import Cache
from netemu.informer.watch import Informer
from netemu.naming import NodeName
from netemu.nft.transaction import Transaction
from netemu.proxy.loop import Proxy
from netemu.proxy.syncer import NodeKernel
from netemu.settings import Settings
from netemu.store.sqlite import SqliteStore

AIMS_S = {1_000: 0.2, 10_000: 1.0}
ENDPOINTS = 2
GIVE_UP_S = 30.0
_BATCH = 200


def measure() -> Sequence[Result]:
    """Measure each number of Services in a process and a network namespace of its own."""
    return [_result(count, aim_s) for count, aim_s in AIMS_S.items()]


def _result(count: int, aim_s: float) -> Result:
    argv = ["unshare", "--net", sys.executable, __file__, str(count)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=300)
    if done.returncode != 0:
        raise MeasurementError(f"bench_rules.py {count}: {done.stderr.strip()[-500:]}")
    seen = json.loads(done.stdout)
    return Result(
        name=f"{count:,} Services into a kernel",
        measured=seen.pop("load_s"),
        unit="s",
        aim=aim_s,
        better="lower",
        detail=seen,
    )


class TimedKernel(NodeKernel):
    """The real kernel; remembers when each transaction was done."""

    def __init__(self, ns_fd: int) -> None:
        super().__init__(ns_fd)
        self.done_s: list[float] = []

    def apply(self, transaction: Transaction) -> None:
        """Do a transaction."""
        super().apply(transaction)
        self.done_s.append(time.monotonic())


async def _measure_here(count: int, path: Path, ns_fd: int) -> dict[str, float]:
    await _fill(path, count)
    start = time.monotonic()
    store, client = _open(path)
    opened_s = time.monotonic() - start
    cache = Cache()
    informer = Informer(client, cache, (SERVICE, ENDPOINT_SLICE))
    kernel = TimedKernel(ns_fd)
    proxy = Proxy(cache, informer, Settings(), open_kernel=lambda *_: kernel)
    proxy.add_node(NodeName("node-1"), [IPv4Address("172.30.0.11")], ns_fd)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(informer.run()), group.create_task(proxy.run())]
        await proxy.wait_synced()
        load_s = time.monotonic() - start
        change_ms = await _time_one_more(client, kernel, count)
        for task in tasks:
            task.cancel()
    store.close()
    return {"load_s": load_s, "store_s": opened_s, "one_more_ms": change_ms, "endpoints": ENDPOINTS * count}


def _open(path: Path) -> tuple[SqliteStore, LocalClient]:
    store = SqliteStore.open(path)
    return store, LocalClient(Registry(store, Settings(), system_clock))


async def _fill(path: Path, count: int) -> None:
    store, client = _open(path)
    await client.create(NAMESPACE, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}})
    for first in range(0, count, _BATCH):
        numbers = range(first, min(first + _BATCH, count))
        await asyncio.gather(*(client.create(SERVICE, _service(number)) for number in numbers))
        await asyncio.gather(*(client.create(ENDPOINT_SLICE, _slice(number)) for number in numbers))
    store.close()


async def _time_one_more(client: LocalClient, kernel: TimedKernel, number: int) -> float:
    """Give the milliseconds from a Service's creation until the kernel has it."""
    await client.create(ENDPOINT_SLICE, _slice(number))
    start = time.monotonic()
    await client.create(SERVICE, _service(number))
    while kernel.done_s[-1] < start:
        if time.monotonic() - start > GIVE_UP_S:
            raise MeasurementError("one more Service did not reach the kernel")
        await asyncio.sleep(0.0005)
    return (kernel.done_s[-1] - start) * 1000


def _service(number: int) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": f"service-{number}", "namespace": "default"},
        "spec": {"ports": [{"name": "http", "port": 80, "protocol": "TCP"}]},
    }


def _slice(number: int) -> Object:
    name = f"service-{number}"
    ips = (IPv4Address("10.244.0.2") + number * ENDPOINTS + i for i in range(ENDPOINTS))
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": f"{name}-x",
            "namespace": "default",
            "labels": {"kubernetes.io/service-name": name},
        },
        "addressType": "IPv4",
        "endpoints": [{"addresses": [str(ip)], "conditions": {"ready": True}} for ip in ips],
        "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
    }


def main(count: int) -> None:
    """Measure in this process and network namespace, and print JSON."""
    collect_rarely()
    with tempfile.TemporaryDirectory() as made, Path("/proc/thread-self/ns/net").open() as ns:
        print(json.dumps(asyncio.run(_measure_here(count, Path(made) / "store.db", ns.fileno()))))


if __name__ == "__main__":
    main(int(sys.argv[1]))
