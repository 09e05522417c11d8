"""A world without a kernel: the real API in memory, controllers by hand, an agent of ten lines."""

from __future__ import annotations

import random

import pytest

from netemu.api.errors import AlreadyExistsError, ConflictError, NotFoundError
from netemu.api.kinds import EVENT, KINDS, NAMESPACE, NODE, POD
from netemu.apiserver.client import LocalClient
from netemu.apiserver.collector import Collector
from netemu.apiserver.registry import Registry
from netemu.controllers.indexes import add_indexes
from netemu.controllers.loop import Writer
from netemu.controllers.registry import RECONCILERS
from netemu.events import Recorder
from netemu.informer.cache import Cache, Change, Key, key_of, revision_of
from netemu.settings import Settings
from netemu.testing import builders
from netemu.testing.memory_store import MemoryStore

START_S = 1_700_000_000.0
FOLLOWED = tuple(kind for kind in KINDS if kind is not EVENT)


class World:
    """One long-lived set of controllers over one API. Nothing happens but what a test asks for."""

    def __init__(self, *, seed: int = 0, reconcilers=RECONCILERS) -> None:
        self.now_s = START_S
        self.rng = random.Random(seed)
        registry = Registry(MemoryStore(), Settings(), lambda: self.now_s, rng=random.Random(seed))
        self.client = LocalClient(registry)
        self.collector = Collector(registry)
        self.cache = Cache()
        add_indexes(self.cache)
        self.recorder = Recorder(self.client, lambda: self.now_s, "test")
        self.writer = Writer(self.client, self.recorder)
        self.reconcilers = reconcilers
        self.todo: dict[tuple[int, object], None] = {}
        self.addresses = (f"10.244.{n // 250}.{n % 250 + 2}" for n in range(10_000))

    async def start(self) -> World:
        await self.create(NAMESPACE, builders.namespace("default"))
        await self.create(NODE, builders.node("node-1"))
        return self

    async def create(self, kind, obj):
        return await self.client.create(kind, obj)

    async def edit(self, kind, name, patch, *, namespace="default", subresource=""):
        return await self.client.patch(kind, namespace, name, patch, subresource=subresource)

    async def list(self, kind, namespace=""):
        return (await self.client.list(kind, namespace)).items

    async def names(self, kind, namespace="default"):
        return sorted(obj["metadata"]["name"] for obj in await self.list(kind, namespace))

    async def get(self, kind, name, namespace="default"):
        return await self.client.get(kind, namespace, name)

    async def pods(self):
        return [pod for pod in await self.list(POD) if "deletionTimestamp" not in pod["metadata"]]

    async def events(self):
        await self.recorder.flush()
        return [(event["reason"], event["message"]) for event in await self.list(EVENT)]

    async def observe(self) -> None:
        """Let the cache see everything that was written, and note the keys that it concerns."""
        await self.collector.collect()
        for kind in FOLLOWED:
            listing = await self.client.list(kind)
            present = {key_of(obj): obj for obj in listing.items}
            for key in self.cache.keys(kind):
                if key not in present:
                    self._note(self.cache.apply(kind, None, key=key))
            for key, obj in present.items():
                old = self.cache.get(kind, key)
                if old is None or revision_of(old) != revision_of(obj):
                    self._note(self.cache.apply(kind, obj))

    def _note(self, change: Change | None) -> None:
        for number, reconciler in enumerate(self.reconcilers):
            trigger = reconciler.triggers.get(change.kind)
            for key in trigger(self.cache, change) if trigger else ():
                self.todo[number, key] = None

    def plan(self, reconciler, *key):
        return reconciler.plan(self.cache, Key(*key) if len(key) == 2 else key[0], self.now_s)

    async def step(self) -> bool:
        """Plan one key, chosen at random, and do what the plan says; tell whether there was one."""
        await self.observe()
        if not self.todo:
            return False
        number, key = self.rng.choice(list(self.todo))
        del self.todo[number, key]
        try:
            await self.writer.apply(self.reconcilers[number].plan(self.cache, key, self.now_s))
        except (ConflictError, AlreadyExistsError, NotFoundError):
            self.todo[number, key] = None
        return True

    async def settle(self, *, steps: int = 2_000) -> None:
        """Let the controllers do all that they want to do."""
        for _ in range(steps):
            if not await self.step():
                return
        raise AssertionError(f"still busy after {steps} steps: {list(self.todo)}")

    async def run_agents(self, *, ready: bool = True) -> None:
        """Do what agents do: bind, start what is new, end what terminates."""
        for pod in await self.list(POD):
            await self.run_pod(pod, ready=ready)

    async def run_pod(self, pod, *, ready: bool = True) -> None:
        meta = pod["metadata"]
        if "deletionTimestamp" in meta:
            await self.client.delete(POD, meta["namespace"], meta["name"], grace_period_s=0)
        elif not (pod.get("status") or {}).get("podIP"):
            if not pod["spec"].get("nodeName"):
                await self.bind(pod, "node-1")
            status = builders.running_status(next(self.addresses), ready=ready)
            await self.edit(
                POD, meta["name"], {"status": status}, namespace=meta["namespace"], subresource="status"
            )

    async def bind(self, pod, node) -> None:
        meta = {field: pod["metadata"][field] for field in ("namespace", "name", "uid")}
        binding = {"apiVersion": "v1", "kind": "Binding", "metadata": meta, "target": {"name": node}}
        await self.client.update(POD, binding, subresource="binding")

    async def converge(self, *, rounds: int = 50) -> None:
        """Settle, let agents act, and so on, until nothing changes any more."""
        seen = None
        for _ in range(rounds):
            await self.settle()
            await self.run_agents()
            now = (await self.client.list(POD)).revision
            if now == seen:
                return
            seen = now
        raise AssertionError("does not converge")


@pytest.fixture(scope="session")
def new_world():
    """The class, for tests that make many."""
    return World


@pytest.fixture
async def world():
    return await World().start()
