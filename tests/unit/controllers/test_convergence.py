"""Where controllers end does not depend on the order in which things happened."""

from __future__ import annotations

import asyncio
import random

from hypothesis import given, settings
from hypothesis import strategies as st

from netemu.api.kinds import DEPLOYMENT, ENDPOINT_SLICE, POD, REPLICA_SET, SERVICE, STATEFUL_SET
from netemu.testing import builders

SERVICE_OF_WEB = builders.service(selector={"app": "web"})


def scale(world, kind, name, replicas):
    return world.edit(kind, name, {"spec": {"replicas": replicas}})


def image(world, image):
    containers = [{"name": "c", "image": image}]
    return world.edit(DEPLOYMENT, "web", {"spec": {"template": {"spec": {"containers": containers}}}})


async def kill_one(world):
    for pod in (await world.pods())[:1]:
        await world.client.delete(POD, "default", pod["metadata"]["name"])


async def fail_one(world):
    for pod in (await world.pods())[:1]:
        await world.edit(POD, pod["metadata"]["name"], {"status": {"phase": "Failed"}}, subresource="status")


async def reselect(world):
    await world.edit(SERVICE, "web", {"spec": {"selector": {"app": "kafka"}}})


CASES = {
    "scale up": lambda world: scale(world, DEPLOYMENT, "web", 5),
    "scale down": lambda world: scale(world, DEPLOYMENT, "web", 1),
    "other image": lambda world: image(world, "httpd"),
    "third image": lambda world: image(world, "echo"),
    "kill a pod": kill_one,
    "fail a pod": fail_one,
    "grow the set": lambda world: scale(world, STATEFUL_SET, "kafka", 3),
    "select others": reselect,
    "let some agents act": lambda world: world.run_agents(),
}


async def final_state(world):
    """Put everything where one wish leaves it, and tell what is there, without names by chance."""
    await scale(world, DEPLOYMENT, "web", 3)
    await image(world, "nginx")
    await scale(world, STATEFUL_SET, "kafka", 2)
    await world.edit(SERVICE, "web", {"spec": {"selector": {"app": "web"}}})
    await world.converge()
    active = [
        pod
        for pod in await world.pods()
        if pod["status"]["phase"] == "Running" and pod["metadata"].get("ownerReferences")
    ]
    images = sorted((p["metadata"]["labels"]["app"], p["spec"]["containers"][0]["image"]) for p in active)
    sizes = sorted(rs["spec"]["replicas"] for rs in await world.list(REPLICA_SET) if rs["spec"]["replicas"])
    endpoints = {
        endpoint["addresses"][0] for s in await world.list(ENDPOINT_SLICE) for endpoint in s["endpoints"]
    }
    web = {p["status"]["podIP"] for p in active if p["metadata"]["labels"]["app"] == "web"}
    return images, sizes, endpoints == web


EXPECTED = ([("kafka", "nginx")] * 2 + [("web", "nginx")] * 3, [3], True)


@settings(max_examples=25, deadline=None)
@given(cases=st.lists(st.sampled_from(sorted(CASES)), max_size=12), seed=st.integers(0, 999))
def test_any_history_ends_in_the_same_place(new_world, cases, seed):
    async def run():
        world = await new_world(seed=seed).start()
        await world.create(DEPLOYMENT, builders.deployment(replicas=2))
        await world.create(STATEFUL_SET, builders.stateful_set("kafka", replicas=1))
        await world.create(SERVICE, SERVICE_OF_WEB)
        for case in cases:
            await CASES[case](world)
            for _ in range(world.rng.randrange(8)):
                await world.step()
        assert await final_state(world) == EXPECTED

    asyncio.run(run())


def test_one_long_life_through_all_cases_in_random_order_ends_there_too(new_world):
    async def run():
        world = await new_world(seed=7).start()
        await world.create(DEPLOYMENT, builders.deployment(replicas=2))
        await world.create(STATEFUL_SET, builders.stateful_set("kafka", replicas=1))
        await world.create(SERVICE, SERVICE_OF_WEB)
        order = random.Random(7)
        for _ in range(5):
            for case in order.sample(sorted(CASES), len(CASES)):
                await CASES[case](world)
                await world.settle()
            assert await final_state(world) == EXPECTED

    asyncio.run(run())
