import pytest

from netemu.agent.resize import Resize, completed, plan_resize
from netemu.agent.restarts import Life
from netemu.api.kinds import POD
from netemu.api.views import view
from netemu.api.views.core import Node, Pod
from netemu.runtime.container import ContainerState, Limits
from netemu.testing.agent_world import World
from netemu.testing.eventually import eventually

NODE = view(
    Node, {"metadata": {"name": "n"}, "status": {"allocatable": {"cpu": "2", "memory": "1Gi", "pods": "9"}}}
)


def pod(cpu, *, policy="NotRequired", name="web"):
    container = {
        "name": "c",
        "resources": {"requests": {"cpu": cpu}},
        "resizePolicy": [{"resourceName": "cpu", "restartPolicy": policy}],
    }
    return view(Pod, {"metadata": {"name": name, "generation": 2}, "spec": {"containers": [container]}})


def lives(cpu):
    state = ContainerState(id="u_c_0", running=True)
    return {"c": Life(state=state, resources={"requests": {"cpu": cpu}})}


@pytest.mark.parametrize(
    ("wanted", "others", "expected"),
    [
        pytest.param(pod("1"), [], Resize(), id="nothing-changed"),
        pytest.param(pod("2"), [], Resize(apply=("c",)), id="in-place"),
        pytest.param(pod("2", policy="RestartContainer"), [], Resize(restart=("c",)), id="by-a-restart"),
    ],
)
def test_a_running_container_gets_its_new_resources(wanted, others, expected):
    assert plan_resize(wanted, lives("1"), NODE, others) == expected


@pytest.mark.parametrize(
    ("wanted", "others", "reason", "words"),
    [
        (pod("3"), [], "Infeasible", "enough capacity: cpu, requested: 3000, capacity: 2000"),
        (
            pod("1500m"),
            [pod("1", name="other")],
            "Deferred",
            "enough resource: cpu, requested: 1500, used: 1000, capacity: 2000",
        ),
    ],
)
def test_what_a_node_does_not_have_is_pending(wanted, others, reason, words):
    pending = plan_resize(wanted, lives("1"), NODE, others).pending

    assert (pending.reason, pending.message) == (reason, f"Node didn't have {words}")


def test_the_event_says_what_the_containers_have():
    assert completed(pod("2")) == (
        "Pod resize completed: "
        '{"containers":[{"name":"c","resources":{"requests":{"cpu":"2"}}}],"generation":2}'
    )


async def test_a_pod_is_resized_while_it_runs(tmp_path):
    world = World(tmp_path)
    limits = {"resources": {"limits": {"cpu": "1"}, "requests": {"cpu": "1"}}}
    async with world.running():
        await world.create(container={"command": ["sleep", "1"], **limits})
        pod = await world.until_ready()
        (container,) = pod["spec"]["containers"]
        more = {**container, "resources": {"limits": {"cpu": "2"}, "requests": {"cpu": "2"}}}
        wanted = {**pod, "spec": {**pod["spec"], "containers": [more]}}
        await world.client.update(POD, wanted, subresource="resize")
        status = await eventually(world.container, lambda s: s["allocatedResources"] == {"cpu": "2"})

    assert status["resources"]["limits"] == {"cpu": "2"}
    assert list(world.shim.limits.values()) == [Limits(cpus=2.0)]
    assert status["restartCount"] == 0
    assert "ResizeCompleted" in world.recorder.reasons()
