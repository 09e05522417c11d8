from __future__ import annotations

import asyncio

import pytest

from netemu.api.errors import AlreadyExistsError, ConflictError, NotFoundError, UnavailableError
from netemu.api.kinds import POD, SERVICE
from netemu.testing.fake_client import FakeClient


def pod(name="web", **more):
    return {"metadata": {"namespace": "default", "name": name, **more}}


async def read(events, count):
    return [(event.type, event.object["metadata"]["name"]) async for event, _ in _first(events, count)]


async def _first(events, count):
    for number in range(count):
        yield await asyncio.wait_for(anext(events), 60), number


async def test_what_was_created_can_be_read():
    client = FakeClient()

    made = await client.create(POD, pod())

    assert await client.get(POD, "default", "web") == made
    assert made["kind"] == "Pod"
    assert made["metadata"]["resourceVersion"] == "1"


async def test_a_watch_from_a_list_sees_every_later_change_in_order():
    client = FakeClient((POD, pod("old")))
    listing = await client.list(POD)
    events = client.watch(POD, revision=listing.revision)

    await client.create(POD, pod("new"))
    await client.create(SERVICE, pod("other-kind"))
    await client.patch(POD, "default", "new", {"spec": {"x": 1}})
    await client.delete(POD, "default", "old")

    assert await read(events, 3) == [("ADDED", "new"), ("MODIFIED", "new"), ("DELETED", "old")]


async def test_writes_are_refused_as_kubernetes_refuses_them():
    client = FakeClient()
    made = await client.create(POD, pod())
    await client.update(POD, made)

    with pytest.raises(AlreadyExistsError):
        await client.create(POD, pod())
    with pytest.raises(ConflictError):
        await client.update(POD, made)
    with pytest.raises(ConflictError):
        await client.delete(POD, "default", "web", uid="another")
    with pytest.raises(NotFoundError):
        await client.get(POD, "default", "nothing")


async def test_selectors_choose():
    client = FakeClient((POD, pod("a", labels={"app": "x"})), (POD, pod("b", labels={"app": "y"})))

    by_label = await client.list(POD, label_selector="app=y")
    by_field = await client.list(POD, field_selector="metadata.name=a")

    assert [obj["metadata"]["name"] for obj in by_label.items + by_field.items] == ["b", "a"]


async def test_a_status_update_leaves_the_rest_alone():
    client = FakeClient((POD, pod()))

    await client.update(
        POD, {**pod(), "spec": {"ignored": 1}, "status": {"phase": "Running"}}, subresource="status"
    )

    found = await client.get(POD, "default", "web")
    assert (found.get("spec"), found["status"]) == (None, {"phase": "Running"})


async def test_when_it_goes_away_open_watches_end_and_nothing_is_lost():
    client = FakeClient((POD, pod()))
    events = client.watch(POD, revision=(await client.list(POD)).revision)
    waiting = asyncio.ensure_future(anext(events))  # noqa: TID251 (the test itself is the only other task)
    await asyncio.sleep(0)

    await client.go_away()

    with pytest.raises(UnavailableError):
        await waiting
    with pytest.raises(UnavailableError):
        await client.list(POD)
    client.come_back()
    assert len((await client.list(POD)).items) == 1
