"""The work queue: each key once, never twice at once, failures later."""

from __future__ import annotations

import asyncio

import pytest

from netemu.informer.queue import WorkQueue


@pytest.fixture
async def queue():
    made = WorkQueue()
    yield made
    made.close()


async def test_keys_come_in_order_of_arrival_and_each_once(queue):
    for key in ("a", "b", "a"):
        queue.add(key)

    assert [await queue.get(), await queue.get()] == ["a", "b"]
    assert len(queue) == 2  # both are worked on


async def test_a_key_added_while_it_is_worked_on_comes_again_afterwards(queue):
    queue.add("a")
    await queue.get()
    queue.add("a")
    queue.add("b")
    assert await queue.get() == "b"

    queue.done("a")
    assert await queue.get() == "a"


async def test_a_consumer_waits_for_the_next_key(queue):
    asyncio.get_running_loop().call_soon(queue.add, "late")

    assert await queue.get() == "late"


async def test_the_loop_marks_each_key_as_done(queue):
    queue.add("a")
    seen = []
    async for key in queue:
        seen.append(key)
        queue.add("a")
        if len(seen) == 2:
            break

    assert seen == ["a", "a"]


async def test_others_run_while_a_key_comes_again_and_again(queue):
    queue.add("a")
    ran = []
    asyncio.get_running_loop().call_soon(ran.append, "other")
    async for key in queue:
        queue.add(key)
        if ran:
            break

    assert ran == ["other"]


async def test_a_key_that_rests_comes_once_when_the_rest_is_over(queue):
    queue.add("a")
    await queue.get()
    queue.done_later("a", 0.02)
    for _ in range(3):
        queue.add("a")
    queue.add("b")

    assert await queue.get() == "b"
    assert await queue.get() == "a"
    queue.done("a")
    assert len(queue) == 1  # b


async def test_delays_double_until_the_key_is_forgotten(queue):
    assert [queue.retry_later("a") for _ in range(3)] == [0.05, 0.1, 0.2]

    queue.forget("a")
    assert queue.retry_later("a") == 0.05


async def test_the_earlier_of_two_appointments_stands(queue):
    queue.add_later("a", 60)
    queue.add_later("a", 0)
    queue.add_later("a", 60)

    assert await asyncio.wait_for(queue.get(), 60) == "a"


async def test_a_key_that_fails_for_ever_is_tried_for_ever():
    queue = WorkQueue()
    delays = [queue.retry_later("a") for _ in range(2000)]
    queue.close()

    assert delays[9:] == [25.6] + [30.0] * 1990
