"""CronJobs: a Job whenever it is due. The clock starts at 22:13:20 UTC."""

from __future__ import annotations

import pytest

from netemu.api.kinds import CRON_JOB, JOB
from netemu.clock import format_rfc3339
from netemu.testing import builders
from netemu.testing.convergence import Story, check_any_order

FIVE_MINUTES_S = 300


async def begin(world, schedule="*/5 * * * *", **spec):
    await world.create(CRON_JOB, builders.cron_job("cron", schedule, **spec))
    await world.settle()


async def status(world):
    return (await world.get(CRON_JOB, "cron")).get("status", {})


async def finish(world, name, type_="Complete"):
    now = format_rfc3339(world.now_s)
    conditions = [{"type": type_, "status": "True", "lastTransitionTime": now}]
    ended = {"conditions": conditions, "completionTime": now}
    await world.edit(JOB, name, {"status": ended}, subresource="status")
    await world.settle()


async def finish_all(world):
    for job in await world.list(JOB):
        await finish(world, job["metadata"]["name"])


async def test_a_job_is_made_when_it_is_due_and_named_for_its_minute(world):
    await begin(world)
    assert await world.names(JOB) == []

    await world.wait(101)
    (job,) = await world.list(JOB)
    assert job["metadata"]["name"] == f"cron-{1_700_000_100 // 60}"
    assert job["metadata"]["annotations"] == {
        "batch.kubernetes.io/cronjob-scheduled-timestamp": "2023-11-14T22:15:00Z"
    }
    found = await status(world)
    assert found["lastScheduleTime"] == "2023-11-14T22:15:00Z"
    assert [reference["name"] for reference in found["active"]] == [job["metadata"]["name"]]
    assert ("SuccessfulCreate", f"Created job {job['metadata']['name']}") in await world.events()


async def test_a_job_that_ended_is_no_longer_active(world):
    await begin(world)
    await world.wait(101)
    (name,) = await world.names(JOB)
    await finish(world, name)

    found = await status(world)
    assert "active" not in found
    assert found["lastSuccessfulTime"] == format_rfc3339(world.now_s)
    assert ("SawCompletedJob", f"Saw completed job: {name}, condition: Complete") in await world.events()


@pytest.mark.parametrize(("policy", "count"), [("Allow", 3), ("Forbid", 1), ("Replace", 1)])
async def test_a_policy_decides_whether_runs_overlap(world, policy, count):
    await begin(world, concurrencyPolicy=policy)
    await world.wait(101 + 2 * FIVE_MINUTES_S)

    assert len(await world.names(JOB)) == count
    assert "MissingJob" not in [reason for reason, _ in await world.events()]


async def test_an_active_job_that_someone_deletes_is_told_as_missing(world):
    await begin(world)
    await world.wait(101)
    (name,) = await world.names(JOB)
    await world.client.delete(JOB, "default", name)
    await world.settle()

    assert ("MissingJob", f"Active job went missing: {name}") in await world.events()
    assert "active" not in await status(world)


async def test_a_run_that_had_to_wait_is_made_up_for(world):
    await begin(world, concurrencyPolicy="Forbid")
    await world.wait(101 + FIVE_MINUTES_S)
    reasons = [reason for reason, _ in await world.events()]
    assert "JobAlreadyActive" in reasons
    await finish_all(world)

    assert len(await world.names(JOB)) == 2


async def test_a_suspended_one_makes_none_and_a_resumed_one_the_last_that_was_missed(world):
    await begin(world, suspend=True)
    await world.wait(3 * FIVE_MINUTES_S)
    assert await world.names(JOB) == []

    await world.edit(CRON_JOB, "cron", {"spec": {"suspend": False}})
    await world.settle()
    assert await world.names(JOB) == [f"cron-{1_700_000_700 // 60}"]


async def test_a_run_that_is_too_late_is_left_out(world):
    await begin(world, schedule="0 * * * *", suspend=True)
    await world.wait(3000)
    await world.edit(CRON_JOB, "cron", {"spec": {"suspend": False, "startingDeadlineSeconds": 10}})
    await world.settle()

    assert await world.names(JOB) == []


async def test_many_missed_times_are_told_and_the_last_one_served(world):
    await begin(world, schedule="* * * * *", suspend=True)
    await world.wait(3 * 3600)
    await world.edit(CRON_JOB, "cron", {"spec": {"suspend": False}})
    await world.settle()

    assert len(await world.names(JOB)) == 1
    assert "TooManyMissedTimes" in [reason for reason, _ in await world.events()]


async def test_old_jobs_go(world):
    await begin(world, successfulJobsHistoryLimit=2, failedJobsHistoryLimit=0)
    for _ in range(5):
        await world.wait(FIVE_MINUTES_S)
        await finish_all(world)
    assert len(await world.names(JOB)) == 2

    await world.wait(FIVE_MINUTES_S)
    active = (await status(world))["active"][0]["name"]
    await finish(world, active, "Failed")
    assert active not in await world.names(JOB)


async def test_hours_are_those_of_the_zone(world):
    await begin(world, schedule="0 0 * * *", timeZone="Europe/Berlin")
    await world.wait(3000)

    (job,) = await world.list(JOB)
    stamp = job["metadata"]["annotations"]["batch.kubernetes.io/cronjob-scheduled-timestamp"]
    assert stamp == "2023-11-15T00:00:00+01:00"


async def test_what_is_made_by_hand_is_noticed_and_not_counted(world):
    await begin(world)
    owner = await world.get(CRON_JOB, "cron")
    reference = {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "name": "cron",
        "uid": owner["metadata"]["uid"],
        "controller": True,
    }
    job = builders.job("by-hand")
    annotations = {"cronjob.kubernetes.io/instantiate": "manual"}
    metadata = {**job["metadata"], "annotations": annotations, "ownerReferences": [reference]}
    await world.create(JOB, {**job, "metadata": metadata})
    await world.settle()

    assert "active" not in await status(world)
    assert "UnexpectedJob" in [reason for reason, _ in await world.events()]


async def test_any_order_of_events_ends_with_the_same_runs():
    async def wish(world):
        await world.edit(CRON_JOB, "cron", {"spec": {"suspend": False, "concurrencyPolicy": "Allow"}})
        for _ in range(4):
            await world.wait(FIVE_MINUTES_S)
            await finish_all(world)

    async def sight(world):
        jobs = await world.list(JOB)
        return len(jobs), all(job["status"]["conditions"] for job in jobs), "active" in await status(world)

    story = Story(
        begin=begin,
        cases={
            "forbid": lambda world: world.edit(CRON_JOB, "cron", {"spec": {"concurrencyPolicy": "Forbid"}}),
            "replace": lambda world: world.edit(CRON_JOB, "cron", {"spec": {"concurrencyPolicy": "Replace"}}),
            "suspend": lambda world: world.edit(CRON_JOB, "cron", {"spec": {"suspend": True}}),
            "time passes": lambda world: world.wait(FIVE_MINUTES_S),
            "jobs end": finish_all,
        },
        wish=wish,
        sight=sight,
    )
    await check_any_order(story, rounds=2)
