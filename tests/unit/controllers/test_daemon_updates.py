"""DaemonSet: updates with and without surge, revisions, and nodes that change their mind."""

from __future__ import annotations

import pytest

from netemu.api.kinds import CONTROLLER_REVISION, DAEMON_SET, NODE, POD
from netemu.api.views import view
from netemu.api.views.core import Pod
from netemu.controllers.daemon_pods import node_of
from netemu.testing import builders
from netemu.testing.convergence import Story, check_any_order

LABEL = "controller-revision-hash"
TAINT = {"key": "dedicated", "value": "db"}


def rolling(**amounts):
    return {"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": amounts}}


async def made(world, nodes=3, **spec):
    for number in range(2, nodes + 1):
        await world.create(NODE, builders.node(f"node-{number}"))
    await world.create(DAEMON_SET, builders.daemon_set(**spec))
    await world.converge()


async def set_image(world, image):
    containers = [{"name": "c", "image": image}]
    await change(world, template={"spec": {"containers": containers}})


async def change(world, **spec):
    await world.edit(DAEMON_SET, "agent", {"spec": spec})


async def images(world):
    """Give the images on each node."""
    found = {}
    for pod in await world.pods():
        found.setdefault(node_of(view(Pod, pod)), []).append(pod["spec"]["containers"][0]["image"])
    return {node: sorted(here) for node, here in sorted(found.items())}


@pytest.mark.parametrize(("amount", "at_once"), [(1, 1), (2, 2), ("50%", 2), ("100%", 3)], ids=str)
async def test_an_update_takes_as_many_nodes_at_once_as_may_be_unavailable(world, amount, at_once):
    await made(world, **rolling(maxUnavailable=amount))
    await set_image(world, "httpd")
    await world.settle()

    assert len(await world.pods()) == 3 - at_once
    await world.converge()
    assert await images(world) == {f"node-{n}": ["httpd"] for n in (1, 2, 3)}


async def test_a_node_whose_old_pod_is_broken_is_updated_at_once_and_counts(world):
    await made(world)
    broken = next(pod for pod in await world.pods() if pod["spec"]["nodeName"] == "node-2")
    await world.edit(POD, broken["metadata"]["name"], {"status": {"conditions": []}}, subresource="status")
    await set_image(world, "httpd")
    await world.settle()

    assert await images(world) == {"node-1": ["nginx"], "node-3": ["nginx"]}


async def test_a_surge_adds_the_new_pod_before_the_old_one_goes(world):
    await made(world, **rolling(maxSurge=1, maxUnavailable=0))
    await set_image(world, "httpd")
    await world.settle()
    assert await images(world) == {"node-1": ["httpd", "nginx"], "node-2": ["nginx"], "node-3": ["nginx"]}

    await world.run_agents(ready=False)
    await world.settle()
    assert await images(world) == {"node-1": ["httpd", "nginx"], "node-2": ["nginx"], "node-3": ["nginx"]}

    for pod in await world.pods():
        if pod["spec"]["containers"][0]["image"] == "httpd":
            status = builders.running_status("10.244.0.99")
            await world.edit(POD, pod["metadata"]["name"], {"status": status}, subresource="status")
    await world.converge()
    assert await images(world) == {f"node-{n}": ["httpd"] for n in (1, 2, 3)}


async def test_pods_are_updated_only_when_they_are_deleted_if_so_wished(world):
    await made(world, updateStrategy={"type": "OnDelete"})
    await set_image(world, "httpd")
    await world.converge()
    assert await images(world) == {f"node-{n}": ["nginx"] for n in (1, 2, 3)}

    victim = next(pod for pod in await world.pods() if pod["spec"]["nodeName"] == "node-2")
    await world.client.delete(POD, "default", victim["metadata"]["name"])
    await world.converge()
    assert await images(world) == {"node-1": ["nginx"], "node-2": ["httpd"], "node-3": ["nginx"]}


