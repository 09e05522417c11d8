"""Where controllers end does not depend on the order in which things happened."""

from __future__ import annotations

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from netemu.api.kinds import DEPLOYMENT, ENDPOINT_SLICE, POD, REPLICA_SET, SERVICE, STATEFUL_SET
from netemu.testing import builders
from netemu.testing.convergence import Story, check_any_order, tell

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


async def begin(world):
    await world.create(DEPLOYMENT, builders.deployment(replicas=2))
    await world.create(STATEFUL_SET, builders.stateful_set("kafka", replicas=1))
    await world.create(SERVICE, SERVICE_OF_WEB)


async def wish(world):
    await scale(world, DEPLOYMENT, "web", 3)
    await image(world, "nginx")
    await scale(world, STATEFUL_SET, "kafka", 2)
    await world.edit(SERVICE, "web", {"spec": {"selector": {"app": "web"}}})


async def sight(world):
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


STORY = Story(begin=begin, cases=CASES, wish=wish, sight=sight)
EXPECTED = ([("kafka", "nginx")] * 2 + [("web", "nginx")] * 3, [3], True)


@settings(max_examples=25)
@given(cases=st.lists(st.sampled_from(sorted(CASES)), max_size=12), seed=st.integers(0, 999))
def test_any_history_ends_in_the_same_place(cases, seed):
    assert asyncio.run(tell(STORY, cases, seed=seed)) == EXPECTED


async def test_one_long_life_through_all_cases_in_random_order_ends_there_too():
    await check_any_order(STORY, rounds=5, seed=7)
