"""StatefulSet: revisions, partitions, claims, and updates that break."""

from __future__ import annotations

import pytest

from netemu.api.kinds import CONTROLLER_REVISION, PERSISTENT_VOLUME_CLAIM, POD, STATEFUL_SET
from netemu.testing import builders
from netemu.testing.convergence import Story, check_any_order

PARALLEL = {"podManagementPolicy": "Parallel"}
CLAIM = {
    "metadata": {"name": "data"},
    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
}


async def made(world, **spec):
    obj = await world.create(STATEFUL_SET, builders.stateful_set("db", **spec))
    await world.converge()
    return obj


async def change(world, **spec):
    await world.edit(STATEFUL_SET, "db", {"spec": spec})


async def set_image(world, image):
    await change(world, template={"spec": {"containers": [{"name": "c", "image": image}]}})


async def images(world):
    pods = {pod["metadata"]["name"]: pod for pod in await world.pods()}
    return {name: pod["spec"]["containers"][0]["image"] for name, pod in sorted(pods.items())}


async def status(world):
    return (await world.get(STATEFUL_SET, "db"))["status"]


async def mark(world, name, *, ready):
    pod = builders.running_status("10.244.7.7", ready=ready)
    await world.edit(POD, name, {"status": pod}, subresource="status")


async def test_each_template_has_a_revision_and_pods_say_which_is_theirs(world):
    await made(world, replicas=1)
    await set_image(world, "httpd")
    await world.converge()

    old, new = sorted(await world.list(CONTROLLER_REVISION), key=lambda each: each["revision"])
    assert (old["revision"], new["revision"]) == (1, 2)
    assert new["data"]["spec"]["template"]["$patch"] == "replace"
    assert new["metadata"]["labels"]["app"] == "db"
    assert new["metadata"]["ownerReferences"][0]["name"] == "db"
    pod = await world.get(POD, "db-0")
    assert pod["metadata"]["labels"]["controller-revision-hash"] == new["metadata"]["name"]
    assert (await status(world))["updateRevision"] == new["metadata"]["name"]


async def test_going_back_makes_the_old_revision_the_newest(world):
    await made(world, replicas=1)
    (first,) = await world.names(CONTROLLER_REVISION)
    for image in ("httpd", "nginx"):
        await set_image(world, image)
        await world.converge()

    revisions = {each["metadata"]["name"]: each["revision"] for each in await world.list(CONTROLLER_REVISION)}
    assert revisions[first] == 3
    assert len(revisions) == 2
    assert (await status(world))["currentRevision"] == first


async def test_old_revisions_beyond_the_limit_are_forgotten(world):
    await made(world, replicas=1, revisionHistoryLimit=1)
    for image in ("a", "b", "c"):
        await set_image(world, image)
        await world.converge()

    assert sorted(each["revision"] for each in await world.list(CONTROLLER_REVISION)) == [3, 4]


async def test_the_name_of_a_revision_that_is_taken_is_counted_and_another_used(world):
    await made(world, replicas=1)
    (taken,) = await world.list(CONTROLLER_REVISION)
    await world.client.delete(STATEFUL_SET, "default", "db", propagation="Background")
    await world.converge()
    meta = {"name": taken["metadata"]["name"], "namespace": "default"}
    other = {**taken, "metadata": meta, "data": {"spec": {}}}
    await world.create(CONTROLLER_REVISION, other)
    await made(world, replicas=1)

    assert (await status(world))["collisionCount"] == 1
    assert len(await world.list(CONTROLLER_REVISION)) == 2


async def test_a_pod_below_the_partition_comes_back_as_it_was(world):
    await made(world, replicas=3, updateStrategy={"rollingUpdate": {"partition": 2}})
    await set_image(world, "httpd")
    await world.converge()
    assert await images(world) == {"db-0": "nginx", "db-1": "nginx", "db-2": "httpd"}

    await world.client.delete(POD, "default", "db-0")
    await world.converge()

    assert (await images(world))["db-0"] == "nginx"
    now = await status(world)
    assert (now["currentReplicas"], now["updatedReplicas"]) == (2, 1)
    assert now["currentRevision"] != now["updateRevision"]


async def test_numbers_start_where_they_are_told_to(world):
    await made(world, replicas=2, ordinals={"start": 5})
    assert await world.names(POD) == ["db-5", "db-6"]

    await change(world, ordinals={"start": 0})
    await world.converge()
    assert await world.names(POD) == ["db-0", "db-1"]


