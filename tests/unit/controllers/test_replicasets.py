"""ReplicaSet: as many pods as asked for, no more, whatever happens to them."""

from __future__ import annotations

import pytest

from netemu.api.errors import ConflictError
from netemu.api.kinds import POD, REPLICA_SET, REPLICATION_CONTROLLER
from netemu.api.views import view
from netemu.api.views.core import Pod
from netemu.clock import parse_rfc3339
from netemu.controllers.pods import deletion_order
from netemu.controllers.replicasets import RECONCILER, REPLICATION_RECONCILER
from netemu.testing import builders
from netemu.testing.convergence import Story, check_any_order

RIVALS = ((RECONCILER, "web"), (REPLICATION_RECONCILER, "rival"))


async def made(world, **spec):
    obj = await world.create(REPLICA_SET, builders.replica_set(**spec))
    await world.converge()
    return obj


async def test_pods_are_created_with_their_owner_and_a_generated_name(world):
    owner = await made(world, replicas=3)

    pods = await world.pods()
    assert len(pods) == 3
    assert {pod["metadata"]["generateName"] for pod in pods} == {"web-"}
    assert {pod["metadata"]["ownerReferences"][0]["uid"] for pod in pods} == {owner["metadata"]["uid"]}
    assert all(pod["metadata"]["labels"] == {"app": "web"} for pod in pods)


async def test_a_deleted_pod_is_replaced_before_it_is_gone(world):
    await made(world, replicas=2)
    victim = (await world.names(POD))[0]

    await world.client.delete(POD, "default", victim)
    await world.settle()

    assert victim in await world.names(POD)
    assert len(await world.pods()) == 2


@pytest.mark.parametrize("phase", ["Failed", "Succeeded"])
async def test_a_pod_that_is_over_is_replaced_and_kept(world, phase):
    await made(world, replicas=2)
    victim = (await world.names(POD))[0]

    await world.edit(POD, victim, {"status": {"phase": phase}}, subresource="status")
    await world.converge()

    assert len(await world.pods()) == 3
    assert (await world.get(REPLICA_SET, "web"))["status"]["replicas"] == 2


@pytest.mark.parametrize(("before", "after"), [(2, 5), (5, 2), (3, 0)])
async def test_scaling_ends_with_that_many_pods(world, before, after):
    await made(world, replicas=before)

    await world.edit(REPLICA_SET, "web", {"spec": {"replicas": after}})
    await world.converge()

    assert len(await world.list(POD)) == after


async def test_the_status_counts_ready_and_available_pods(world):
    await world.create(REPLICA_SET, builders.replica_set(replicas=3))
    await world.settle()
    first, second, _ = await world.pods()
    await world.run_pod(first)
    await world.run_pod(second, ready=False)
    await world.settle()

    status = (await world.get(REPLICA_SET, "web"))["status"]
    assert status == {
        "replicas": 3,
        "fullyLabeledReplicas": 3,
        "readyReplicas": 1,
        "availableReplicas": 1,
        "terminatingReplicas": 0,
        "observedGeneration": 1,
    }


async def test_pods_become_available_when_they_were_ready_for_long_enough(world):
    await world.create(REPLICA_SET, builders.replica_set(replicas=1, minReadySeconds=30))
    await world.settle()
    (pod,) = await world.pods()
    ready = builders.running_status("10.244.1.2")
    ready["conditions"][0]["lastTransitionTime"] = "2023-11-14T22:13:10Z"  # ten seconds ago
    await world.bind(pod, "node-1")
    await world.edit(POD, pod["metadata"]["name"], {"status": ready}, subresource="status")
    await world.settle()

    assert "availableReplicas" not in (await world.get(REPLICA_SET, "web"))["status"]
    again = world.plan(RECONCILER, "default", "web")
    assert again[0].delay_s == pytest.approx(20)

    world.now_s += 20
    await world.writer.apply(world.plan(RECONCILER, "default", "web"))
    assert (await world.get(REPLICA_SET, "web"))["status"]["availableReplicas"] == 1


async def test_an_orphan_that_matches_is_adopted_and_counts(world):
    await world.create(POD, builders.pod("lone", labels={"app": "web"}))
    await made(world, replicas=2)

    assert len(await world.pods()) == 2
    lone = await world.get(POD, "lone")
    assert lone["metadata"]["ownerReferences"][0]["name"] == "web"


