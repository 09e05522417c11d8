"""Deployment: revisions, conditions, scaling in the middle, adoption, and what goes wrong."""

from __future__ import annotations

import pytest

from netemu.api.kinds import DEPLOYMENT, POD, REPLICA_SET
from netemu.controllers.deployment_sets import (
    DESIRED_REPLICAS,
    HASH_LABEL,
    MAX_REPLICAS,
    REVISION,
    REVISION_HISTORY,
)
from netemu.controllers.deployments import RECONCILER
from netemu.testing import builders
from netemu.testing.convergence import Story, check_any_order

NEVER_SURGE = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}
SURGE = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 3, "maxUnavailable": 2}}


async def made(world, **spec):
    obj = await world.create(DEPLOYMENT, builders.deployment(**spec))
    await world.converge()
    return obj


async def set_image(world, image):
    container = {"name": "c", "image": image}
    return await change(world, template={"spec": {"containers": [container]}})


async def change(world, **spec):
    return await world.edit(DEPLOYMENT, "web", {"spec": spec})


async def sets(world):
    """Give the ReplicaSets by their image."""
    found = await world.list(REPLICA_SET)
    return {rs["spec"]["template"]["spec"]["containers"][0]["image"]: rs for rs in found}


async def sizes(world):
    return {image: rs["spec"]["replicas"] for image, rs in (await sets(world)).items()}


async def progressing(world):
    conditions = (await world.get(DEPLOYMENT, "web"))["status"]["conditions"]
    found = next(c for c in conditions if c["type"] == "Progressing")
    return found["status"], found["reason"], found["message"]


async def test_a_replica_set_says_what_its_share_is_part_of(world):
    await made(world, replicas=4)

    annotations = (await sets(world))["nginx"]["metadata"]["annotations"]
    assert (annotations[DESIRED_REPLICAS], annotations[MAX_REPLICAS]) == ("4", "5")

    await change(world, replicas=8)
    await world.converge()
    annotations = (await sets(world))["nginx"]["metadata"]["annotations"]
    assert (annotations[DESIRED_REPLICAS], annotations[MAX_REPLICAS]) == ("8", "10")


async def test_the_annotations_of_a_deployment_are_copied_but_not_what_was_applied(world):
    await made(world, replicas=1)
    cause = {"kubernetes.io/change-cause": "why", "kubectl.kubernetes.io/last-applied-configuration": "{}"}

    await world.edit(DEPLOYMENT, "web", {"metadata": {"annotations": cause}})
    await world.settle()

    annotations = (await sets(world))["nginx"]["metadata"]["annotations"]
    assert annotations["kubernetes.io/change-cause"] == "why"
    assert "kubectl.kubernetes.io/last-applied-configuration" not in annotations


async def test_a_replica_set_remembers_which_revisions_it_was(world):
    await made(world, replicas=1)
    for image in ("httpd", "nginx", "httpd", "nginx"):
        await set_image(world, image)
        await world.converge()

    annotations = (await sets(world))["nginx"]["metadata"]["annotations"]
    assert annotations[REVISION] == "5"
    assert annotations[REVISION_HISTORY] == "1,3"
    assert (await world.get(DEPLOYMENT, "web"))["metadata"]["annotations"][REVISION] == "5"


async def test_a_template_that_says_the_same_in_other_words_starts_nothing(world):
    await made(world, replicas=1)

    template = (await world.get(DEPLOYMENT, "web"))["spec"]["template"]
    (container,) = template["spec"]["containers"]
    said = {**template["spec"], "containers": [{**container, "resources": {}, "env": []}]}
    await change(world, template={**template, "spec": said})
    await world.converge()

    assert await sizes(world) == {"nginx": 1}


async def test_pausing_and_resuming_are_told_and_stop_the_clock(world):
    await made(world, replicas=2, progressDeadlineSeconds=60)
    await change(world, paused=True)
    await world.settle()
    assert await progressing(world) == ("Unknown", "DeploymentPaused", "Deployment is paused")

    await set_image(world, "httpd")
    await world.wait(10_000)
    assert (await progressing(world))[1] == "DeploymentPaused"

    await change(world, paused=False)
    await world.converge()
    assert (await progressing(world))[:2] == ("True", "NewReplicaSetAvailable")


async def test_a_resumed_deployment_that_is_complete_says_so(world):
    await made(world, replicas=1)
    await change(world, paused=True)
    await world.settle()
    await change(world, paused=False)
    await world.settle()

    assert (await progressing(world))[1] == "NewReplicaSetAvailable"