async def test_parallel_pods_are_updated_as_many_at_once_as_may_be_unavailable(world):
    await made(world, replicas=4, **PARALLEL, updateStrategy={"rollingUpdate": {"maxUnavailable": 2}})
    await set_image(world, "httpd")
    await world.settle()

    assert list(await images(world)) == ["db-0", "db-1"]
    await world.converge()
    assert set((await images(world)).values()) == {"httpd"}


async def test_an_update_that_breaks_stops_and_waits_for_its_pod_to_be_deleted_after_a_rollback(world):
    await made(world, replicas=2)
    await set_image(world, "broken")
    await world.settle()
    await world.run_agents(ready=False)
    await world.settle()
    await world.run_agents(ready=False)
    assert await images(world) == {"db-0": "nginx", "db-1": "broken"}

    await set_image(world, "nginx")
    await world.settle()
    assert await images(world) == {"db-0": "nginx", "db-1": "broken"}

    await world.client.delete(POD, "default", "db-1")
    await world.converge()
    assert await images(world) == {"db-0": "nginx", "db-1": "nginx"}


async def test_a_parallel_update_that_breaks_is_rolled_back_at_once(world):
    await made(world, replicas=3, **PARALLEL)
    await set_image(world, "broken")
    for _ in range(2):
        await world.settle()
        await world.run_agents(ready=False)
    assert await images(world) == {"db-0": "nginx", "db-1": "nginx", "db-2": "broken"}

    await set_image(world, "nginx")
    await world.converge()

    assert set((await images(world)).values()) == {"nginx"}


async def test_a_pod_counts_when_it_was_ready_for_long_enough(world):
    await world.create(STATEFUL_SET, builders.stateful_set("db", replicas=2, minReadySeconds=30))
    await world.settle()
    (pod,) = await world.list(POD)
    await world.bind(pod, "node-1")
    ready = builders.running_status("10.244.0.2")
    ready["conditions"][0]["lastTransitionTime"] = "2023-11-14T22:13:20Z"  # now
    await world.edit(POD, "db-0", {"status": ready}, subresource="status")
    await world.wait(29)
    assert await world.names(POD) == ["db-0"]

    await world.wait(2)
    assert await world.names(POD) == ["db-0", "db-1"]


async def test_what_there_is_counts_while_more_is_refused(world):
    room = iter(range(2))
    world.client.refuse = lambda kind, _obj: (
        "exceeded quota: two" * (kind is POD and next(room, None) is None)
    )
    await made(world, replicas=3)

    assert (await status(world))["readyReplicas"] == 2
    message = "create Pod db-2 in StatefulSet db failed error: exceeded quota: two"
    assert ("FailedCreate", message) in await world.events()


async def test_scaling_down_waits_while_another_pod_is_not_well(world):
    await made(world, replicas=3)
    await mark(world, "db-0", ready=False)
    await change(world, replicas=1)
    await world.settle()
    assert len(await world.pods()) == 3

    await mark(world, "db-0", ready=True)
    await world.converge()
    assert await world.names(POD) == ["db-0"]


async def test_events_are_worded_as_those_of_stateful_sets(world):
    await made(world, replicas=1)
    await change(world, replicas=0)
    await world.converge()

    events = await world.events()
    assert ("SuccessfulCreate", "create Pod db-0 in StatefulSet db successful") in events
    assert ("SuccessfulDelete", "delete Pod db-0 in StatefulSet db successful") in events


async def test_each_pod_has_its_own_claims_that_outlive_it(world):
    await made(world, replicas=2, volumeClaimTemplates=[CLAIM])

    assert await world.names(PERSISTENT_VOLUME_CLAIM) == ["data-db-0", "data-db-1"]
    claim = await world.get(PERSISTENT_VOLUME_CLAIM, "data-db-0")
    assert claim["metadata"]["labels"] == {"app": "db"}
    volumes = (await world.get(POD, "db-1"))["spec"]["volumes"]
    assert volumes[0] == {"name": "data", "persistentVolumeClaim": {"claimName": "data-db-1"}}

    await change(world, replicas=0)
    await world.converge()
    assert await world.names(PERSISTENT_VOLUME_CLAIM) == ["data-db-0", "data-db-1"]


