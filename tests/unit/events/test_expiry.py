import asyncio

from netemu.api.errors import ForbiddenError
from netemu.api.kinds import EVENT
from netemu.events.expiry import Expiry
from netemu.testing.eventually import eventually
from netemu.testing.fake_client import FakeClient


def event(name):
    return {"metadata": {"name": name, "namespace": "default"}, "reason": "Tested"}


async def names(client):
    return {obj["metadata"]["name"] for obj in (await client.list(EVENT)).items}


async def test_events_go_when_nothing_repeated_them_for_long_enough():
    client = FakeClient((EVENT, event("old")))
    now_s = 0.0
    expiry = Expiry(client, lambda: now_s, keep_s=100.0)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(expiry.run(look_every_s=0.01))
        await eventually(lambda: asyncio.sleep(0, len(expiry._due)), lambda count: count == 1)
        now_s = 60.0
        await client.create(EVENT, event("new"))
        await eventually(lambda: asyncio.sleep(0, len(expiry._due)), lambda count: count == 2)
        now_s = 120.0
        await eventually(lambda: names(client), lambda left: left == {"new"})
        await client.patch(EVENT, "default", "new", {"count": 2})
        await eventually(lambda: asyncio.sleep(0, expiry._due["default", "new"]), lambda due: due == 220.0)
        now_s = 200.0
        await asyncio.sleep(0.03)
        assert await names(client) == {"new"}
        task.cancel()


async def test_of_too_many_events_the_oldest_go_at_once():
    client = FakeClient(*((EVENT, event(f"event-{number}")) for number in range(3)))
    expiry = Expiry(client, lambda: 0.0, keep_most=3)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(expiry.run())
        await eventually(lambda: asyncio.sleep(0, len(expiry._due)), lambda count: count == 3)
        await client.patch(EVENT, "default", "event-0", {"count": 2})
        await client.create(EVENT, event("newest"))
        await eventually(lambda: names(client), lambda left: left == {"event-0", "event-2", "newest"})
        task.cancel()


async def test_an_event_that_must_not_go_keeps_no_other_from_going():
    class Guarded(FakeClient):
        async def delete(self, kind, namespace, name, **options):
            if name == "held":
                raise ForbiddenError("a policy holds it")
            return await super().delete(kind, namespace, name, **options)

    client = Guarded((EVENT, event("held")), (EVENT, event("old")))
    now_s = 0.0
    expiry = Expiry(client, lambda: now_s, keep_s=100.0)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(expiry.run(look_every_s=0.01))
        await eventually(lambda: asyncio.sleep(0, len(expiry._due)), lambda count: count == 2)
        now_s = 120.0
        await eventually(lambda: names(client), lambda left: left == {"held"})
        task.cancel()
