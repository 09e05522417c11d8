"""The order in which pods are looked at."""

from __future__ import annotations

import asyncio

from netemu.informer.cache import Key
from netemu.scheduler.queue import PodQueue


def key(name):
    return Key("default", name)


async def taken(queue, count):
    return [(await queue.get()).name for _ in range(count)]


async def test_the_most_important_comes_first_then_the_first_that_came():
    queue = PodQueue()
    for name, priority in (("a", 0), ("b", 5), ("c", 0), ("d", 5), ("a", 9)):
        queue.add(key(name), priority)

    assert await taken(queue, 4) == ["b", "d", "a", "c"]
    assert len(queue) == 0


async def test_a_pod_that_went_has_no_turn():
    queue = PodQueue()
    queue.add(key("a"), 0)
    queue.forget(key("a"))
    queue.add(key("b"), 0)

    assert await taken(queue, 1) == ["b"]


async def test_a_failed_one_comes_again_later_and_later():
    queue = PodQueue()
    first = queue.retry_later(key("a"), 0)
    assert await asyncio.wait_for(taken(queue, 1), 60) == ["a"]

    assert queue.retry_later(key("a"), 0) == 2 * first
    queue.succeeded(key("a"))
    assert queue.retry_later(key("a"), 0) == first
    queue.close()


async def test_a_pod_that_cannot_be_written_is_tried_for_ever():
    queue = PodQueue()
    delays = [queue.retry_later(key("a"), 0) for _ in range(2000)]
    queue.close()

    assert delays[-1] == 30.0
