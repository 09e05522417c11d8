"""The loop: own writes are seen before the next plan, failures come again, errors stay local."""

from __future__ import annotations

import asyncio
import random
from contextlib import asynccontextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from netemu.api.errors import InvalidError, UnavailableError
from netemu.api.kinds import CONFIG_MAP, DEPLOYMENT, EVENT, KINDS, NAMESPACE, NODE, POD, REPLICA_SET
from netemu.apiserver.client import LocalClient
from netemu.apiserver.registry import Registry
from netemu.apiserver.words import namespace_terminating
from netemu.clock import system_clock
from netemu.controllers import replicasets
from netemu.controllers.loop import run_controllers
from netemu.controllers.parts import Part, Parts
from netemu.controllers.reconciler import Reconciler, own_key
from netemu.controllers.registry import RECONCILERS
from netemu.controllers.writes import Create, LookAgain
from netemu.informer.cache import Cache, revision_of
from netemu.informer.watch import Informer
from netemu.settings import Settings
from netemu.testing import builders
from netemu.testing.eventually import eventually
from netemu.testing.memory_store import MemoryStore

FOLLOWED = tuple(kind for kind in KINDS if kind is not EVENT)


class RoughClient(LocalClient):
    """A client whose watches are late and repeat themselves, and whose calls may fail."""

    def __init__(self, registry, seed=0):
        super().__init__(registry)
        self.rng = random.Random(seed)
        self.created = []
        self.failures = []
        self.pods_are_seen = asyncio.Event()
        self.pods_are_seen.set()

    async def create(self, kind, obj):
        if self.failures:
            raise self.failures.pop()
        self.created.append(kind)
        return await super().create(kind, obj)

    async def watch(self, kind, namespace="", *, revision):
        seen = []
        async for event in super().watch(kind, namespace, revision=revision):
            for _ in range(self.rng.randrange(30)):
                await asyncio.sleep(0)
            if kind is POD:
                await self.pods_are_seen.wait()
            seen.append(event)
            yield event
            for old in self.rng.sample(seen, min(len(seen), self.rng.randrange(3))):
                yield old


@asynccontextmanager
async def running(client, reconcilers=RECONCILERS, followed=FOLLOWED):
    cache = Cache()
    informer = Informer(client, cache, followed)
    await client.create(NAMESPACE, builders.namespace("default"))
    await client.create(NODE, builders.node())
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(informer.run()),
            group.create_task(
                run_controllers(client, cache, informer, clock=system_clock, reconcilers=reconcilers)
            ),
        ]
        yield cache
        for task in tasks:
            task.cancel()


def new_client(seed=0):
    return RoughClient(Registry(MemoryStore(), Settings(), system_clock), seed)


async def replicas(client, name="web"):
    listing = await client.list(REPLICA_SET)
    return sum(rs.get("status", {}).get("replicas", 0) for rs in listing.items)


@settings(max_examples=15)
@given(seed=st.integers(0, 10_000), count=st.integers(1, 30))
def test_late_and_repeated_events_never_make_surplus_pods(seed, count):
    async def run():
        client = new_client(seed)
        async with running(client):
            await client.create(DEPLOYMENT, builders.deployment(replicas=count))
            await eventually(lambda: replicas(client), lambda seen: seen == count)
            assert client.created.count(POD) == count

            patch = {"spec": {"replicas": count + 2}}
            await client.patch(DEPLOYMENT, "default", "web", patch)
            await eventually(lambda: replicas(client), lambda seen: seen == count + 2)
            assert client.created.count(POD) == count + 2

    asyncio.run(run())


async def test_a_replica_set_whose_pods_are_not_seen_yet_is_not_planned_again():
    client, plans = new_client(), []

    def plan(cache, key, now_s):
        plans.append(key)
        return replicasets.RECONCILER.plan(cache, key, now_s)

    async def poke(cache, number):
        patch = {"metadata": {"annotations": {"poke": str(number)}}}
        revision = revision_of(await client.patch(REPLICA_SET, "default", "web", patch))

        async def seen():
            return cache.revision(REPLICA_SET) >= revision

        await eventually(seen)

    async def planned():
        return len(plans)

    client.pods_are_seen.clear()
    watched = replace(replicasets.RECONCILER, plan=plan)
    async with running(client, [watched]) as cache:
        await client.create(REPLICA_SET, builders.replica_set(replicas=3))
        await eventually(planned)
        for number in range(10):
            await poke(cache, number)
        assert (len(plans), client.created.count(POD)) == (1, 3)

        client.pods_are_seen.set()
        await eventually(planned, lambda count: count > 1)
        assert client.created.count(POD) == 3


