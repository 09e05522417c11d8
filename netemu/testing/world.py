"""A world without a kernel: the real API in memory, controllers by hand, an agent of ten lines.

Nothing happens but what a test asks for, in an order that a seed decides, at a time that stands
still until ``wait``.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Hashable, Sequence
from typing import Any

from netemu.api.client import Object
from netemu.api.errors import (
    AlreadyExistsError,
    ApiError,
    ConflictError,
    ForbiddenError,
    NotFoundError,
)
from netemu.api.kinds import EVENT, KINDS, NAMESPACE, NODE, POD, Kind
from netemu.api.views import view
from netemu.api.views.core import Pod
from netemu.apiserver.client import LocalClient
from netemu.apiserver.collector import Collector
from netemu.apiserver.registry import Registry
from netemu.controllers.daemon_pods import node_of
from netemu.controllers.indexes import add_indexes
from netemu.controllers.loop import Writer
from netemu.controllers.reconciler import Reconciler
from netemu.controllers.registry import RECONCILERS
from netemu.controllers.writes import LookAgain, Writes
from netemu.events import Recorder
from netemu.informer.cache import Cache, Change, Key, key_of, revision_of
from netemu.settings import Settings
from netemu.testing import builders
from netemu.testing.memory_store import MemoryStore

START_S = 1_700_000_000.0
FOLLOWED = tuple(kind for kind in KINDS if kind is not EVENT and kind.stored is None)

Task = tuple[int, Hashable]


class World:
    """One long-lived set of controllers over one API."""

    def __init__(self, *, seed: int = 0, reconcilers: Sequence[Reconciler] = RECONCILERS) -> None:
        self.now_s = START_S
        self.rng = random.Random(seed)
        registry = Registry(MemoryStore(), Settings(), lambda: self.now_s, rng=random.Random(seed))
        self.client = RefusingClient(registry)
        self.collector = Collector(registry)
        self.recorder = Recorder(self.client, lambda: self.now_s, "test")
        self.writer = Writer(self.client, self.recorder)
        self.reconcilers = reconcilers
        self.addresses = (f"10.244.{n // 250}.{n % 250 + 2}" for n in range(100_000))
        self.restart()

    def restart(self) -> None:
        """Forget what controllers remember: as new ones, they see all there is for the first time."""
        self.cache = Cache()
        add_indexes(self.cache)
        self.todo: dict[Task, None] = {}
        self.failed: dict[Task, ApiError] = {}
        self.appointments: dict[Task, float] = {}

    async def start(self) -> World:
        """Make the namespace ``default`` and a node."""
        await self.create(NAMESPACE, builders.namespace("default"))
        await self.create(NODE, builders.node("node-1"))
        return self

    async def create(self, kind: Kind, obj: Object) -> Object:
        """Create an object."""
        return await self.client.create(kind, obj)

    async def edit(
        self, kind: Kind, name: str, patch: Any, *, namespace: str = "default", subresource: str = ""
    ) -> Object:
        """Merge a patch into an object."""
        return await self.client.patch(kind, namespace, name, patch, subresource=subresource)

    async def list(self, kind: Kind, namespace: str = "") -> Sequence[Object]:
        """Read the objects of a kind."""
        return (await self.client.list(kind, namespace)).items

    async def names(self, kind: Kind, namespace: str = "default") -> Sequence[str]:
        """Give the names of what there is, sorted."""
        return sorted(obj["metadata"]["name"] for obj in await self.list(kind, namespace))

    async def get(self, kind: Kind, name: str, namespace: str = "default") -> Object:
        """Read one object."""
        return await self.client.get(kind, namespace, name)

    async def pods(self) -> Sequence[Object]:
        """Give the pods that are not terminating."""
        return [pod for pod in await self.list(POD) if "deletionTimestamp" not in pod["metadata"]]

    async def events(self) -> Sequence[tuple[str, str]]:
        """Give the reason and the message of each event."""
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
        assert change is not None
        for number, reconciler in enumerate(self.reconcilers):
            trigger = reconciler.triggers.get(change.kind)
            for key in trigger(self.cache, change) if trigger else ():
                self.todo[number, key] = None

    def plan(self, reconciler: Reconciler, *key: Any) -> Writes:
        """Plan a key, given whole or as namespace and name."""
        return reconciler.plan(self.cache, Key(*key) if len(key) == 2 else key[0], self.now_s)

    async def step(self) -> bool:
        """Plan one key, chosen at random, and do what the plan says; tell whether there was one."""
        await self.observe()
        if not self.todo:
            return False
        task = self.rng.choice(list(self.todo))
        del self.todo[task]
        number, key = task
        try:
            writes = self.reconcilers[number].plan(self.cache, key, self.now_s)
            await self.writer.apply(writes)
        except (ConflictError, AlreadyExistsError, NotFoundError):
            self.todo[task] = None
        except ApiError as err:
            self.failed[task] = err
            await self._report(task, err)
        else:
            self._appoint(task, writes)
        return True

    async def _report(self, task: Task, problem: ApiError) -> None:
        number, key = task
        plan_failure = self.reconcilers[number].plan_failure
        if plan_failure is not None:
            await self.writer.apply(plan_failure(self.cache, key, self.now_s, problem))

    def _appoint(self, task: Task, writes: Writes) -> None:
        self.failed.pop(task, None)
        for write in writes:
            if isinstance(write, LookAgain):
                due_s = self.now_s + write.delay_s
                self.appointments[task] = min(due_s, self.appointments.get(task, due_s))

    async def settle(self, *, steps: int = 2_000) -> None:
        """Let the controllers do all that they want to do now."""
        for _ in range(steps):
            if not await self.step():
                return
        raise AssertionError(f"still busy after {steps} steps: {list(self.todo)}")

    async def wait(self, seconds: float) -> None:
        """Let time pass: what controllers wanted to look at again by then, they do, in time."""
        end_s = self.now_s + seconds
        while self.appointments:
            due_s = min(self.appointments.values())
            if due_s > end_s:
                break
            self.now_s = max(self.now_s, due_s)
            self.ring()
            await self.settle()
        self.now_s = end_s
        await self.settle()

    def ring(self) -> None:
        """Note the keys whose time has come."""
        for task in [task for task, due_s in self.appointments.items() if due_s <= self.now_s]:
            del self.appointments[task]
            self.todo[task] = None

    def retry(self) -> None:
        """Note the keys whose writes were refused."""
        self.todo.update(dict.fromkeys(self.failed))

    async def run_agents(self, *, ready: bool = True) -> None:
        """Do what agents do: bind, start what is new, end what terminates."""
        for pod in await self.list(POD):
            await self.run_pod(pod, ready=ready)

    async def run_pod(self, pod: Object, *, ready: bool = True) -> None:
        """Do what an agent does with one pod: ready since now, if ``ready``."""
        meta = pod["metadata"]
        if "deletionTimestamp" in meta:
            await self.client.delete(POD, meta["namespace"], meta["name"], grace_period_s=0)
        elif not (pod.get("status") or {}).get("podIP"):
            if not pod["spec"].get("nodeName"):
                await self.bind(pod, node_of(view(Pod, pod)) or "node-1")
            status = builders.running_status(next(self.addresses), ready=ready)
            await self.edit(
                POD, meta["name"], {"status": status}, namespace=meta["namespace"], subresource="status"
            )

    async def heal(self) -> None:
        """Let every pod that runs be ready."""
        for pod in await self.list(POD):
            meta, status = pod["metadata"], pod.get("status") or {}
            if status.get("phase") == "Running" and "deletionTimestamp" not in meta:
                well = {"status": builders.running_status(status["podIP"])}
                await self.edit(POD, meta["name"], well, namespace=meta["namespace"], subresource="status")

    async def bind(self, pod: Object, node: str) -> None:
        """Bind a pod, as the scheduler does."""
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


class RefusingClient(LocalClient):
    """The API in process, which forbids to create what ``refuse`` gives a reason against."""

    refuse: Callable[[Kind, Object], str] = staticmethod(lambda _kind, _obj: "")

    async def create(self, kind: Kind, obj: Object) -> Object:
        """Create an object, unless there is a reason not to."""
        reason = self.refuse(kind, obj)
        if reason:
            raise ForbiddenError(reason)
        return await super().create(kind, obj)
