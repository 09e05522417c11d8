"""Updates of StatefulSets and DaemonSets stay within their bounds at every step, whatever agents do when."""

from __future__ import annotations

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from netemu.api.kinds import DAEMON_SET, NODE, POD, STATEFUL_SET
from netemu.testing import builders

STRIDES = st.lists(st.integers(0, 5), max_size=10)
SEEDS = st.integers(0, 999)
NODES = 4


async def set_image(world, kind, name):
    containers = [{"name": "c", "image": "httpd"}]
    await world.edit(kind, name, {"spec": {"template": {"spec": {"containers": containers}}}})


def is_ready(pod):
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


async def play(world, strides, check):
    """Let controllers and agents act in turns, some agents at a time, and check after each step."""
    for stride in strides:
        for _ in range(stride):
            await world.step()
            await check(world)
        pods = list(await world.list(POD))
        world.rng.shuffle(pods)
        for pod in pods[: max(1, stride)]:
            await world.run_pod(pod)
    await world.converge()
    await check(world)
    images = {pod["spec"]["containers"][0]["image"] for pod in await world.pods()}
    assert images == {"httpd"}


@settings(max_examples=10)
@given(unavailable=st.integers(1, 3), strides=STRIDES, seed=SEEDS)
def test_pods_in_order_are_updated_from_the_last_and_come_back_from_the_first(
    new_world, unavailable, strides, seed
):
    async def check(world):
        ready = [pod for pod in await world.pods() if is_ready(pod)]
        assert len(ready) >= 4 - unavailable
        new = [pod for pod in await world.pods() if pod["spec"]["containers"][0]["image"] == "httpd"]
        unready = [pod for pod in await world.pods() if not is_ready(pod)]
        assert len(unready) <= 1  # the next one waits until it is ready
        ordinals = sorted(int(pod["metadata"]["name"].rpartition("-")[2]) for pod in new)
        assert not ordinals or ordinals[0] >= 4 - len(ordinals) - unavailable

    async def run():
        world = await new_world(seed=seed).start()
        update = {"rollingUpdate": {"maxUnavailable": unavailable}}
        await world.create(STATEFUL_SET, builders.stateful_set("db", replicas=4, updateStrategy=update))
        await world.converge()
        await set_image(world, STATEFUL_SET, "db")
        await play(world, strides, check)

    asyncio.run(run())


@settings(max_examples=10)
@given(unavailable=st.integers(1, 3), strides=STRIDES, seed=SEEDS)
def test_parallel_pods_are_updated_within_what_may_be_unavailable(new_world, unavailable, strides, seed):
    async def check(world):
        assert sum(map(is_ready, await world.pods())) >= 4 - unavailable

    async def run():
        world = await new_world(seed=seed).start()
        update = {"rollingUpdate": {"maxUnavailable": unavailable}}
        spec = {"replicas": 4, "updateStrategy": update, "podManagementPolicy": "Parallel"}
        await world.create(STATEFUL_SET, builders.stateful_set("db", **spec))
        await world.converge()
        await set_image(world, STATEFUL_SET, "db")
        await play(world, strides, check)

    asyncio.run(run())


async def on_nodes(world, **amounts):
    for number in range(2, NODES + 1):
        await world.create(NODE, builders.node(f"node-{number}"))
    update = {"type": "RollingUpdate", "rollingUpdate": amounts}
    await world.create(DAEMON_SET, builders.daemon_set(updateStrategy=update))
    await world.converge()
    await set_image(world, DAEMON_SET, "agent")


async def served(world):
    """Name the nodes with a pod that is ready and stays."""
    return {pod["spec"]["nodeName"] for pod in await world.pods() if is_ready(pod)}


@settings(max_examples=10)
@given(unavailable=st.integers(1, 3), strides=STRIDES, seed=SEEDS)
def test_daemons_are_updated_within_what_may_be_unavailable(new_world, unavailable, strides, seed):
    async def check(world):
        assert len(await served(world)) >= NODES - unavailable
        assert len(await world.pods()) <= NODES

    async def run():
        world = await new_world(seed=seed).start()
        await on_nodes(world, maxUnavailable=unavailable, maxSurge=0)
        await play(world, strides, check)

    asyncio.run(run())


@settings(max_examples=10)
@given(surge=st.integers(1, 3), strides=STRIDES, seed=SEEDS)
def test_daemons_that_surge_are_never_missed(new_world, surge, strides, seed):
    async def check(world):
        assert len(await served(world)) == NODES
        assert len(await world.pods()) <= NODES + surge

    async def run():
        world = await new_world(seed=seed).start()
        await on_nodes(world, maxUnavailable=0, maxSurge=surge)
        await play(world, strides, check)

    asyncio.run(run())
