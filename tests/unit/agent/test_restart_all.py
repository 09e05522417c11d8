"""One container's end lets all of its pod start anew, where a rule says so."""

from __future__ import annotations

import pytest

from netemu.agent.lifecycle import Start, plan
from netemu.agent.restarts import Life, begun_anew, must_restart_all, next_attempt
from netemu.agent.status import pod_status
from netemu.api.views import view
from netemu.api.views.core import Pod
from netemu.runtime.container import ContainerState
from netemu.testing.agent_world import World
from netemu.testing.eventually import eventually

NOW_S = 1000.0
RULE = {"action": "RestartAllContainers", "exitCodes": {"operator": "In", "values": [42]}}
SOURCE = {"restartPolicy": "Never", "restartPolicyRules": [RULE]}


def pod(**source):
    spec = {
        "restartPolicy": "Never",
        "initContainers": [{"name": "init"}],
        "containers": [{"name": "source", **source}, {"name": "web"}],
    }
    return view(Pod, {"metadata": {"name": "p", "namespace": "ns", "uid": "u"}, "spec": spec})


def life(code=None, attempt=0):
    state = ContainerState(
        id=f"u_c_{attempt}", running=code is None, exit_code=code, started_at_s=1.0, finished_at_s=2.0
    )
    return Life(state=state, attempt=attempt)


def lives(code):
    return {"init": life(0), "source": life(code), "web": life()}


@pytest.mark.parametrize(("code", "asked"), [(42, True), (1, False), (None, False)])
def test_a_rule_decides_by_the_exit_code(code, asked):
    assert must_restart_all(pod(**SOURCE), lives(code)) is asked


def test_without_a_rule_nothing_starts_anew():
    assert not must_restart_all(pod(), lives(42))


def test_the_pod_begins_with_its_init_containers_again():
    anew = {name: begun_anew(each) for name, each in lives(42).items()}

    assert plan(pod(**SOURCE), anew, NOW_S).steps == (Start("init"),)
    assert [next_attempt(each) for each in anew.values()] == [1, 1, 1]
    assert anew["source"].last.exit_code == 42


@pytest.mark.parametrize(("source", "said"), [(SOURCE, ["True"]), ({}, [])])
def test_a_condition_says_so_where_it_can_be(source, said):
    status = pod_status(
        pod(**source),
        lives(42),
        old={},
        host_ips=["10.0.0.1"],
        pod_ips=[],
        has_network=True,
        waits={},
        now_s=NOW_S,
    )

    found = [each["status"] for each in status["conditions"] if each["type"] == "AllContainersRestarting"]
    assert found == said


async def test_all_containers_of_a_pod_are_started_again(tmp_path):
    world = World(tmp_path)
    async with world.running():
        container = {"command": ["sh"], **SOURCE}
        await world.create(
            container=container,
            restartPolicy="Never",
            initContainers=[{"name": "side", "image": "x", "command": ["sh"], "restartPolicy": "Always"}],
        )
        made = await world.until_ready()
        uid, name = made["metadata"]["uid"], made["spec"]["containers"][0]["name"]
        world.shim.on_end(world.shim.end(f"{uid}_{name}_0", 42))
        again = await eventually(world.pod, restarted)

    assert again["status"]["phase"] == "Running"
    (regular,) = again["status"]["containerStatuses"]
    assert regular["lastState"]["terminated"]["exitCode"] == 42


def restarted(found):
    statuses = [*found["status"]["containerStatuses"], *found["status"].get("initContainerStatuses", ())]
    return all(each["restartCount"] == 1 and "running" in each["state"] for each in statuses)