async def test_a_deadline_passes_by_itself(world):
    await world.create(DEPLOYMENT, builders.deployment(replicas=1, progressDeadlineSeconds=60))
    await world.settle()
    await world.run_agents(ready=False)
    await world.wait(59)
    name = (await sets(world))["nginx"]["metadata"]["name"]
    assert await progressing(world) == ("True", "ReplicaSetUpdated", f'ReplicaSet "{name}" is progressing.')

    await world.wait(2)

    message = f'ReplicaSet "{name}" has timed out progressing.'
    assert await progressing(world) == ("False", "ProgressDeadlineExceeded", message)


async def test_a_complete_deployment_that_is_scaled_stays_complete(world):
    await made(world, replicas=1)
    await change(world, replicas=3)
    await world.settle()

    assert (await progressing(world))[1] == "NewReplicaSetAvailable"


async def test_recreate_is_available_only_with_all_its_pods(world):
    await made(world, replicas=4, strategy={"type": "Recreate"})
    (first, *_) = await world.pods()
    await world.edit(POD, first["metadata"]["name"], {"status": {"conditions": []}}, subresource="status")
    await world.settle()

    conditions = (await world.get(DEPLOYMENT, "web"))["status"]["conditions"]
    assert next(c["status"] for c in conditions if c["type"] == "Available") == "False"


async def halfway(world, **spec):
    """Stop a rollout from 10 pods in the middle: the new ones never become ready."""
    await made(world, replicas=10, strategy=SURGE, **spec)
    await set_image(world, "httpd")
    await world.settle()
    for _ in range(3):
        await world.run_agents(ready=False)
        await world.settle()


async def test_scaling_in_the_middle_of_a_rollout_keeps_the_shares(world):
    await halfway(world)
    assert await sizes(world) == {"nginx": 8, "httpd": 5}

    await change(world, replicas=15)
    await world.settle()
    assert await sizes(world) == {"nginx": 11, "httpd": 7}

    await change(world, replicas=5)
    await world.settle()
    assert await sizes(world) == {"nginx": 3, "httpd": 5}  # and went on, as far as two may be missing


async def test_scaling_to_nothing_in_the_middle_leaves_nothing(world):
    await halfway(world)

    await change(world, replicas=0)
    await world.converge()

    assert set((await sizes(world)).values()) == {0}


async def test_a_rollout_that_becomes_a_recreation_and_is_scaled_goes_on(world):
    await halfway(world)
    await change(world, replicas=4, strategy={"type": "Recreate", "rollingUpdate": None})
    await world.converge()

    assert await sizes(world) == {"nginx": 0, "httpd": 4}


async def test_an_orphaned_replica_set_of_the_same_template_is_adopted_as_the_newest(world):
    orphan = builders.replica_set("mine", replicas=2)
    labels = {"app": "web", HASH_LABEL: "abc"}
    orphan["metadata"]["labels"] = orphan["spec"]["template"]["metadata"]["labels"] = labels
    orphan["spec"]["selector"] = {"matchLabels": labels}
    await world.create(REPLICA_SET, orphan)
    await world.settle()
    await made(world, replicas=2)

    assert await world.names(REPLICA_SET) == ["mine"]
    mine = await world.get(REPLICA_SET, "mine")
    assert mine["metadata"]["ownerReferences"][0]["kind"] == "Deployment"
    assert mine["metadata"]["annotations"][REVISION] == "1"


async def test_a_name_that_is_taken_is_counted_and_another_one_used(world):
    await world.create(DEPLOYMENT, builders.deployment(replicas=1))
    await world.observe()
    name = world.plan(RECONCILER, "default", "web")[0].obj["metadata"]["name"]
    await world.create(
        REPLICA_SET, {**builders.replica_set("other"), "metadata": {"name": name, "namespace": "default"}}
    )
    await world.converge()

    assert (await world.get(DEPLOYMENT, "web"))["status"]["collisionCount"] == 1
    (mine,) = [rs for rs in await world.list(REPLICA_SET) if rs["metadata"].get("ownerReferences")]
    assert mine["metadata"]["name"] != name


