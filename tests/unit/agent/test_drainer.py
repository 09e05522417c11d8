"""How long a pod that is to end is waited for."""

import asyncio

from netemu.agent.drainer import Drainer
from netemu.agent.tasks import Tasks
from netemu.agent.work import PodWork
from netemu.informer.cache import Key
from netemu.testing.fake_runtime import FakeRoutes


async def drained(routes, within_s):
    work = PodWork(key=Key("default", "web"), uid="u", obj={})
    tasks, woken = Tasks(), asyncio.Queue()
    drainer = Drainer(routes=routes, tasks=tasks, wake=woken.put_nowait, within_s=within_s)
    async with asyncio.TaskGroup() as group:
        owner = group.create_task(tasks.run())
        await asyncio.sleep(0)
        assert not drainer.is_done(work)
        assert not drainer.is_done(work)  # and asks no second time
        assert await woken.get() == "u"
        owner.cancel()
    assert woken.empty()
    return drainer.is_done(work)


async def test_a_pod_is_drained_as_soon_as_nobody_turns_to_it():
    assert await drained(FakeRoutes(), 600.0)


async def test_a_pod_that_somebody_always_turns_to_is_not_waited_for_without_end():
    routes = FakeRoutes()
    routes.keep()

    assert await drained(routes, 0.01)
