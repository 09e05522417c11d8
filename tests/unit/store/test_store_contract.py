"""Every store passes these; the one without a file must not drift from the one with."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netemu.api.errors import ExpiredError, UnavailableError
from netemu.store.errors import CompareFailedError
from netemu.store.sqlite import SqliteStore
from netemu.store.store import Op, Store
from netemu.store.watch import MAX_BACKLOG
from netemu.testing.memory_store import MemoryStore


def value(name: str = "web", **more):
    return {"metadata": {"name": name}, **more}


class StoreContract:
    """The behaviour of ``netemu.store.store.Store``."""

    async def test_a_value_that_was_put_is_the_one_that_is_read(self, store: Store) -> None:
        web = value()
        entry = await store.put("pods/default/web", web)

        assert store.get("pods/default/web") == entry
        assert store.get("pods/default/web").value is web

    async def test_the_revision_grows_by_one_with_each_write(self, store: Store) -> None:
        first = await store.put("pods/default/a", value())
        second = await store.put("nodes/n", value())
        third = await store.delete("pods/default/a")

        assert [first.revision, second.revision, third.revision] == [1, 2, 3]
        assert store.revision == 3

    async def test_a_value_carries_the_revision_of_its_last_write(self, store: Store) -> None:
        await store.put("pods/default/a", value())
        entry = await store.put("pods/default/a", value())

        assert entry.value["metadata"]["resourceVersion"] == str(entry.revision) == "2"

    async def test_what_must_not_exist_is_created_once(self, store: Store) -> None:
        await store.put("pods/default/a", value(), expected=0)

        with pytest.raises(CompareFailedError) as caught:
            await store.put("pods/default/a", value(), expected=0)

        assert caught.value.current == 1
        assert store.revision == 1

    async def test_a_write_that_expects_an_older_revision_fails(self, store: Store) -> None:
        await store.put("pods/default/a", value())
        await store.put("pods/default/a", value(), expected=1)

        with pytest.raises(CompareFailedError):
            await store.put("pods/default/a", value(), expected=1)
        with pytest.raises(CompareFailedError):
            await store.delete("pods/default/a", expected=1)

    async def test_deleting_what_does_not_exist_fails(self, store: Store) -> None:
        with pytest.raises(CompareFailedError) as caught:
            await store.delete("pods/default/a")

        assert caught.value.current == 0

    async def test_a_range_is_ordered_and_holds_only_its_prefix(self, store: Store) -> None:
        for key in ("pods/b/x", "pods/a/y", "pods/a/x", "pods/ab/x", "nodes/a"):
            await store.put(key, value(key))

        listing = store.range("pods/a/")

        assert [v["metadata"]["name"] for v in listing.values] == ["pods/a/x", "pods/a/y"]
        assert listing.revision == 5
        assert len(store.range("pods/").values) == 4

    async def test_a_watch_gives_what_came_after_its_revision_in_order(self, store: Store) -> None:
        await store.put("pods/default/a", value("a"))
        watch = store.watch("pods/", after=1)
        await store.put("pods/default/b", value("b"))
        await store.put("nodes/n", value("n"))
        await store.delete("pods/default/a")

        events = await watch.take()

        assert [(e.revision, e.key, e.op) for e in events] == [
            (2, "pods/default/b", Op.PUT),
            (4, "pods/default/a", Op.DELETE),
        ]
        assert events[0].previous is None

    async def test_a_watch_from_the_past_replays_it(self, store: Store) -> None:
        await store.put("pods/default/a", value("a"))
        await store.put("pods/default/b", value("b"))

        assert [e.revision for e in await store.watch("pods/", after=1).take()] == [2]

    async def test_a_deletion_event_carries_the_last_state_at_its_own_revision(self, store: Store) -> None:
        await store.put("pods/default/a", value("a", spec={"x": 1}))
        watch = store.watch("pods/", after=store.revision)
        last = await store.delete("pods/default/a")
        (event,) = await watch.take()

        assert event.value == last.value
        assert event.value["spec"] == {"x": 1}
        assert event.value["metadata"]["resourceVersion"] == "2"
        assert event.previous["metadata"]["resourceVersion"] == "1"

    async def test_a_waiting_follower_wakes_up(self, store: Store) -> None:
        watch = store.watch("pods/", after=0)
        async with asyncio.TaskGroup() as group:
            taken = group.create_task(watch.take())
            await asyncio.sleep(0)
            await store.put("pods/default/a", value())

        assert [e.revision for e in taken.result()] == [1]

    async def test_every_follower_has_its_own_queue(self, store: Store) -> None:
        watches = [store.watch("pods/", after=0) for _ in range(3)]
        await store.put("pods/default/a", value())
        await watches[0].take()

        assert [len(await w.take()) for w in watches[1:]] == [1, 1]

    async def test_a_closed_watch_hears_nothing(self, store: Store) -> None:
        watch = store.watch("pods/", after=0)
        watch.close()
        watch.close()
        await store.put("pods/default/a", value())

        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await watch.take()

    async def test_a_watch_from_before_a_compaction_has_expired(self, store: Store) -> None:
        for _ in range(3):
            await store.put("pods/default/a", value())
        store.compact(2)

        with pytest.raises(ExpiredError, match="too old resource version: 1"):
            store.watch("pods/", after=1)
        assert [e.revision for e in await store.watch("pods/", after=2).take()] == [3]

    async def test_lists_of_the_past_end_while_followers_go_on(self, store: Store) -> None:
        for name in "abc":
            await store.put(f"pods/default/{name}", value(name))

        store.end_lists(3)

        with pytest.raises(ExpiredError):
            store.range("pods/", at=2)
        assert [event.revision for event in store.watch("pods/", after=1).take_now()] == [2, 3]

    async def test_the_window_of_events_is_bounded(self, store: Store, monkeypatch) -> None:
        monkeypatch.setattr("netemu.store.state.WINDOW_EVENTS", 2)
        for _ in range(5):
            await store.put("pods/default/a", value())

        with pytest.raises(ExpiredError):
            store.watch("pods/", after=2)
        assert len(await store.watch("pods/", after=3).take()) == 2

    async def test_a_follower_that_falls_behind_is_cut_off(self, store: Store, monkeypatch) -> None:
        monkeypatch.setattr("netemu.store.watch.MAX_BACKLOG", 3)
        watch = store.watch("pods/", after=0)
        for _ in range(4):
            await store.put("pods/default/a", value())

        with pytest.raises(ExpiredError, match=f"fell {3} events behind"):
            await watch.take()
        assert MAX_BACKLOG > 3

    async def test_closing_the_store_ends_its_watches(self, store: Store) -> None:
        watch = store.watch("pods/", after=0)
        store.close()

        with pytest.raises(UnavailableError):
            await watch.take()


class TestMemoryStore(StoreContract):
    @pytest.fixture
    def store(self) -> Store:
        return MemoryStore()


class TestSqliteStore(StoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[Store]:
        store = SqliteStore.open(tmp_path / "store.db")
        yield store
        store.close()


KEYS = st.sampled_from(["pods/a/1", "pods/a/2", "pods/b/1", "nodes/n"])
WRITES = st.lists(st.tuples(st.sampled_from(["put", "delete"]), KEYS), max_size=30)


async def replay(store: Store, prefix: str, writes, watch_at: int):
    """Apply writes, follow from after the ``watch_at``-th; give what a follower then holds."""
    held, watch = {}, None
    for number, (verb, key) in enumerate([*writes, ("end", "")]):
        if number == watch_at:
            listing = store.range(prefix)
            held = {v["metadata"]["name"]: v for v in listing.values}
            watch = store.watch(prefix, after=listing.revision)
        if verb == "put":
            await store.put(key, value(key))
        elif verb == "delete" and store.get(key) is not None:
            await store.delete(key)
    for event in [] if watch is None or not watch._events else await watch.take():
        held[event.key] = event.value
        if event.op is Op.DELETE:
            del held[event.key]
    return held


@settings(max_examples=60)
@given(writes=WRITES, share=st.floats(0, 1), prefix=st.sampled_from(["pods/", "pods/a/", "nodes/"]))
def test_a_list_and_the_watch_after_it_equal_a_later_list(writes, share, prefix):
    store = MemoryStore()

    held = asyncio.run(replay(store, prefix, writes, watch_at=int(share * len(writes))))

    assert sorted(held) == [v["metadata"]["name"] for v in store.range(prefix).values]
    assert all(v is held[v["metadata"]["name"]] for v in store.range(prefix).values)
