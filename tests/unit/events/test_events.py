"""Events: told once, counted when told again, never too many."""

from __future__ import annotations

import asyncio

import pytest

from netemu.api.errors import UnavailableError
from netemu.api.kinds import EVENT
from netemu.events import Recorder
from netemu.events.event import BURST, SpamFilter, event_name, same_as
from netemu.events.loop import AT_ONCE, MOST_WAITING
from netemu.testing import builders
from netemu.testing.eventually import eventually
from netemu.testing.fake_client import FakeClient

WEB = builders.stored(builders.pod("web"), "uid-1", revision=7)


class Clock:
    now_s = 1_700_000_000.0

    def __call__(self):
        return self.now_s


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def client():
    return FakeClient()


@pytest.fixture
def recorder(client, clock):
    return Recorder(client, clock, "kubelet", "node-1")


async def events(client):
    return (await client.list(EVENT)).items


async def test_an_event_says_who_what_when_and_about_whom(client, recorder):
    recorder.emit(WEB, "Normal", "Started", "Started container c", field_path="spec.containers{c}")
    await recorder.flush()

    (event,) = await events(client)
    assert event["metadata"]["name"].startswith("web.")
    assert event["metadata"]["namespace"] == "default"
    assert event["involvedObject"] == {
        "apiVersion": "v1",
        "kind": "Pod",
        "namespace": "default",
        "name": "web",
        "uid": "uid-1",
        "resourceVersion": "7",
        "fieldPath": "spec.containers{c}",
    }
    assert (event["type"], event["reason"], event["message"]) == ("Normal", "Started", "Started container c")
    assert event["source"] == {"component": "kubelet", "host": "node-1"}
    assert (event["count"], event["firstTimestamp"]) == (1, "2023-11-14T22:13:20Z")


async def test_the_same_event_again_is_counted(client, recorder, clock):
    recorder.emit(WEB, "Warning", "BackOff", "again")
    await recorder.flush()
    clock.now_s += 60
    for _ in range(2):
        recorder.emit(WEB, "Warning", "BackOff", "again")
    await recorder.flush()

    (event,) = await events(client)
    assert event["count"] == 3
    assert (event["firstTimestamp"], event["lastTimestamp"]) == (
        "2023-11-14T22:13:20Z",
        "2023-11-14T22:14:20Z",
    )


async def test_another_message_is_another_event(client, recorder):
    recorder.emit(WEB, "Normal", "Pulled", "one")
    recorder.emit(WEB, "Normal", "Pulled", "two")
    await recorder.flush()

    assert len(await events(client)) == 2


async def test_a_recorder_that_starts_anew_counts_anew(client, recorder, clock):
    recorder.emit(WEB, "Warning", "BackOff", "again")
    await recorder.flush()
    after = Recorder(client, clock, "kubelet", "node-1")
    after.emit(WEB, "Warning", "BackOff", "again")
    await after.flush()

    assert [event["count"] for event in await events(client)] == [1, 1]


async def test_an_event_that_was_removed_is_told_as_a_new_one(client, recorder):
    recorder.emit(WEB, "Warning", "BackOff", "again")
    await recorder.flush()
    (event,) = await events(client)
    await client.delete(EVENT, "default", event["metadata"]["name"])
    recorder.emit(WEB, "Warning", "BackOff", "again")
    await recorder.flush()

    assert [event["count"] for event in await events(client)] == [1]


async def test_events_of_cluster_scoped_objects_are_in_the_default_namespace(client, recorder):
    recorder.emit(builders.stored(builders.node(), "n"), "Normal", "NodeReady", "ready")
    await recorder.flush()

    (event,) = await events(client)
    assert event["metadata"]["namespace"] == "default"
    assert "namespace" not in event["involvedObject"]


async def test_one_object_cannot_flood_the_store(client, recorder):
    for number in range(100):
        recorder.emit(WEB, "Normal", "SuccessfulCreate", f"Created pod: p{number}")
    await recorder.flush()

    assert len(await events(client)) == BURST


def test_a_flooded_object_may_speak_again_after_five_minutes():
    spam = SpamFilter()
    assert [spam.lets_through("a", 0.0) for _ in range(BURST + 1)] == [True] * BURST + [False]
    assert spam.lets_through("b", 0.0)
    assert not spam.lets_through("a", 200.0)
    assert spam.lets_through("a", 400.0)


async def test_an_api_that_is_away_loses_the_event_with_a_word_in_the_log(client, recorder, caplog):
    await client.go_away()
    recorder.emit(WEB, "Normal", "Started", "x")
    await recorder.flush()

    assert UnavailableError.code in caplog.text


async def test_the_recorder_writes_while_it_runs(client, recorder):
    async with asyncio.TaskGroup() as group:
        task = group.create_task(recorder.run())
        recorder.emit(WEB, "Normal", "Started", "x")
        await eventually(lambda: events(client))
        task.cancel()


async def test_a_flood_of_events_is_written_to_the_last(client, recorder):
    flood = [
        {**WEB, "metadata": {**WEB["metadata"], "uid": f"u{n}"}} for n in range(MOST_WAITING + 2 * AT_ONCE)
    ]
    async with asyncio.TaskGroup() as group:
        task = group.create_task(recorder.run())
        for obj in flood:
            recorder.emit(obj, "Normal", "Started", "x")
        await eventually(lambda: events(client), lambda found: len(found) == len(flood))
        task.cancel()


async def test_events_are_listed_in_the_order_in_which_they_happened(client, recorder, clock):
    for reason in ("Scheduled", "Pulled", "Created", "Started"):
        recorder.emit(WEB, "Normal", reason, "x")
    clock.now_s += 1e-6
    recorder.emit(WEB, "Normal", "Killing", "x")
    await recorder.flush()

    told = sorted(await events(client), key=lambda event: event["metadata"]["name"])
    assert [event["reason"] for event in told] == ["Scheduled", "Pulled", "Created", "Started", "Killing"]


async def test_an_event_is_dated_when_it_happens_not_when_it_is_written(client, recorder, clock):
    recorder.emit(WEB, "Warning", "BackOff", "x")
    clock.now_s += 1
    recorder.emit(WEB, "Warning", "BackOff", "x")
    clock.now_s += 60
    await recorder.flush()

    (event,) = await events(client)
    assert (event["firstTimestamp"], event["lastTimestamp"]) == (
        "2023-11-14T22:13:20Z",
        "2023-11-14T22:13:21Z",
    )


def test_the_longest_names_leave_room_for_the_time():
    pod = builders.stored(builders.pod("a" * 235 + "." + "b" * 17), "uid-1", revision=7)
    same = same_as(pod, "Normal", "Started", "x")

    assert event_name(same, 0x1797A04E1E7F0000) == "a" * 235 + ".1797a04e1e7f0000"
