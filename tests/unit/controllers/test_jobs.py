"""Jobs: pods that end, as often as wanted."""

from __future__ import annotations

import pytest

from netemu.api.errors import InvalidError
from netemu.api.kinds import JOB, POD
from netemu.clock import format_rfc3339
from netemu.testing import builders
from netemu.testing.convergence import Story, check_any_order

FINALIZER = "batch.kubernetes.io/job-tracking"
INDEX = "batch.kubernetes.io/job-completion-index"


async def begin(world, **spec):
    await world.create(JOB, builders.job(**spec))
    await world.converge()


async def running(world):
    return [pod for pod in await world.pods() if pod["status"]["phase"] == "Running"]


async def end(world, pod, phase, *, code=0, at_s=None, conditions=()):
    """Let a pod's container end."""
    finished = format_rfc3339(world.now_s if at_s is None else at_s)
    terminated = {"exitCode": code, "finishedAt": finished, "reason": "Completed"}
    container = {"name": "c", "ready": False, "restartCount": 0, "state": {"terminated": terminated}}
    status = {"phase": phase, "containerStatuses": [container], "conditions": list(conditions)}
    await world.edit(POD, pod["metadata"]["name"], {"status": status}, subresource="status")


async def succeed(world, *indexes):
    await _end_some(world, indexes, "Succeeded", 0)


async def fail(world, *indexes, code=1):
    await _end_some(world, indexes, "Failed", code)


async def _end_some(world, indexes, phase, code):
    wanted = {str(index) for index in indexes}
    for pod in await running(world):
        number = pod["metadata"].get("labels", {}).get(INDEX, "")
        if not wanted or number in wanted:
            await end(world, pod, phase, code=code)
    await world.converge()


async def status(world):
    return (await world.get(JOB, "work"))["status"]


async def conditions(world):
    return [(c["type"], c["status"], c["reason"]) for c in (await status(world)).get("conditions", ())]


async def test_a_job_runs_one_pod_and_completes_with_it(world):
    await begin(world)
    (pod,) = await world.pods()
    assert pod["metadata"]["name"].startswith("work-")
    assert pod["metadata"]["finalizers"] == [FINALIZER]
    assert pod["metadata"]["labels"]["batch.kubernetes.io/job-name"] == "work"
    assert (await status(world))["active"] == 1

    await succeed(world)

    found = await status(world)
    assert (found["succeeded"], found["ready"], found["terminating"]) == (1, 0, 0)
    assert found["uncountedTerminatedPods"] == {}
    assert found["completionTime"]
    assert "active" not in found
    assert await conditions(world) == [
        ("SuccessCriteriaMet", "True", "CompletionsReached"),
        ("Complete", "True", "CompletionsReached"),
    ]
    (pod,) = await world.pods()
    assert "finalizers" not in pod["metadata"]
    assert ("Completed", "Job completed") in await world.events()


async def test_at_most_parallelism_pods_run_until_all_completions_are_reached(world):
    await begin(world, completions=5, parallelism=2)
    counts = []
    for _ in range(3):
        counts.append(len(await running(world)))
        await succeed(world)

    assert counts == [2, 2, 1]
    assert (await status(world))["succeeded"] == 5


async def test_without_completions_one_success_lets_the_others_finish(world):
    await begin(world, parallelism=3)
    first, *_ = await running(world)
    await end(world, first, "Succeeded")
    await world.converge()
    assert len(await running(world)) == 2
    assert await conditions(world) == []

    await succeed(world)
    assert (await conditions(world))[-1][0] == "Complete"


async def test_a_failed_pod_is_replaced_after_a_delay_that_doubles(world):
    await begin(world)
    await fail(world)
    assert await running(world) == []

    await world.wait(9)
    await world.converge()
    assert await running(world) == []
    await world.wait(2)
    await world.converge()
    await fail(world)
    await world.wait(19)
    await world.converge()
    assert await running(world) == []
    await world.wait(2)
    await world.converge()
    assert len(await running(world)) == 1
    assert (await status(world))["failed"] == 2