async def test_claims_go_with_pods_that_are_scaled_away_if_so_wished(world):
    policy = {"whenScaled": "Delete", "whenDeleted": "Retain"}
    await made(world, replicas=2, volumeClaimTemplates=[CLAIM], persistentVolumeClaimRetentionPolicy=policy)
    await change(world, replicas=1)
    await world.converge()
    assert await world.names(PERSISTENT_VOLUME_CLAIM) == ["data-db-0"]

    await world.client.delete(POD, "default", "db-0")
    await world.converge()
    assert await world.names(PERSISTENT_VOLUME_CLAIM) == ["data-db-0"]

    await world.client.delete(STATEFUL_SET, "default", "db", propagation="Background")
    await world.converge()
    assert await world.names(PERSISTENT_VOLUME_CLAIM) == ["data-db-0"]


async def test_claims_go_with_their_stateful_set_if_so_wished(world):
    policy = {"whenDeleted": "Delete"}
    await made(world, replicas=1, volumeClaimTemplates=[CLAIM], persistentVolumeClaimRetentionPolicy=policy)
    await world.client.delete(STATEFUL_SET, "default", "db", propagation="Background")
    await world.converge()

    assert await world.names(PERSISTENT_VOLUME_CLAIM) == []


@pytest.mark.parametrize("policy", ["OrderedReady", "Parallel"])
@pytest.mark.parametrize("seed", range(2))
async def test_any_order_of_events_ends_in_the_same_place(policy, seed):
    story = Story(
        begin=lambda world: world.create(
            STATEFUL_SET, builders.stateful_set("db", replicas=2, podManagementPolicy=policy)
        ),
        cases={
            "grow": lambda world: change(world, replicas=5),
            "shrink": lambda world: change(world, replicas=1),
            "other image": lambda world: set_image(world, "httpd"),
            "third image": lambda world: set_image(world, "echo"),
            "start at another number": lambda world: change(world, ordinals={"start": 2}),
            "hold some back": lambda world: update(world, {"rollingUpdate": {"partition": 1}}),
            "only when deleted": lambda world: update(world, {"type": "OnDelete", "rollingUpdate": None}),
            "many at once": lambda world: update(world, {"rollingUpdate": {"maxUnavailable": "60%"}}),
            "a pod fails": fail_one,
            "a pod is deleted": kill_one,
            "the revisions are deleted": forget_history,
            "refuse": refuse,
            "agents act": lambda world: world.run_agents(),
            "agents act, nothing is ready": lambda world: world.run_agents(ready=False),
        },
        wish=wish,
        sight=sight,
    )
    await check_any_order(story, seed=seed)


async def update(world, strategy):
    await change(world, updateStrategy={"type": "RollingUpdate", **strategy})


async def fail_one(world):
    for pod in (await world.pods())[:1]:
        await world.edit(POD, pod["metadata"]["name"], {"status": {"phase": "Failed"}}, subresource="status")


async def kill_one(world):
    for pod in (await world.pods())[:1]:
        await world.client.delete(POD, "default", pod["metadata"]["name"])


async def forget_history(world):
    for name in await world.names(CONTROLLER_REVISION):
        await world.client.delete(CONTROLLER_REVISION, "default", name)


async def refuse(world):
    world.client.refuse = lambda kind, _obj: "exceeded quota" * (kind is POD)


async def wish(world):
    world.client.refuse = lambda _kind, _obj: ""
    world.retry()
    await change(world, replicas=3, ordinals={"start": 0})
    await update(world, {"rollingUpdate": {"partition": 0, "maxUnavailable": 1}})
    await set_image(world, "nginx")


async def sight(world):
    now = await status(world)
    counted = {name: count for name, count in now.items() if name.endswith("eplicas")}
    newest = max(await world.list(CONTROLLER_REVISION), key=lambda each: each["revision"])
    is_over = now["currentRevision"] == now["updateRevision"] == newest["metadata"]["name"]
    return await images(world), counted, is_over


async def test_containers_may_mount_the_claims_of_their_set(world):
    mounting = builders.stateful_set("db", volumeClaimTemplates=[CLAIM])
    (container,) = mounting["spec"]["template"]["spec"]["containers"]
    container["volumeMounts"] = [{"name": "data", "mountPath": "/data"}]

    made = await world.create(STATEFUL_SET, mounting)

    (template,) = made["spec"]["volumeClaimTemplates"]
    assert (template["kind"], template["spec"]["volumeMode"]) == ("PersistentVolumeClaim", "Filesystem")