@pytest.mark.parametrize("error", [UnavailableError("gone"), RuntimeError("a bug")], ids=["api", "bug"])
async def test_what_fails_is_tried_again(error):
    client = new_client()
    async with running(client, [r for r in RECONCILERS if r.name.startswith("repl")]):
        client.failures = [error]
        await client.patch(NODE, "", "node-1", {"metadata": {"labels": {"a": "b"}}})
        await LocalClient.create(client, REPLICA_SET, builders.replica_set(replicas=2))
        await eventually(lambda: replicas(client), lambda seen: seen == 2)


async def test_what_an_ending_namespace_refuses_is_not_tried_again_until_something_changes_there():
    client, planned, ended = new_client(), [], "ending"

    def plan(_cache, key, _now_s):
        planned.append(key.name)
        return [Create(POD, builders.pod("p", namespace=ended))]

    async def is_planned(name, times):
        await eventually(lambda: count(name), lambda seen: seen >= times)

    async def count(name):
        return planned.count(name)

    async with running(client, [Reconciler("maker", plan, {CONFIG_MAP: own_key})]):
        await client.create(NAMESPACE, builders.namespace(ended))
        for name in ("one", "two"):
            config = {"metadata": {"name": name, "namespace": ended, "finalizers": ["example.com/held"]}}
            client.failures = [namespace_terminating(POD, "p", ended)]
            await LocalClient.create(client, CONFIG_MAP, config)
            await is_planned(name, 1)
        client.failures = [namespace_terminating(POD, "p", ended)]
        await client.patch(CONFIG_MAP, ended, "two", {"data": {"k": "v"}})
        await is_planned("two", 2)

        client.failures = [UnavailableError("gone"), UnavailableError("gone")]
        await client.patch(CONFIG_MAP, ended, "two", {"data": {"k": "w"}})
        await is_planned("two", 5)  # these are tried again, which takes longer than the first would have

    assert planned == ["one", "two", "two", "two", "two", "two"]


async def test_a_pod_that_the_api_refuses_is_told_on_its_owner():
    client = new_client()
    async with running(client, [r for r in RECONCILERS if r.name.startswith("repl")]):
        client.failures = [InvalidError("spec.containers: Required value")]
        await LocalClient.create(client, REPLICA_SET, builders.replica_set(replicas=1))

        async def reasons():
            return {e["reason"]: e["message"] for e in (await client.list(EVENT)).items}

        told = await eventually(reasons, lambda seen: "FailedCreate" in seen)
        assert told["FailedCreate"] == "Error creating: spec.containers: Required value"


async def test_a_trigger_that_fails_does_not_end_the_informer():
    def broken(_cache, _change):
        raise KeyError("odd object")

    client = new_client()
    bad = Reconciler("bad", lambda *_: [], {NODE: broken, REPLICA_SET: broken})
    good = next(r for r in RECONCILERS if r.name == "replicaset-controller")
    async with running(client, [bad, good]):
        await client.create(REPLICA_SET, builders.replica_set(replicas=2))
        await eventually(lambda: replicas(client), lambda seen: seen == 2)


async def test_a_key_is_looked_at_again_when_its_plan_says_so():
    looks = []

    def plan(_cache, key, _now_s):
        looks.append(key)
        return [LookAgain(0.01)][: 2 - len(looks)]

    async def seen():
        return len(looks)

    async with running(new_client(), [Reconciler("again", plan, {NODE: own_key})]):
        assert await eventually(seen, lambda count: count >= 2) == 2


async def test_the_next_plan_sees_what_the_one_before_wrote():
    held = []

    def plan(cache, _key, _now_s):
        held.append(len(cache.keys(CONFIG_MAP)))
        obj = {"metadata": {"generateName": "c-", "namespace": "default"}}
        return [Create(CONFIG_MAP, obj), LookAgain(0)][: 0 if len(held) > 3 else 2]

    async def plans():
        return len(held)

    async with running(new_client(3), [Reconciler("writer", plan, {NODE: own_key})]):
        await eventually(plans, lambda count: count > 3)
    assert held[:4] == [0, 1, 2, 3]


async def test_changes_within_a_batch_are_planned_together():
    client = new_client()
    planned = []

    def plan(_cache, key, _now_s):
        planned.append(key)
        return []

    def parts(_cache, change):
        return [Part("all", change.key.name)]

    async def count():
        return len(planned)

    await client.create(NAMESPACE, builders.namespace("other"))
    for name in ("a", "b", "c"):
        await client.create(CONFIG_MAP, {"metadata": {"namespace": "other", "name": name}})
    patient = Reconciler(name="patient", plan=plan, triggers={CONFIG_MAP: parts}, batch_s=0.01)
    async with running(client, (patient,), (CONFIG_MAP,)):
        await eventually(count)

    assert planned == [Parts("all", frozenset("abc"))]