async def test_each_template_has_a_revision_that_restores_it(world):
    await made(world, nodes=1)
    await set_image(world, "httpd")
    await world.converge()
    await set_image(world, "nginx")
    await world.converge()

    revisions = {each["revision"]: each for each in await world.list(CONTROLLER_REVISION)}
    assert sorted(revisions) == [2, 3]
    newest = revisions[3]
    template = newest["data"]["spec"]["template"]
    assert template["$patch"] == "replace"
    assert template["spec"]["containers"][0]["image"] == "nginx"
    assert newest["metadata"]["labels"]["app"] == "agent"
    (pod,) = await world.pods()
    assert pod["metadata"]["labels"][LABEL] == newest["metadata"]["labels"][LABEL]


async def test_a_revision_is_written_as_go_would_write_it(world):
    await made(world, nodes=1)

    (revision,) = await world.list(CONTROLLER_REVISION)
    template = revision["data"]["spec"]["template"]
    (container,) = template["spec"]["containers"]
    assert list(template) == ["$patch", "metadata", "spec"]
    assert list(template["spec"]) == sorted(template["spec"])
    assert list(container) == sorted(container)
    assert container["resources"] == {}


async def test_old_revisions_beyond_the_limit_are_forgotten(world):
    await made(world, nodes=1, revisionHistoryLimit=1)
    for image in ("a", "b", "c"):
        await set_image(world, image)
        await world.converge()

    assert sorted(each["revision"] for each in await world.list(CONTROLLER_REVISION)) == [3, 4]


async def test_a_copy_of_the_present_revision_replaces_no_pod(world):
    await made(world, nodes=1)
    before = await world.names(POD)
    (revision,) = await world.list(CONTROLLER_REVISION)
    meta = revision["metadata"]
    labels = {**meta["labels"], LABEL: "copied"}
    copy = {
        "name": "copy",
        "namespace": "default",
        "labels": labels,
        "ownerReferences": meta["ownerReferences"],
    }
    await world.create(CONTROLLER_REVISION, {**revision, "metadata": copy, "revision": 2})
    await world.converge()

    assert await world.names(POD) == before
    assert len(await world.list(CONTROLLER_REVISION)) == 2


async def test_what_there_is_counts_while_more_is_refused(world):
    room = iter(range(2))
    world.client.refuse = lambda kind, _obj: (
        "exceeded quota: two" * (kind is POD and next(room, None) is None)
    )
    await made(world, nodes=3)

    status = (await world.get(DAEMON_SET, "agent"))["status"]
    assert (status["desiredNumberScheduled"], status["numberReady"]) == (3, 2)


async def test_conditions_that_others_wrote_stay(world):
    await made(world, nodes=1)
    mine = [{"type": "Mine", "status": "True"}]
    await world.edit(DAEMON_SET, "agent", {"status": {"conditions": mine}}, subresource="status")
    await set_image(world, "httpd")
    await world.converge()

    assert (await world.get(DAEMON_SET, "agent"))["status"]["conditions"] == mine