async def test_a_job_that_failed_too_often_fails(world):
    await begin(world, backoffLimit=0)
    await fail(world)

    assert await conditions(world) == [
        ("FailureTarget", "True", "BackoffLimitExceeded"),
        ("Failed", "True", "BackoffLimitExceeded"),
    ]
    assert ("BackoffLimitExceeded", "Job has reached the specified backoff limit") in await world.events()
    assert (await status(world))["failed"] == 1


async def test_the_failure_waits_until_the_pods_that_still_run_have_ended(world):
    await begin(world, backoffLimit=0, completions=2, parallelism=2)
    first, _ = await running(world)
    await end(world, first, "Failed", code=1)
    await world.settle()
    assert await conditions(world) == [("FailureTarget", "True", "BackoffLimitExceeded")]

    await world.converge()
    assert (await conditions(world))[-1] == ("Failed", "True", "BackoffLimitExceeded")
    assert (await status(world))["failed"] == 2


async def test_a_job_that_takes_too_long_fails(world):
    await begin(world, activeDeadlineSeconds=30)
    await world.wait(29)
    assert await conditions(world) == []

    await world.wait(2)
    await world.converge()
    assert (await conditions(world))[-1] == ("Failed", "True", "DeadlineExceeded")
    assert await world.pods() == []


async def test_a_finished_job_is_deleted_after_its_time(world):
    await begin(world, ttlSecondsAfterFinished=60)
    await succeed(world)
    await world.wait(59)
    assert await world.names(JOB) == ["work"]

    await world.wait(2)
    await world.converge()
    assert await world.names(JOB) == []
    assert await world.list(POD) == []


async def test_each_completion_of_an_indexed_job_has_its_number(world):
    await begin(world, completions=3, parallelism=3, completionMode="Indexed")
    pods = sorted(await running(world), key=lambda pod: pod["metadata"]["name"])

    assert [pod["metadata"]["name"][:7] for pod in pods] == ["work-0-", "work-1-", "work-2-"]
    assert [pod["spec"]["hostname"] for pod in pods] == ["work-0", "work-1", "work-2"]
    assert [pod["metadata"]["annotations"][INDEX] for pod in pods] == ["0", "1", "2"]
    (variable,) = pods[0]["spec"]["containers"][0]["env"]
    assert variable["name"] == "JOB_COMPLETION_INDEX"
    assert variable["valueFrom"]["fieldRef"]["fieldPath"] == f"metadata.labels['{INDEX}']"

    await succeed(world, 0, 2)
    found = await status(world)
    assert (found["completedIndexes"], found["succeeded"]) == ("0,2", 2)
    await succeed(world)
    assert (await status(world))["completedIndexes"] == "0-2"
    assert (await conditions(world))[-1][0] == "Complete"


async def test_an_index_that_failed_is_tried_again_with_its_number(world):
    await begin(world, completions=2, parallelism=2, completionMode="Indexed")
    await fail(world, 1)
    await world.wait(11)
    await world.converge()

    assert sorted(pod["metadata"]["labels"][INDEX] for pod in await running(world)) == ["0", "1"]


async def test_each_index_may_have_its_own_limit(world):
    await begin(
        world,
        completions=3,
        parallelism=3,
        completionMode="Indexed",
        backoffLimitPerIndex=1,
        maxFailedIndexes=3,
    )
    await fail(world, 1)
    await world.wait(11)
    await world.converge()
    (again,) = [p for p in await running(world) if p["metadata"]["labels"][INDEX] == "1"]
    assert again["metadata"]["annotations"]["batch.kubernetes.io/job-index-failure-count"] == "1"

    await fail(world, 1)
    assert (await status(world))["failedIndexes"] == "1"
    await succeed(world)
    assert (await conditions(world))[-1] == ("Failed", "True", "FailedIndexes")
    assert (await status(world))["completedIndexes"] == "0,2"


async def test_too_many_failed_indexes_end_the_job(world):
    await begin(
        world,
        completions=3,
        parallelism=3,
        completionMode="Indexed",
        backoffLimitPerIndex=0,
        maxFailedIndexes=1,
    )
    await fail(world, 0, 1)

    assert (await conditions(world))[-1] == ("Failed", "True", "MaxFailedIndexesExceeded")


