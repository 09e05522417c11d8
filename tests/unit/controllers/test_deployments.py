"""Deployment: one template takes over from another without losing availability."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netemu.api.kinds import DEPLOYMENT, POD, REPLICA_SET
from netemu.controllers.deployments import REVISION
from netemu.testing import builders


async def made(world, **spec):
    obj = await world.create(DEPLOYMENT, builders.deployment(**spec))
    await world.converge()
    return obj


async def set_image(world, image):
    container = {"name": "c", "image": image}
    template = {"spec": {"template": {"spec": {"containers": [container]}}}}
    return await world.edit(DEPLOYMENT, "web", template)


async def images(world):
    return sorted(pod["spec"]["containers"][0]["image"] for pod in await world.pods())


def condition(obj, type):
    return next(c for c in obj["status"]["conditions"] if c["type"] == type)


async def test_a_deployment_makes_one_replica_set_named_after_its_template(world):
    await made(world, replicas=3)

    (replica_set,) = await world.list(REPLICA_SET)
    template_hash = replica_set["metadata"]["labels"]["pod-template-hash"]
    assert replica_set["metadata"]["name"] == f"web-{template_hash}"
    assert replica_set["spec"]["selector"]["matchLabels"]["pod-template-hash"] == template_hash
    assert replica_set["metadata"]["annotations"][REVISION] == "1"
    assert all(pod["metadata"]["name"].startswith(f"web-{template_hash}-") for pod in await world.pods())


async def test_a_complete_deployment_says_what_kubectl_wait_and_rollout_read(world):
    await made(world, replicas=3)

    obj = await world.get(DEPLOYMENT, "web")
    status = obj["status"]
    assert obj["metadata"]["annotations"][REVISION] == "1"
    assert status["observedGeneration"] == obj["metadata"]["generation"]
    assert status["replicas"] == status["updatedReplicas"] == status["availableReplicas"] == 3
    assert "unavailableReplicas" not in status
    assert condition(obj, "Available")["status"] == "True"
    assert condition(obj, "Progressing")["reason"] == "NewReplicaSetAvailable"


async def test_a_new_template_replaces_all_pods_and_keeps_the_old_replica_set(world):
    await made(world, replicas=3)

    await set_image(world, "httpd")
    await world.converge()

    assert await images(world) == ["httpd"] * 3
    sizes = {
        rs["metadata"]["annotations"][REVISION]: rs["spec"]["replicas"]
        for rs in await world.list(REPLICA_SET)
    }
    assert sizes == {"1": 0, "2": 3}


async def test_going_back_uses_the_old_replica_set_with_a_new_revision(world):
    await made(world, replicas=2)
    await set_image(world, "httpd")
    await world.converge()

    await set_image(world, "nginx")
    await world.converge()

    sizes = {
        rs["metadata"]["annotations"][REVISION]: rs["spec"]["replicas"]
        for rs in await world.list(REPLICA_SET)
    }
    assert sizes == {"2": 0, "3": 2}
    assert (await world.get(DEPLOYMENT, "web"))["metadata"]["annotations"][REVISION] == "3"


async def test_recreate_waits_until_the_last_old_pod_is_gone(world):
    await made(world, replicas=2, strategy={"type": "Recreate"})
    await set_image(world, "httpd")
    await world.settle()

    assert await images(world) == []
    assert len(await world.list(POD)) == 2  # terminating
    await world.converge()
    assert await images(world) == ["httpd"] * 2


async def test_old_replica_sets_beyond_the_history_limit_are_deleted(world):
    await made(world, replicas=1, revisionHistoryLimit=1)

    for image in ("httpd", "echo", "whoami"):
        await set_image(world, image)
        await world.converge()

    revisions = [rs["metadata"]["annotations"][REVISION] for rs in await world.list(REPLICA_SET)]
    assert sorted(revisions) == ["3", "4"]


async def test_a_paused_deployment_scales_but_does_not_roll_out(world):
    await made(world, replicas=2)
    await world.edit(DEPLOYMENT, "web", {"spec": {"paused": True}})
    await set_image(world, "httpd")
    await world.edit(DEPLOYMENT, "web", {"spec": {"replicas": 4}})
    await world.converge()

    assert await images(world) == ["nginx"] * 4

    await world.edit(DEPLOYMENT, "web", {"spec": {"paused": False}})
    await world.converge()
    assert await images(world) == ["httpd"] * 4


async def test_a_rollout_that_stands_still_exceeds_its_deadline(world):
    await world.create(DEPLOYMENT, builders.deployment(replicas=1, progressDeadlineSeconds=60))
    await world.settle()
    await world.run_agents(ready=False)
    await world.settle()
    assert condition(await world.get(DEPLOYMENT, "web"), "Progressing")["status"] == "True"

    world.now_s += 61
    await world.edit(DEPLOYMENT, "web", {"metadata": {"annotations": {"look": "again"}}})
    await world.settle()

    progressing = condition(await world.get(DEPLOYMENT, "web"), "Progressing")
    assert (progressing["status"], progressing["reason"]) == ("False", "ProgressDeadlineExceeded")
    assert condition(await world.get(DEPLOYMENT, "web"), "Available")["status"] == "False"


async def test_a_second_rollout_is_not_late_because_the_first_was_long_ago(world):
    await made(world, replicas=1)
    world.now_s += 10_000

    await set_image(world, "httpd")
    await world.settle()

    assert condition(await world.get(DEPLOYMENT, "web"), "Progressing")["status"] == "True"


async def test_events_say_how_far_the_replica_set_was_scaled(world):
    await made(world, replicas=3)

    (name,) = await world.names(REPLICA_SET)
    assert ("ScalingReplicaSet", f"Scaled up replica set {name} from 0 to 3") in await world.events()


async def assert_within(world, *, most, least):
    pods = await world.pods()
    ready = [pod for pod in pods if (pod.get("status") or {}).get("podIP")]
    assert len(pods) <= most
    assert len(ready) >= least


async def roll(world, replicas, surge, unavailable, strides):
    """Roll out a new template while agents act at random moments, and check each of them."""
    bounds = {"maxSurge": surge, "maxUnavailable": unavailable}
    await made(world, replicas=replicas, strategy={"type": "RollingUpdate", "rollingUpdate": bounds})
    await set_image(world, "httpd")
    for stride in strides:
        for _ in range(stride):
            await world.step()
            await assert_within(world, most=replicas + surge, least=replicas - unavailable)
        pods = await world.list(POD)
        world.rng.shuffle(pods)
        for pod in pods[: max(1, stride)]:
            await world.run_pod(pod)
    await world.converge()


@settings(max_examples=25)
@given(
    replicas=st.integers(1, 6),
    surge=st.integers(0, 3),
    unavailable=st.integers(0, 3),
    strides=st.lists(st.integers(0, 6), max_size=12),
    seed=st.integers(0, 999),
)
def test_a_rollout_stays_within_its_bounds_at_every_step(
    new_world, replicas, surge, unavailable, strides, seed
):
    async def run():
        world = await new_world(seed=seed).start()
        unavailable_now = max(unavailable, int(surge == 0))
        await roll(world, replicas, surge, min(unavailable_now, replicas), strides)
        assert await images(world) == ["httpd"] * replicas

    asyncio.run(run())


@pytest.mark.parametrize(
    ("surge", "unavailable"), [("25%", "25%"), (1, 0), (0, 1), ("100%", 0), (0, "100%")], ids=str
)
async def test_every_kind_of_bound_rolls_out(world, surge, unavailable):
    update = {"maxSurge": surge, "maxUnavailable": unavailable}
    await made(world, replicas=4, strategy={"type": "RollingUpdate", "rollingUpdate": update})

    await set_image(world, "httpd")
    await world.converge()

    assert await images(world) == ["httpd"] * 4
