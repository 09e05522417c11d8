"""PodDisruptionBudget: what may go now."""

from __future__ import annotations

import pytest

from netemu.api.kinds import DAEMON_SET, DEPLOYMENT, JOB, POD, POD_DISRUPTION_BUDGET
from netemu.testing import builders
from netemu.testing.convergence import Story, check_any_order


def budget(**spec):
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {"selector": {"matchLabels": {"app": "web"}}, **spec},
    }


async def made(world, replicas=4, **spec):
    await world.create(DEPLOYMENT, builders.deployment(replicas=replicas))
    await world.create(POD_DISRUPTION_BUDGET, budget(**spec))
    await world.converge()


async def numbers(world):
    status = (await world.get(POD_DISRUPTION_BUDGET, "web"))["status"]
    return tuple(
        status[name] for name in ("expectedPods", "desiredHealthy", "currentHealthy", "disruptionsAllowed")
    )


async def allowed(world):
    (condition,) = (await world.get(POD_DISRUPTION_BUDGET, "web"))["status"]["conditions"]
    return condition["type"], condition["status"], condition["reason"]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        pytest.param({"minAvailable": 3}, (4, 3, 4, 1), id="number"),
        pytest.param({"minAvailable": "30%"}, (4, 2, 4, 2), id="percent-rounds-up"),
        pytest.param({"minAvailable": "100%"}, (4, 4, 4, 0), id="all"),
        pytest.param({"maxUnavailable": 1}, (4, 3, 4, 1), id="unavailable"),
        pytest.param({"maxUnavailable": "30%"}, (4, 2, 4, 2), id="unavailable-rounds-up"),
    ],
)
async def test_a_budget_tells_how_many_pods_may_go(world, spec, expected):
    await made(world, **spec)

    assert await numbers(world) == expected


async def test_pods_that_are_not_ready_or_end_are_not_healthy(world):
    await made(world, minAvailable=2)
    first, second, *_ = [pod["metadata"]["name"] for pod in await world.pods()]
    await world.edit(POD, first, {"status": {"conditions": []}}, subresource="status")
    await world.settle()
    assert await numbers(world) == (4, 2, 3, 1)
    assert await allowed(world) == ("DisruptionAllowed", "True", "SufficientPods")

    await world.client.delete(POD, "default", second)
    await world.settle()
    assert (await numbers(world))[2:] == (2, 0)
    assert await allowed(world) == ("DisruptionAllowed", "False", "InsufficientPods")


async def test_a_budget_follows_the_number_of_its_deployment(world):
    await made(world, maxUnavailable=1)
    await world.edit(DEPLOYMENT, "web", {"spec": {"replicas": 6}})
    await world.converge()

    assert await numbers(world) == (6, 5, 6, 1)


@pytest.mark.parametrize(
    ("kind", "owner"), [(DAEMON_SET, builders.daemon_set()), (JOB, builders.job())], ids=["daemon-set", "job"]
)
@pytest.mark.parametrize("spec", [{"maxUnavailable": 1}, {"minAvailable": "50%"}], ids=str)
async def test_pods_of_workloads_without_a_number_cannot_be_counted(world, kind, owner, spec):
    await world.create(kind, owner)
    await world.create(POD_DISRUPTION_BUDGET, budget(**spec, selector={}))
    await world.converge()

    problem = f"{kind.key} does not implement the scale subresource"
    told = ("CalculateExpectedPodCountFailed", f"Failed to calculate the number of expected pods: {problem}")
    (condition,) = (await world.get(POD_DISRUPTION_BUDGET, "web"))["status"]["conditions"]
    assert await allowed(world) == ("DisruptionAllowed", "False", "SyncFailed")
    assert condition["message"] == problem
    assert (await numbers(world))[3] == 0
    assert (await world.events()).count(told) == 1


async def test_pods_of_workloads_without_a_number_are_counted_as_they_are_for_a_number(world):
    await world.create(DAEMON_SET, builders.daemon_set())
    await world.create(POD_DISRUPTION_BUDGET, budget(minAvailable=1, selector={}))
    await world.converge()

    assert (await numbers(world))[:2] == (1, 1)


async def test_a_budget_without_pods_says_so(world):
    await world.create(POD_DISRUPTION_BUDGET, budget(minAvailable=1))
    await world.settle()

    assert await numbers(world) == (0, 1, 0, 0)
    assert await world.events() == [("NoPods", "No matching pods found")]


@pytest.mark.parametrize(("selector", "expected"), [({}, (4, 1, 4, 3)), (None, (0, 1, 0, 0))], ids=str)
async def test_an_empty_selector_means_all_pods_and_none_means_none(world, selector, expected):
    await made(world, minAvailable=1, selector=selector)

    assert await numbers(world) == expected


async def scale(world, replicas):
    await world.edit(DEPLOYMENT, "web", {"spec": {"replicas": replicas}})


async def ask(world, **spec):
    patch = {"spec": {"minAvailable": None, "maxUnavailable": None, **spec}}
    await world.edit(POD_DISRUPTION_BUDGET, "web", patch)


async def kill_one(world):
    for pod in (await world.pods())[:1]:
        await world.client.delete(POD, "default", pod["metadata"]["name"])


async def relabel_one(world):
    for pod in (await world.pods())[:1]:
        await world.edit(POD, pod["metadata"]["name"], {"metadata": {"labels": {"app": "other"}}})


async def wish(world):
    await scale(world, 3)
    await ask(world, maxUnavailable="50%")


async def sight(world):
    return await numbers(world), await allowed(world)


@pytest.mark.parametrize("seed", range(3))
async def test_any_order_of_events_ends_in_the_same_place(seed):
    story = Story(
        begin=lambda world: made(world, minAvailable=1),
        cases={
            "grow": lambda world: scale(world, 6),
            "shrink": lambda world: scale(world, 1),
            "ask for a number": lambda world: ask(world, minAvailable=2),
            "ask for a percentage": lambda world: ask(world, minAvailable="70%"),
            "a pod is deleted": kill_one,
            "a pod is taken out": relabel_one,
            "agents act": lambda world: world.run_agents(),
            "agents act, nothing is ready": lambda world: world.run_agents(ready=False),
        },
        wish=wish,
        sight=sight,
    )
    await check_any_order(story, seed=seed)