async def test_what_keeps_a_replica_set_from_being_made_is_told(world):
    world.client.refuse = lambda kind, _obj: "exceeded quota: sets" * (kind is REPLICA_SET)
    await world.create(DEPLOYMENT, builders.deployment(replicas=1))
    await world.settle()

    status, reason, message = await progressing(world)
    assert (status, reason) == ("False", "ReplicaSetCreateError")
    assert message.endswith('": exceeded quota: sets')

    world.client.refuse = lambda _kind, _obj: ""
    world.retry()
    await world.converge()
    assert (await progressing(world))[1] == "NewReplicaSetAvailable"


async def test_what_keeps_pods_from_being_made_is_told_of_the_deployment_too(world):
    world.client.refuse = lambda kind, _obj: "exceeded quota: pods" * (kind is POD)
    await world.create(DEPLOYMENT, builders.deployment(replicas=1))
    await world.settle()

    conditions = (await world.get(DEPLOYMENT, "web"))["status"]["conditions"]
    failure = next(c for c in conditions if c["type"] == "ReplicaFailure")
    assert (failure["status"], failure["reason"]) == ("True", "FailedCreate")
    assert failure["message"] == "exceeded quota: pods"


@pytest.mark.parametrize("limit", [0, 1, 3])
async def test_as_many_old_revisions_stay_as_are_allowed(world, limit):
    await made(world, replicas=1, revisionHistoryLimit=limit)
    for image in ("a", "b", "c", "d"):
        await set_image(world, image)
        await world.converge()

    assert len(await world.list(REPLICA_SET)) == limit + 1


async def test_pods_that_end_are_counted_apart(world):
    await made(world, replicas=3)
    await change(world, replicas=1)
    await world.settle()

    status = (await world.get(DEPLOYMENT, "web"))["status"]
    assert (status["replicas"], status["terminatingReplicas"]) == (1, 2)


async def test_conditions_that_others_wrote_stay(world):
    await made(world, replicas=1)
    conditions = (await world.get(DEPLOYMENT, "web"))["status"]["conditions"]
    mine = {"type": "Mine", "status": "True"}
    patch = {"status": {"conditions": [mine, *conditions]}}
    await world.edit(DEPLOYMENT, "web", patch, subresource="status")
    await set_image(world, "httpd")
    await world.converge()

    assert mine in (await world.get(DEPLOYMENT, "web"))["status"]["conditions"]


async def fail_one(world):
    for pod in (await world.pods())[:1]:
        await world.edit(POD, pod["metadata"]["name"], {"status": {"phase": "Failed"}}, subresource="status")


async def lose_a_set(world):
    for name in (await world.names(REPLICA_SET))[:1]:
        await world.client.delete(REPLICA_SET, "default", name)


async def wish(world):
    world.client.refuse = lambda _kind, _obj: ""
    world.retry()
    await change(world, replicas=3, paused=False, strategy=NEVER_SURGE)
    await set_image(world, "nginx")


async def refuse(world):
    world.client.refuse = lambda kind, _obj: "exceeded quota" * (kind is POD)


async def sight(world):
    status = (await world.get(DEPLOYMENT, "web"))["status"]
    counted = {name: count for name, count in status.items() if name.endswith("Replicas")}
    conditions = [(c["type"], c["status"], c["reason"]) for c in status["conditions"]]
    active = {image: size for image, size in (await sizes(world)).items() if size}
    return counted, conditions, active


@pytest.mark.parametrize("seed", range(3))
async def test_any_order_of_events_ends_in_the_same_place(seed):
    recreate = {"type": "Recreate", "rollingUpdate": None}
    story = Story(
        begin=lambda world: world.create(DEPLOYMENT, builders.deployment(replicas=2)),
        cases={
            "grow": lambda world: change(world, replicas=7),
            "shrink": lambda world: change(world, replicas=1),
            "one image": lambda world: set_image(world, "httpd"),
            "another image": lambda world: set_image(world, "echo"),
            "pause": lambda world: change(world, paused=True),
            "resume": lambda world: change(world, paused=False),
            "recreate": lambda world: change(world, strategy=recreate),
            "surge": lambda world: change(world, strategy=SURGE),
            "a pod fails": fail_one,
            "a set is deleted": lose_a_set,
            "refuse pods": refuse,
            "agents act": lambda world: world.run_agents(),
            "agents act, nothing is ready": lambda world: world.run_agents(ready=False),
            "time passes": lambda world: world.wait(700),
        },
        wish=wish,
        sight=sight,
    )
    await check_any_order(story, seed=seed)