async def test_the_node_affinity_of_the_template_gives_way_to_the_node(world):
    term = {"matchExpressions": [{"key": "disk", "operator": "In", "values": ["ssd"]}]}
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}
    preferred = {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1, "preference": term}]}
    template = builders.daemon_set()["spec"]["template"]
    template["spec"]["affinity"] = {"nodeAffinity": {**required, **preferred}}
    await world.create(NODE, builders.node("node-2", labels={"disk": "ssd"}))
    await made(world, nodes=1, template=template)

    (pod,) = await world.pods()
    affinity = pod["spec"]["affinity"]["nodeAffinity"]
    (only,) = affinity["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    assert only == {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["node-2"]}]}
    assert affinity["preferredDuringSchedulingIgnoredDuringExecution"]


async def taint(world, effect):
    await world.edit(NODE, "node-2", {"spec": {"taints": [{**TAINT, "effect": effect}]}}, namespace="")


@pytest.mark.parametrize(
    ("effect", "nodes", "misscheduled"),
    [
        pytest.param("NoSchedule", ["node-1", "node-2"], 1, id="pods-that-are-there-stay"),
        pytest.param("NoExecute", ["node-1"], 0, id="pods-that-are-there-go"),
    ],
)
async def test_a_node_that_is_tainted_later_is_no_longer_counted(world, effect, nodes, misscheduled):
    await made(world, nodes=2)
    await taint(world, effect)
    await world.converge()

    assert list(await images(world)) == nodes
    status = (await world.get(DAEMON_SET, "agent"))["status"]
    assert (status["desiredNumberScheduled"], status["numberMisscheduled"]) == (1, misscheduled)


async def test_of_two_pods_on_a_node_the_older_one_stays(world):
    await made(world, nodes=1)
    (first,) = await world.names(POD)
    world.now_s += 10
    await world.create(POD, builders.pod("second", labels={"app": "agent"}, node="node-1"))
    await world.converge()

    assert await world.names(POD) == [first]


async def fail_one(world):
    for pod in (await world.pods())[:1]:
        await world.edit(POD, pod["metadata"]["name"], {"status": {"phase": "Failed"}}, subresource="status")


async def add_node(world):
    name = f"node-{len(await world.list(NODE)) + 1}"
    await world.create(NODE, builders.node(name))


async def lose_node(world):
    last = max(await world.names(NODE, ""))
    await world.client.delete(NODE, "", last)


async def replace_nodes(world):
    """Leave two nodes without taints."""
    for name in await world.names(NODE, ""):
        await world.edit(NODE, name, {"spec": {"taints": []}}, namespace="")
    while len(await world.list(NODE)) > 2:
        await lose_node(world)
    while len(await world.list(NODE)) < 2:
        await add_node(world)


async def taint_first(world):
    for name in (await world.names(NODE, ""))[:1]:
        patch = {"spec": {"taints": [{**TAINT, "effect": "NoExecute"}]}}
        await world.edit(NODE, name, patch, namespace="")


async def forget_history(world):
    for name in await world.names(CONTROLLER_REVISION):
        await world.client.delete(CONTROLLER_REVISION, "default", name)


async def wish(world):
    world.client.refuse = lambda _kind, _obj: ""
    world.retry()
    await replace_nodes(world)
    await change(world, **rolling(maxUnavailable=1, maxSurge=0))
    await set_image(world, "nginx")
    await world.wait(10)


async def refuse(world):
    world.client.refuse = lambda kind, _obj: "exceeded quota" * (kind is POD)


async def sight(world):
    """Tell the images and the numbers; the nodes' names come by chance."""
    status = (await world.get(DAEMON_SET, "agent"))["status"]
    numbers = {
        name: count for name, count in status.items() if name.lower().startswith(("number", "desired"))
    }
    newest = max(await world.list(CONTROLLER_REVISION), key=lambda each: each["revision"])
    hashes = {pod["metadata"]["labels"][LABEL] for pod in await world.pods()}
    restored = newest["data"]["spec"]["template"]["spec"]["containers"][0]["image"]
    return sorted((await images(world)).values()), numbers, restored, len(hashes)


@pytest.mark.parametrize("seed", range(3))
async def test_any_order_of_events_ends_in_the_same_place(seed):
    story = Story(
        begin=lambda world: made(world, nodes=2),
        cases={
            "other image": lambda world: set_image(world, "httpd"),
            "third image": lambda world: set_image(world, "echo"),
            "surge": lambda world: change(world, **rolling(maxUnavailable=0, maxSurge="50%")),
            "on delete": lambda world: change(
                world, updateStrategy={"type": "OnDelete", "rollingUpdate": None}
            ),
            "add a node": add_node,
            "lose a node": lose_node,
            "taint a node": taint_first,
            "a pod fails": fail_one,
            "the revisions are deleted": forget_history,
            "refuse": refuse,
            "agents act": lambda world: world.run_agents(),
            "agents act, nothing is ready": lambda world: world.run_agents(ready=False),
        },
        wish=wish,
        sight=sight,
    )
    await check_any_order(story, seed=seed)
