"""When a pod that is to end gets no connections any more."""

import asyncio

from netemu.api.kinds import ENDPOINT_SLICE
from netemu.cluster.routes import Routes
from netemu.informer.cache import Cache
from netemu.informer.watch import Informer
from netemu.testing.eventually import eventually
from netemu.testing.fake_client import FakeClient


def endpoint(uid, **conditions):
    return {"addresses": ["10.244.0.9"], "targetRef": {"uid": uid}, "conditions": conditions}


def slice_of(*endpoints, name="web-1"):
    return {"metadata": {"name": name, "namespace": "default"}, "endpoints": list(endpoints)}


class Kernels:
    """Hold what slices say when they are told to."""

    def __init__(self):
        self.asked = 0
        self.holds = asyncio.Event()
        self.holds.set()

    async def applied(self):
        self.asked += 1
        await self.holds.wait()


class World:
    """Slices, and who asks about the pod ``a``."""

    def __init__(self, *slices):
        self.client = FakeClient(*((ENDPOINT_SLICE, each) for each in slices))
        self.kernels = Kernels()
        cache = Cache()
        self.informer = Informer(self.client, cache, [ENDPOINT_SLICE])
        self.routes = Routes(cache, self.informer, self.kernels.applied)

    async def ask(self, *steps):
        async with asyncio.TaskGroup() as group:
            informer = group.create_task(self.informer.run())
            await self.informer.wait_synced()
            left = group.create_task(self.routes.left("a"))
            for step in steps:
                await asyncio.sleep(0)
                assert not left.done()
                await step()
            await left
            informer.cancel()


async def test_a_pod_of_no_service_waits_for_rules_that_are_under_way_only():
    world = World(slice_of(endpoint("b", ready=True), endpoint("a", ready=False)))

    await world.ask()

    assert world.kernels.asked == 1


async def test_a_ready_endpoint_waits_for_every_slice_and_then_for_the_kernels():
    world = World(slice_of(endpoint("a")), slice_of(endpoint("a", ready=True), name="web-2"))
    world.kernels.holds.clear()

    async def end_one():
        await world.client.update(ENDPOINT_SLICE, slice_of(endpoint("a", ready=False, terminating=True)))

    async def end_other():
        await world.client.delete(ENDPOINT_SLICE, "default", "web-2")

    async def hold():
        await eventually(lambda: asyncio.sleep(0, world.kernels.asked == 1))
        world.kernels.holds.set()

    await world.ask(end_one, end_other, hold)

    assert world.kernels.asked == 1


async def test_an_endpoint_that_is_always_ready_is_told_by_its_end():
    world = World(slice_of(endpoint("a", ready=True, terminating=True)))

    await world.ask()

    assert world.kernels.asked == 1