async def test_an_orphan_that_someone_else_took_meanwhile_is_left_to_them(world):
    await world.create(POD, builders.pod("lone", labels={"app": "web"}))
    await world.create(REPLICA_SET, builders.replica_set(replicas=1))
    await world.create(REPLICATION_CONTROLLER, builders.replication_controller("rival", replicas=1))
    rival = {"selector": {"app": "web"}, "template": builders.replica_set()["spec"]["template"]}
    await world.edit(REPLICATION_CONTROLLER, "rival", {"spec": rival})
    await world.observe()
    first, second = (world.plan(each, "default", name) for each, name in RIVALS)
    await world.writer.apply(first[:1])

    with pytest.raises(ConflictError):
        await world.writer.apply(second[:1])


async def test_a_pod_that_no_longer_matches_is_released_and_replaced(world):
    await made(world, replicas=2)
    name = (await world.names(POD))[0]

    await world.edit(POD, name, {"metadata": {"labels": {"app": "debug"}}})
    await world.converge()

    assert len(await world.pods()) == 3
    assert not (await world.get(POD, name))["metadata"].get("ownerReferences")


async def test_planning_after_all_is_done_yields_nothing(world):
    await made(world, replicas=4)
    await world.observe()

    assert world.plan(RECONCILER, "default", "web") == []


async def test_events_name_each_pod(world):
    await made(world, replicas=1)

    (name,) = await world.names(POD)
    assert ("SuccessfulCreate", f"Created pod: {name}") in await world.events()


def candidate(name, *, node="n1", phase="Running", ready=True, since="2026-01-01T00:00:00Z", **more):
    pod = builders.pod(name, node=node)
    status = {"phase": phase}
    status["conditions"] = [{"type": "Ready", "status": str(ready), "lastTransitionTime": since}]
    restarts = more.get("restarts", 0)
    status["containerStatuses"] = [{"name": "c", "restartCount": restarts}]
    annotations = {"controller.kubernetes.io/pod-deletion-cost": more.get("cost", "0")}
    made = builders.stored(pod, name, annotations=annotations)
    made["metadata"]["creationTimestamp"] = more.get("created", "2026-01-01T00:00:00Z")
    return view(Pod, {**made, "status": status})


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param({"node": ""}, {}, id="unassigned"),
        pytest.param({"phase": "Pending"}, {"phase": "Running"}, id="pending"),
        pytest.param({"ready": False}, {}, id="not-ready"),
        pytest.param({"cost": "-5"}, {}, id="cheap"),
        pytest.param({"since": "2026-01-02T00:00:00Z"}, {}, id="ready-for-less-time"),
        pytest.param({"restarts": 3}, {}, id="restarts-more"),
        pytest.param({"created": "2026-01-02T00:00:00Z"}, {}, id="younger"),
    ],
)
def test_pods_are_deleted_in_kubernetes_order(first, second):
    pods = [candidate("z-first", **first), candidate("a-second", **second)]

    assert [pod.metadata.name for pod in deletion_order(pods)] == ["z-first", "a-second"]


def test_of_equal_pods_those_on_the_crowded_node_go_first():
    pods = [candidate("a", node="n1"), candidate("b", node="n2"), candidate("c", node="n2")]

    assert deletion_order(pods)[-1].metadata.name == "a"


def test_pods_of_about_the_same_age_go_in_an_order_by_chance_that_stays():
    pods = [candidate("b", since="2026-01-01T00:00:09Z"), candidate("a")]

    order = deletion_order(pods, parse_rfc3339("2026-01-01T01:00:00Z"))

    assert [pod.metadata.name for pod in order] == ["a", "b"]


def test_the_pods_of_a_deployments_other_replica_sets_crowd_a_node_too():
    pods = [candidate("a", node="n1"), candidate("b", node="n2"), candidate("c", node="n2")]

    order = deletion_order(pods, crowd={"n1": 5, "n2": 2})

    assert order[0].metadata.name == "a"


async def test_pods_that_end_are_counted_apart(world):
    await made(world, replicas=3)
    await world.edit(REPLICA_SET, "web", {"spec": {"replicas": 1}})
    await world.settle()

    status = (await world.get(REPLICA_SET, "web"))["status"]
    assert (status["replicas"], status["terminatingReplicas"]) == (1, 2)


