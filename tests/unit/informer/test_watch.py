"""The informer: list, watch, and again after a break, without losing or repeating anything."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest

from netemu.api.client import ObjectList, WatchEvent
from netemu.api.errors import ExpiredError, UnavailableError
from netemu.api.kinds import NODE, POD
from netemu.informer.cache import Cache
from netemu.informer.watch import Informer
from netemu.naming import Revision
from netemu.testing import builders


def pod(name, revision, uid=""):
    return builders.stored(builders.pod(name), uid or name, revision=revision)


class ScriptedClient:
    """Plays lists and watches in turn; a watch ends with an error, with an end, or stays open."""

    def __init__(self, *turns):
        self.turns = list(turns)
        self.asked = []

    async def list(self, kind, namespace="", **_):
        return self.turns.pop(0)

    async def watch(self, kind, namespace="", *, revision):
        self.asked.append(revision)
        for step in self.turns.pop(0):
            await asyncio.sleep(0)
            yield played(step)
        if not self.turns:
            await asyncio.Event().wait()


def played(step):
    raised = [step] * isinstance(step, Exception)
    for error in raised:
        raise error
    return WatchEvent(*step)


def listing(revision, *pods):
    return ObjectList(list(pods), Revision(revision))


@asynccontextmanager
async def following(client, *, until):
    """Run an informer up to a revision; give the cache and what handlers were told."""
    cache, told = Cache(), []
    informer = Informer(client, cache, [POD], retry_delay_s=0)
    informer.on_change(POD, lambda change: told.append((change.key.name, change.new is not None)))
    async with asyncio.TaskGroup() as group:
        task = group.create_task(informer.run())
        await asyncio.wait_for(informer.wait_for(POD, Revision(until)), 60)
        yield cache, told
        task.cancel()


def names(cache):
    return sorted(obj["metadata"]["name"] for obj in cache.list(POD))


async def test_a_list_and_its_watch_fill_the_cache():
    client = ScriptedClient(
        listing(3, pod("a", 1), pod("b", 2)),
        [("ADDED", pod("c", 4)), ("MODIFIED", pod("a", 5)), ("DELETED", pod("b", 6))],
    )
    async with following(client, until=6) as (cache, told):
        assert names(cache) == ["a", "c"]
        assert told == [("a", True), ("b", True), ("c", True), ("a", True), ("b", False)]


@pytest.mark.parametrize(
    "error", [ExpiredError("too old"), UnavailableError("gone")], ids=["expired", "gone"]
)
async def test_after_a_break_only_what_differs_is_told(error):
    client = ScriptedClient(
        listing(2, pod("a", 1), pod("b", 2)),
        [error],
        listing(9, pod("a", 1), pod("c", 8)),
        [],
    )
    async with following(client, until=9) as (cache, told):
        assert names(cache) == ["a", "c"]
        assert told[2:] == [("b", False), ("c", True)]


async def test_a_watch_that_ends_goes_on_where_it_ended():
    client = ScriptedClient(listing(1), [("ADDED", pod("a", 2))], [("ADDED", pod("b", 3))])
    async with following(client, until=3) as (cache, _):
        assert names(cache) == ["a", "b"]
        assert client.asked == [1, 2]


async def test_repeated_events_are_not_told_again_and_nothing_rises_from_the_dead():
    again = [("ADDED", pod("a", 2)), ("MODIFIED", pod("a", 3))]
    end = ("DELETED", pod("a", 4))
    client = ScriptedClient(listing(1), [*again, *again, end, *again, end, ("ADDED", pod("b", 5))])
    async with following(client, until=5) as (cache, told):
        assert names(cache) == ["b"]
        assert told == [("a", True), ("a", True), ("a", False), ("b", True)]


async def test_a_late_deletion_does_not_remove_the_successor():
    client = ScriptedClient(
        listing(5, pod("a", 5, "new")), [("DELETED", pod("a", 4, "old")), ("ADDED", pod("b", 6))]
    )
    async with following(client, until=6) as (cache, _):
        assert names(cache) == ["a", "b"]


async def test_a_bookmark_moves_the_revision_without_a_change():
    mark = {"metadata": {"resourceVersion": "7"}}
    async with following(ScriptedClient(listing(1), [("BOOKMARK", mark)]), until=7) as (cache, told):
        assert cache.revision(POD) == 7
        assert told == []


async def test_who_waits_for_a_kind_that_is_not_followed_waits_for_nothing():
    informer = Informer(ScriptedClient(), Cache(), [POD])

    await asyncio.wait_for(informer.wait_for(NODE, Revision(99)), 60)


async def test_a_handler_that_comes_late_is_told_of_what_is_there():
    client = ScriptedClient(listing(1, pod("a", 1)), [])
    cache = Cache()
    informer = Informer(client, cache, [POD])
    async with asyncio.TaskGroup() as group:
        task = group.create_task(informer.run())
        await informer.wait_synced()
        told = []
        informer.on_change(POD, lambda change: told.append((change.old, change.new["metadata"]["name"])))
        task.cancel()

    assert told == [(None, "a")]


async def test_others_may_work_while_a_long_list_is_taken():
    client = ScriptedClient(listing(5000, *(pod(f"p{n}", n + 1) for n in range(5000))), [])
    sizes = set()

    async with following(client, until=0) as (cache, _):
        while len(cache.list(POD)) < 5000:
            sizes.add(len(cache.list(POD)))
            await asyncio.sleep(0)

    assert len(sizes) > 3


async def test_a_handler_that_fails_keeps_no_other_from_being_told():
    cache, told = Cache(), []
    informer = Informer(ScriptedClient(listing(1, pod("a", 1), pod("b", 1)), []), cache, [POD])
    informer.on_change(POD, lambda change: 1 / 0)
    informer.on_change(POD, lambda change: told.append(change.key.name))
    async with asyncio.TaskGroup() as group:
        task = group.create_task(informer.run())
        await informer.wait_synced()
        task.cancel()

    assert told == ["a", "b"]


def test_a_handler_that_comes_late_and_fails_ends_nothing():
    cache, told = Cache(), []
    cache.apply(POD, pod("a", 1))
    cache.apply(POD, pod("b", 2))
    informer = Informer(ScriptedClient(), cache, [POD])

    def stumble(change):
        told.append(change.key.name)
        raise KeyError(change.key.name)

    informer.on_change(POD, stumble)

    assert told == ["a", "b"]
