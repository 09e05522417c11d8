"""Rates between two looks at counters."""

from __future__ import annotations

import asyncio

import pytest

from netemu.apiserver.usage import (
    HOLDS_S,
    RECENT_S,
    SHORT_S,
    ContainerUsage,
    Look,
    Rate,
    UsageMeter,
    rates_between,
)


def used(cpu_s, memory_bytes=1024, *, run="0"):
    return ContainerUsage(f"uid_app_{run}", "uid", "app", cpu_s, memory_bytes)


class Counters:
    """A node with one container that keeps half a processor busy."""

    def __init__(self, clock):
        self.looks = 0
        self._clock = clock

    async def usage(self):
        self.looks += 1
        await asyncio.sleep(0)
        return {"node-1": [used(self._clock() / 2)]}


@pytest.fixture
def counters(clock):
    return Counters(clock)


@pytest.fixture
def meter(counters, clock):
    async def pause(seconds):
        clock.now_s += seconds

    return UsageMeter(counters, clock, pause)


def test_a_rate_is_the_difference_by_time():
    rates = rates_between(Look(10.0, {"node-1": [used(4.0)]}), Look(20.0, {"node-1": [used(9.0, 2048)]}))

    assert rates.pods == {"uid": {"app": Rate(0.5, 2048)}}
    assert rates.nodes == {"node-1": Rate(0.5, 2048)}
    assert (rates.at_s, rates.window_s) == (20.0, 10.0)


@pytest.mark.parametrize("before", [{}, {"node-1": [used(400.0, run="1")]}], ids=["new", "restarted"])
def test_what_was_not_there_before_began_with_nothing(before):
    rates = rates_between(Look(0.0, before), Look(2.0, {"node-1": [used(1.0, run="2")]}))

    assert rates.pods["uid"]["app"].cpus == 0.5


def test_counters_and_clocks_that_go_back_give_no_negative_use():
    rates = rates_between(Look(5.0, {"node-1": [used(9.0)]}), Look(4.0, {"node-1": [used(8.0)]}))

    assert rates.pods["uid"]["app"].cpus == 0


async def test_the_first_question_takes_two_looks(meter, counters):
    rates = await meter.rates()

    assert (counters.looks, rates.window_s) == (2, SHORT_S)
    assert rates.nodes["node-1"].cpus == pytest.approx(0.5)


async def test_an_answer_holds_for_a_while(meter, counters, clock):
    first = await meter.rates()
    clock.now_s += HOLDS_S - 1

    assert await meter.rates() is first
    assert counters.looks == 2


async def test_who_keeps_asking_gets_the_rate_since_the_last_look(meter, counters, clock):
    await meter.rates()
    clock.now_s += HOLDS_S + 1

    assert (await meter.rates()).window_s == HOLDS_S + 1
    assert counters.looks == 3


async def test_an_old_look_says_nothing_about_now(meter, counters, clock):
    await meter.rates()
    clock.now_s += RECENT_S + 1

    assert (await meter.rates()).window_s == SHORT_S
    assert counters.looks == 4


async def test_all_who_ask_at_once_share_one_answer(meter, counters):
    answers = await asyncio.gather(*(meter.rates() for _ in range(5)))

    assert counters.looks == 2
    assert all(answer is answers[0] for answer in answers)
