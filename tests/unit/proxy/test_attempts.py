"""How a syncer tries again, tells why, and counts how far it is."""

from __future__ import annotations

import asyncio
from ipaddress import IPv4Address

import pytest

from netemu.errors import KernelError
from netemu.proxy.attempts import FIRST_RETRY_S, LAST_RETRY_S, Attempts, Progress, end_stale, retry_delay_s
from netemu.proxy.figures import Figures, News

SOMEBODY = {(IPv4Address("10.96.0.20"), 53): frozenset()}


def refuse(*_):
    raise KernelError("told to refuse")


def idle(*_):
    return 0


@pytest.fixture
def figures():
    return Figures()


@pytest.fixture
def told():
    return []


@pytest.fixture
def tries(told, figures):
    return Attempts("node-1", told.append, 0.0, figures)


async def test_who_fails_says_why_once_for_each_time(tries, told):
    assert not await tries.make(refuse)
    assert told == ["told to refuse"]

    assert await tries.make(idle)
    assert told == ["told to refuse"]


async def test_attempts_and_failures_are_counted(tries, figures):
    await tries.make(refuse)
    await tries.make(refuse, is_full=True)
    await tries.make(idle, is_full=True)

    assert (figures.failures, figures.partial_failures) == (2, 1)
    assert ("_count", 2) in figures.full_syncs.values({})


async def test_what_is_no_failure_of_the_kernel_is_not_tried_again(tries, told):
    def mistaken():
        raise ValueError("a mistake")

    with pytest.raises(ValueError, match="a mistake"):
        await tries.make(mistaken)
    assert not told


def test_each_wait_is_twice_the_last_one_up_to_a_bound():
    waits = [retry_delay_s(FIRST_RETRY_S, failures) for failures in range(100)]

    assert waits[:4] == [0.05, 0.1, 0.2, 0.4]
    assert max(waits) == waits[-1] == LAST_RETRY_S


async def test_one_waits_for_what_was_noted_before_and_for_nothing_else():
    progress = Progress(Figures())
    progress.note(News())
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(progress.wait())
        await asyncio.sleep(0)
        progress.note(News())
        progress.hold(0)
        await asyncio.sleep(0)
        assert not waiting.done()

        progress.hold(1)

    assert progress.noted == 2


async def test_progress_begins_when_the_kernel_holds_everything_the_first_time():
    progress = Progress(Figures())
    async with asyncio.TaskGroup() as group:
        group.create_task(progress.wait_begun())
        await asyncio.sleep(0)
        assert not progress.has_begun

        progress.hold(0)

    assert progress.has_begun


def test_flows_that_cannot_be_ended_are_in_the_log_alone(caplog):
    end_stale(refuse, SOMEBODY, "node-1", Figures())

    assert "proxy.flows_kept node=node-1" in caplog.text


def test_ended_flows_are_told_and_nobody_is_asked_when_there_are_none_to_end(caplog):
    caplog.set_level("INFO")
    end_stale(refuse, {}, "node-1", Figures())
    end_stale(len, SOMEBODY, "node-1", Figures())

    assert [record.getMessage() for record in caplog.records] == ["proxy.flows_ended node=node-1 flows=1"]
