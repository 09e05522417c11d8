"""StatefulSet: pods with names that stay, in order."""

from __future__ import annotations

import pytest

from netemu.api.kinds import POD, STATEFUL_SET
from netemu.controllers.statefulsets import RECONCILER
from netemu.testing import builders


async def made(world, **spec):
    obj = await world.create(STATEFUL_SET, builders.stateful_set("kafka", **spec))
    await world.converge()
    return obj


async def set_image(world, image):
    containers = [{"name": "c", "image": image}]
    return await world.edit(
        STATEFUL_SET, "kafka", {"spec": {"template": {"spec": {"containers": containers}}}}
    )


async def images(world):
    pods = {pod["metadata"]["name"]: pod for pod in await world.pods()}
    return {name: pod["spec"]["containers"][0]["image"] for name, pod in sorted(pods.items())}


async def test_each_pod_has_the_identity_that_dns_publishes(world):
    await made(world, replicas=2)

    pod = await world.get(POD, "kafka-1")
    assert pod["spec"]["hostname"] == "kafka-1"
    assert pod["spec"]["subdomain"] == "kafka"
    labels = pod["metadata"]["labels"]
    assert labels["statefulset.kubernetes.io/pod-name"] == "kafka-1"
    assert labels["apps.kubernetes.io/pod-index"] == "1"


async def test_the_next_pod_waits_until_the_one_before_is_ready(world):
    await world.create(STATEFUL_SET, builders.stateful_set("kafka", replicas=3))
    await world.settle()
    assert await world.names(POD) == ["kafka-0"]

    await world.run_agents(ready=False)
    await world.settle()
    assert await world.names(POD) == ["kafka-0"]

    status = builders.running_status("10.244.0.9")
    await world.edit(POD, "kafka-0", {"status": status}, subresource="status")
    await world.settle()
    assert await world.names(POD) == ["kafka-0", "kafka-1"]


async def test_parallel_pods_are_created_at_once(world):
    await world.create(
        STATEFUL_SET, builders.stateful_set("kafka", replicas=3, podManagementPolicy="Parallel")
    )
    await world.settle()

    assert await world.names(POD) == ["kafka-0", "kafka-1", "kafka-2"]


async def test_scaling_down_takes_the_last_pod_first_and_one_at_a_time(world):
    await made(world, replicas=3)

    await world.edit(STATEFUL_SET, "kafka", {"spec": {"replicas": 1}})
    await world.settle()

    assert [pod["metadata"]["name"] for pod in await world.pods()] == ["kafka-0", "kafka-1"]
    await world.converge()
    assert await world.names(POD) == ["kafka-0"]


async def test_a_deleted_pod_comes_back_under_its_name_when_it_is_gone(world):
    await made(world, replicas=2)
    old = await world.get(POD, "kafka-0")

    await world.client.delete(POD, "default", "kafka-0")
    await world.settle()
    assert len(await world.names(POD)) == 2  # still terminating, the name is taken
    await world.converge()

    assert (await world.get(POD, "kafka-0"))["metadata"]["uid"] != old["metadata"]["uid"]


@pytest.mark.parametrize("phase", ["Failed", "Succeeded"])
async def test_a_pod_that_is_over_is_replaced(world, phase):
    await made(world, replicas=1)
    await world.edit(POD, "kafka-0", {"status": {"phase": phase}}, subresource="status")
    await world.converge()

    assert (await world.get(POD, "kafka-0"))["status"]["phase"] == "Running"


async def test_an_update_replaces_pods_from_the_last_to_the_first(world):
    await made(world, replicas=3)
    await set_image(world, "httpd")
    await world.settle()

    assert list(await images(world)) == ["kafka-0", "kafka-1"]  # kafka-2 terminates
    await world.run_agents()
    await world.settle()
    assert await images(world) == {"kafka-0": "nginx", "kafka-1": "nginx", "kafka-2": "httpd"}
    await world.converge()
    assert set((await images(world)).values()) == {"httpd"}


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        pytest.param({"type": "OnDelete"}, ["nginx", "nginx", "nginx"], id="on-delete"),
        pytest.param({"rollingUpdate": {"partition": 2}}, ["nginx", "nginx", "httpd"], id="partition"),
    ],
)
async def test_an_update_goes_only_as_far_as_the_strategy_says(world, strategy, expected):
    await made(world, replicas=3, updateStrategy=strategy)
    await set_image(world, "httpd")
    await world.converge()

    assert list((await images(world)).values()) == expected


async def test_the_status_says_when_an_update_is_over(world):
    await made(world, replicas=2)
    await set_image(world, "httpd")
    await world.settle()
    status = (await world.get(STATEFUL_SET, "kafka"))["status"]
    assert status["currentRevision"] != status["updateRevision"]

    await world.converge()
    status = (await world.get(STATEFUL_SET, "kafka"))["status"]
    assert status["currentRevision"] == status["updateRevision"]
    assert status["updatedReplicas"] == status["readyReplicas"] == status["replicas"] == 2


async def test_planning_after_all_is_done_yields_nothing(world):
    await made(world, replicas=2)
    await world.observe()

    assert world.plan(RECONCILER, "default", "kafka") == []