async def test_a_suspended_job_has_no_pods_until_it_is_resumed(world):
    await begin(world, parallelism=2, completions=2)
    await world.edit(JOB, "work", {"spec": {"suspend": True}})
    await world.converge()
    assert await world.pods() == []
    assert await conditions(world) == [("Suspended", "True", "JobSuspended")]
    assert "failed" not in await status(world)

    await world.wait(100)
    await world.edit(JOB, "work", {"spec": {"suspend": False}})
    await world.converge()
    assert len(await running(world)) == 2
    assert await conditions(world) == [("Suspended", "False", "JobResumed")]
    assert (await status(world))["startTime"] == format_rfc3339(world.now_s)
    assert {"Suspended", "Resumed"} <= {reason for reason, _ in await world.events()}


EXIT_CODES = {"onExitCodes": {"operator": "In", "values": [42]}}


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        pytest.param("FailJob", [("FailureTarget", "PodFailurePolicy"), ("Failed", "PodFailurePolicy")]),
        pytest.param("Ignore", []),
        pytest.param(
            "Count", [("FailureTarget", "BackoffLimitExceeded"), ("Failed", "BackoffLimitExceeded")]
        ),
    ],
)
async def test_a_policy_decides_what_an_exit_code_means(world, action, expected):
    await begin(world, backoffLimit=0, podFailurePolicy={"rules": [{"action": action, **EXIT_CODES}]})
    (pod,) = await running(world)
    await fail(world, code=42)

    assert [(type_, reason) for type_, _, reason in await conditions(world)] == expected
    gone = await world.get(POD, pod["metadata"]["name"])
    assert "finalizers" not in gone["metadata"]


async def test_the_rule_that_failed_a_job_is_named(world):
    await begin(world, podFailurePolicy={"rules": [{"action": "FailJob", **EXIT_CODES}]})
    (pod,) = await running(world)
    await fail(world, code=42)

    message = (await status(world))["conditions"][0]["message"]
    name = pod["metadata"]["name"]
    assert message == (
        f"Container c for pod default/{name} failed with exit code 42 matching FailJob rule at index 0"
    )


@pytest.mark.parametrize(
    ("rule", "done"),
    [
        pytest.param({"succeededIndexes": "0"}, (0,), id="those"),
        pytest.param({"succeededCount": 2}, (1, 3), id="so-many"),
        pytest.param({"succeededIndexes": "1-3", "succeededCount": 1}, (2,), id="some-of-those"),
    ],
)
async def test_a_success_policy_ends_a_job_before_all_are_done(world, rule, done):
    await begin(
        world, completions=4, parallelism=4, completionMode="Indexed", successPolicy={"rules": [rule]}
    )
    await succeed(world, *done)

    assert await conditions(world) == [
        ("SuccessCriteriaMet", "True", "SuccessPolicy"),
        ("Complete", "True", "SuccessPolicy"),
    ]
    assert await running(world) == []


@pytest.mark.parametrize(
    ("policy", "count"),
    [pytest.param("TerminatingOrFailed", 1), pytest.param("Failed", 0)],
)
async def test_a_pod_that_is_ending_is_replaced_at_once_or_when_it_has_ended(world, policy, count):
    await begin(world, podReplacementPolicy=policy)
    (pod,) = await running(world)
    await world.client.delete(POD, "default", pod["metadata"]["name"])
    await world.settle()
    await world.wait(11)
    assert len(await world.pods()) == count

    await world.run_agents()
    await world.wait(31)
    await world.converge()
    assert len(await running(world)) == 1
    assert await world.names(POD) == [(await running(world))[0]["metadata"]["name"]]


async def test_containers_that_restart_in_place_count_too(world):
    await begin(world, backoffLimit=2, template=builders.pod(restartPolicy="OnFailure"))
    (pod,) = await running(world)
    container = {"name": "c", "restartCount": 2, "state": {}}
    await world.edit(
        POD, pod["metadata"]["name"], {"status": {"containerStatuses": [container]}}, subresource="status"
    )
    await world.converge()

    assert (await conditions(world))[-1] == ("Failed", "True", "BackoffLimitExceeded")


async def test_a_job_of_another_controller_is_left_alone(world):
    await begin(world, managedBy="example.com/other")

    assert await world.pods() == []
    assert "status" not in await world.get(JOB, "work") or not await status(world)