async def test_pods_that_are_refused_leave_a_condition_and_an_event_until_they_are_made(world):
    world.client.refuse = lambda kind, _obj: "exceeded quota: few" * (kind is POD)
    await world.create(REPLICA_SET, builders.replica_set(replicas=3))
    await world.settle()

    (condition,) = (await world.get(REPLICA_SET, "web"))["status"]["conditions"]
    assert condition.items() >= {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate"}.items()
    assert condition["message"] == "exceeded quota: few"
    assert ("FailedCreate", "Error creating: exceeded quota: few") in await world.events()

    world.client.refuse = lambda _kind, _obj: ""
    world.retry()
    await world.converge()
    status = (await world.get(REPLICA_SET, "web"))["status"]
    assert status["availableReplicas"] == 3
    assert "conditions" not in status


async def test_what_there_is_counts_while_more_is_refused(world):
    room = iter(range(2))
    world.client.refuse = lambda kind, _obj: (
        "exceeded quota: two" * (kind is POD and next(room, None) is None)
    )
    await world.create(REPLICA_SET, builders.replica_set(replicas=5))
    await world.converge()

    status = (await world.get(REPLICA_SET, "web"))["status"]
    assert (status["replicas"], status["readyReplicas"]) == (2, 2)
    assert [c["reason"] for c in status["conditions"]] == ["FailedCreate"]


async def test_after_a_refusal_nothing_more_is_tried_until_the_next_time(world):
    asked = []
    world.client.refuse = lambda kind, _obj: "no" * (kind is POD and not asked.append(kind))
    await world.create(REPLICA_SET, builders.replica_set(replicas=500))
    await world.settle()

    assert len(asked) < 10


async def test_a_replication_controller_does_the_same(world):
    await world.create(REPLICATION_CONTROLLER, builders.replication_controller(replicas=3))
    await world.create(POD, builders.pod("lone", labels={"app": "web"}))
    await world.converge()

    assert len(await world.pods()) == 3
    lone = await world.get(POD, "lone")
    assert lone["metadata"]["ownerReferences"][0]["kind"] == "ReplicationController"
    status = (await world.get(REPLICATION_CONTROLLER, "web"))["status"]
    assert (status["replicas"], status["readyReplicas"], status["availableReplicas"]) == (3, 3, 3)
    assert status["observedGeneration"] == 1

    await world.edit(REPLICATION_CONTROLLER, "web", {"spec": {"replicas": 1}})
    await world.converge()
    assert len(await world.pods()) == 1


async def set_replicas(world, replicas):
    await world.edit(REPLICA_SET, "web", {"spec": {"replicas": replicas}})


async def end_one(world, **status):
    for pod in (await world.pods())[:1]:
        await world.edit(POD, pod["metadata"]["name"], {"status": status}, subresource="status")


async def relabel_one(world):
    for pod in (await world.pods())[-1:]:
        await world.edit(POD, pod["metadata"]["name"], {"metadata": {"labels": {"app": "debug"}}})


async def bring_back(world):
    for pod in await world.list(POD):
        await world.edit(POD, pod["metadata"]["name"], {"metadata": {"labels": {"app": "web"}}})


async def refuse(world):
    world.client.refuse = lambda kind, _obj: "exceeded quota" * (kind is POD)


async def allow(world):
    world.client.refuse = lambda _kind, _obj: ""
    world.retry()


async def wish(world):
    await allow(world)
    await set_replicas(world, 2)


async def sight(world):
    mine = [pod for pod in await world.pods() if pod["metadata"].get("ownerReferences")]
    running = [pod for pod in mine if pod["status"]["phase"] == "Running"]
    return len(running), (await world.get(REPLICA_SET, "web"))["status"] | {"observedGeneration": 0}


@pytest.mark.parametrize("seed", range(3))
async def test_any_order_of_events_ends_in_the_same_place(seed):
    story = Story(
        begin=lambda world: world.create(REPLICA_SET, builders.replica_set(replicas=1)),
        cases={
            "grow": lambda world: set_replicas(world, 6),
            "shrink": lambda world: set_replicas(world, 1),
            "a pod fails": lambda world: end_one(world, phase="Failed"),
            "a pod is not ready": lambda world: end_one(world, conditions=[]),
            "a pod is taken out": relabel_one,
            "all pods are brought back": bring_back,
            "refuse": refuse,
            "allow": allow,
            "agents act": lambda world: world.run_agents(),
        },
        wish=wish,
        sight=sight,
    )
    await check_any_order(story, seed=seed)
