from __future__ import annotations

import asyncio

import pytest

from netemu.standin.errands import Errands, Outcome, parse_outcome


class Daemon:
    """Whoever is connected: notes events, and is there or not."""

    def __init__(self, *, is_there=True):
        self.is_there = is_there
        self.events = []

    def send(self, event):
        self.events.append(event)
        return self.is_there


async def begun(errands):
    """Begin an errand, and wait until it was sent."""
    task = asyncio.get_running_loop().create_task(errands.run("a1", ("ls", "/"), b"in"))
    await asyncio.sleep(0)
    return task


async def test_a_command_is_sent_and_its_outcome_given():
    daemon = Daemon()
    errands = Errands(daemon.send)
    running = await begun(errands)
    (event,) = daemon.events
    errand = event["errand"]
    errands.finish(parse_outcome({"number": errand.number, "text": "aGk=", "code": 3}))

    assert (event["event"], errand.app, errand.argv, errand.stdin) == ("errand", "a1", ("ls", "/"), b"in")
    assert await running == (b"hi", 3)


async def test_errors_of_who_runs_it_are_the_caller_s():
    daemon = Daemon()
    errands = Errands(daemon.send)
    running = await begun(errands)
    errands.finish(Outcome(number=daemon.events[0]["errand"].number, error="container c is gone"))

    with pytest.raises(OSError, match="container c is gone"):
        await running


async def test_nobody_waits_for_a_daemon_that_is_not_there():
    with pytest.raises(OSError, match="not there"):
        await Errands(Daemon(is_there=False).send).run("a1", ("ls",), b"")


async def test_who_goes_away_fails_what_is_under_way():
    errands = Errands(Daemon().send)
    running = await begun(errands)
    errands.fail()

    with pytest.raises(OSError, match="went away"):
        await running


def test_an_outcome_that_nobody_waits_for_is_forgotten():
    Errands(Daemon().send).finish(Outcome(number=7))