async def test_pods_of_a_job_that_is_gone_are_let_go(world):
    await begin(world, parallelism=2, completions=2)
    await world.client.delete(JOB, "default", "work", propagation="Orphan")
    await world.converge()

    assert [pod["metadata"].get("finalizers") for pod in await world.pods()] == [None, None]


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        pytest.param({"manualSelector": True}, "does not match template `labels`", id="other-pods"),
        pytest.param({}, "`selector` not auto-generated", id="not-asked-for"),
    ],
)
async def test_a_job_that_would_not_find_its_pods_is_refused(world, spec, words):
    with pytest.raises(InvalidError, match=words):
        await begin(world, selector={"matchLabels": {"x": "y"}}, **spec)


async def test_an_orphan_is_adopted_and_counted_and_one_with_other_labels_let_go(world):
    await begin(world, parallelism=2, completions=2)
    first, second = [pod["metadata"]["name"] for pod in await running(world)]
    await world.edit(POD, first, {"metadata": {"ownerReferences": None, "finalizers": None}})
    await world.edit(POD, second, {"metadata": {"labels": None}})
    await world.converge()

    adopted, released = await world.get(POD, first), await world.get(POD, second)
    assert adopted["metadata"]["ownerReferences"][0]["name"] == "work"
    assert adopted["metadata"]["finalizers"] == [FINALIZER]
    assert not released["metadata"].get("ownerReferences")
    assert not released["metadata"].get("finalizers")
    assert len(await running(world)) == 3


async def test_more_parallelism_gives_more_pods_and_less_takes_some_away_without_counting_them(world):
    await begin(world, parallelism=1, completions=10)
    await world.edit(JOB, "work", {"spec": {"parallelism": 4}})
    await world.converge()
    assert len(await running(world)) == 4

    await world.edit(JOB, "work", {"spec": {"parallelism": 2}})
    await world.converge()
    assert len(await running(world)) == 2
    assert "failed" not in await status(world)


async def test_an_indexed_job_grows_and_shrinks_with_its_parallelism(world):
    await begin(world, completions=2, parallelism=2, completionMode="Indexed")
    with pytest.raises(InvalidError, match="can only be modified in tandem"):
        await world.edit(JOB, "work", {"spec": {"completions": 3}})
    await world.edit(JOB, "work", {"spec": {"completions": 4, "parallelism": 4}})
    await world.converge()
    assert sorted(pod["metadata"]["labels"][INDEX] for pod in await running(world)) == ["0", "1", "2", "3"]

    await world.edit(JOB, "work", {"spec": {"completions": 1, "parallelism": 1}})
    await world.converge()
    assert [pod["metadata"]["labels"][INDEX] for pod in await running(world)] == ["0"]


async def set_parallelism(world, count):
    await world.edit(JOB, "work", {"spec": {"parallelism": count}})


async def succeed_first(world):
    for pod in (await running(world))[:1]:
        await end(world, pod, "Succeeded")


async def delete_first(world):
    for pod in (await world.pods())[:1]:
        await world.client.delete(POD, "default", pod["metadata"]["name"])


async def test_any_order_of_events_completes_every_index_once():
    async def create(world):
        spec = {"completions": 6, "parallelism": 2, "completionMode": "Indexed", "backoffLimit": 1000}
        await world.create(JOB, builders.job(**spec))

    async def wish(world):
        await world.edit(JOB, "work", {"spec": {"suspend": False, "parallelism": 6}})
        for _ in range(12):
            await world.converge()
            for pod in await running(world):
                await end(world, pod, "Succeeded")
            await world.wait(700)

    async def sight(world):
        found = await status(world)
        return found["completedIndexes"], found["succeeded"], (await conditions(world))[-1][0]

    story = Story(
        begin=create,
        cases={
            "more": lambda world: set_parallelism(world, 4),
            "fewer": lambda world: set_parallelism(world, 1),
            "suspend": lambda world: world.edit(JOB, "work", {"spec": {"suspend": True}}),
            "resume": lambda world: world.edit(JOB, "work", {"spec": {"suspend": False}}),
            "one succeeds": succeed_first,
            "one is deleted": delete_first,
            "agents act": lambda world: world.run_agents(),
        },
        wish=wish,
        sight=sight,
    )
    await check_any_order(story, rounds=2)
