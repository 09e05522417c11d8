"""The agent against a real API in memory, and a network, shim and stand-ins that are fakes."""

import asyncio

import pytest

from netemu.api.kinds import POD
from netemu.clock import system_clock
from netemu.runtime.errors import ControlError, DisconnectedError
from netemu.testing.agent_world import World, ready_of
from netemu.testing.eventually import eventually

COMMAND = {"command": ["sleep", "1"]}


async def test_a_pod_of_a_known_image_becomes_ready_without_a_process(tmp_path):
    world = World(tmp_path)
    async with world.running():
        await world.create()
        pod = await world.until_ready()

    assert pod["status"]["podIP"] == "10.244.0.2"
    assert [app.app for app in world.standins.apps.values()] == ["nginx"]
    assert not world.shim.containers


async def test_a_command_runs_under_the_shim_and_is_restarted_when_it_ends(tmp_path):
    world = World(tmp_path)
    async with world.running():
        await world.create(image="whatever", container=COMMAND)
        await world.until_ready()
        (first,) = world.shim.containers
        world.shim.end(first, 1)
        status = await eventually(world.container, lambda s: s.get("restartCount") == 1)

    assert status["state"].keys() == {"running"}
    assert status["lastState"]["terminated"]["exitCode"] == 1
    assert first not in world.shim.containers


async def test_a_second_crash_backs_off(tmp_path):
    world = World(tmp_path)
    async with world.running():
        await world.create(container=COMMAND)
        for attempt in range(2):
            await eventually(
                world.container, lambda s, n=attempt: s.get("restartCount") == n and s["started"]
            )
            (current,) = world.shim.containers
            world.shim.end(current, 1, at_s=system_clock())
        status = await eventually(world.container, lambda s: "waiting" in s.get("state", {}))

    assert status["state"]["waiting"]["reason"] == "CrashLoopBackOff"
    assert "BackOff" in world.recorder.reasons()
    assert [world.recorder.reasons().count(each) for each in ("Pulled", "Created", "Started")] == [2, 2, 2]


async def test_a_start_is_told_in_the_kubelet_s_words(tmp_path):
    world = World(tmp_path)
    async with world.running():
        await world.create(container=COMMAND, image="busybox")
        await world.until_ready()

    assert [message for _type, _reason, message in world.recorder.events] == [
        'Container image "busybox" already present on machine and can be accessed by the pod',
        "Container created",
        "Container started",
    ]


async def test_an_unknown_image_is_an_err_image_pull_that_names_the_catalogue(tmp_path):
    world = World(tmp_path)
    async with world.running():
        await world.create(image="example.com/unheard-of:1")
        status = await eventually(world.container, lambda s: "waiting" in s.get("state", {}))

    assert status["state"]["waiting"]["reason"] == "ErrImagePull"
    assert "nginx" in status["state"]["waiting"]["message"]
    assert "Error: ErrImagePull" in [message for _type, _reason, message in world.recorder.events]


async def test_without_a_cni_the_pod_waits_and_an_event_says_why(tmp_path):
    world = World(tmp_path)
    world.network.why_not = "cni plugin not initialized"
    async with world.running() as agent:
        await world.create()
        status = await eventually(world.container, lambda s: "waiting" in s.get("state", {}))
        assert status["state"]["waiting"]["reason"] == "ContainerCreating"
        assert set(world.recorder.reasons()) == {"NetworkNotReady"}

        world.network.why_not = ""
        agent.network_changed()
        await world.until_ready()


async def test_a_pod_that_must_have_users_of_its_own_waits_where_there_are_none(tmp_path):
    world = World(tmp_path)
    async with world.running():
        await world.create(hostUsers=False)
        await eventually(lambda: asyncio.sleep(0, world.recorder.reasons()))
        words = "can't set `spec.hostUsers: false`, runtime does not support user namespaces"
        assert world.recorder.events[0][1:] == (
            "FailedCreatePodSandBox",
            f"Failed to create pod sandbox: {words}",
        )


async def test_a_network_that_fails_is_tried_again(tmp_path):
    world = World(tmp_path)
    world.network.refusal = "no free address in 10.244.0.0/24"
    async with world.running():
        await world.create()
        await eventually(lambda: asyncio.sleep(0, world.recorder.reasons()))
        assert world.recorder.events[0][1] == "FailedCreatePodSandBox"
        world.network.refusal = ""
        await world.until_ready()


async def test_a_deleted_pod_gives_everything_back(tmp_path):
    world = World(tmp_path)
    async with world.running():
        await world.create(container=COMMAND)
        await world.until_ready()
        await world.client.delete(POD, "default", "web")
        await eventually(world.gone)

    assert not world.network.attached
    assert not world.shim.containers
    assert [signum for _id, signum in world.shim.signals] == [15]


@pytest.mark.parametrize("pod", [{}, {"container": COMMAND}], ids=["stand-in", "process"])
async def test_containers_serve_on_until_the_rules_have_forgotten_their_pod(tmp_path, pod):
    world = World(tmp_path)
    world.routes.keep()
    async with world.running() as agent:
        uid = (await world.create(**pod))["metadata"]["uid"]
        await world.until_ready()
        await world.client.delete(POD, "default", "web")
        await eventually(lambda: asyncio.sleep(0, agent.work_of(uid).endings))
        assert world.standins.apps or world.shim.containers
        assert not world.shim.signals
        assert "True" in ready_of(await world.pod())
        world.routes.release()
        await eventually(world.gone)

    assert not world.standins.apps
    assert not world.network.attached


async def test_a_container_that_ignores_sigterm_is_killed_after_the_grace_period(tmp_path):
    world = World(tmp_path, obedient=False)
    async with world.running():
        await world.create(container=COMMAND)
        await world.until_ready()
        await world.client.delete(POD, "default", "web", grace_period_s=1)
        await eventually(world.gone)

    assert [signum for _id, signum in world.shim.signals] == [15, 9]


async def test_a_pod_that_never_restarts_releases_its_network_when_it_is_done(tmp_path):
    world = World(tmp_path)
    async with world.running():
        await world.create(container=COMMAND, restartPolicy="Never")
        await world.until_ready()
        (current,) = world.shim.containers
        world.shim.end(current, 0)
        await eventually(world.phase, lambda phase: phase == "Succeeded")
        conditions = {c["type"]: c["status"] for c in (await world.pod())["status"]["conditions"]}

    assert not world.network.attached
    assert conditions["PodReadyToStartContainers"] == "False"


async def test_a_new_agent_takes_over_what_runs(tmp_path):
    world = World(tmp_path)
    async with world.running():
        await world.create(container=COMMAND)
        before = await world.until_ready()
    async with world.running(world.states()):
        await asyncio.sleep(0.05)
        after = await world.pod()

    assert after["status"] == before["status"]
    assert len(world.shim.specs) == 1


async def test_a_new_agent_keeps_a_probed_pod_ready_until_its_probe_says_otherwise(tmp_path):
    probe = {"tcpSocket": {"port": 80}, "initialDelaySeconds": 3600}
    world = World(tmp_path)
    async with world.running():
        pod = await world.create(container={**COMMAND, "readinessProbe": probe})
        await eventually(world.phase, lambda phase: phase == "Running")
    status = (await world.pod())["status"]
    ready = {**status, "containerStatuses": [{**status["containerStatuses"][0], "ready": True}]}
    await world.client.update(POD, {**await world.pod(), "status": ready}, subresource="status")
    async with world.running(world.states()):
        after = await world.until_ready()

    assert after["metadata"]["uid"] == pod["metadata"]["uid"]


async def test_a_new_agent_restarts_what_died_meanwhile(tmp_path):
    world = World(tmp_path)
    async with world.running():
        await world.create(container=COMMAND)
        await world.until_ready()
    world.shim.containers.clear()
    async with world.running():
        status = await eventually(world.container, lambda s: s.get("restartCount") == 1)

    assert status["lastState"]["terminated"]["reason"] == "ContainerStatusUnknown"


async def test_a_stand_in_server_that_died_is_played_again(tmp_path):
    world = World(tmp_path)
    async with world.running() as agent:
        await world.create()
        await world.until_ready()
        world.standins.apps.clear()
        agent.parent_found("standin", [])
        await eventually(world.container, lambda s: s.get("restartCount") == 1)

    assert len(world.standins.apps) == 1


@pytest.mark.parametrize(
    ("image", "policy", "reason", "event"),
    [
        ("Not A Name", "Always", "InvalidImageName", "InspectFailed"),
        ("example.com/unheard-of:1", "Never", "ErrImageNeverPull", "ErrImageNeverPull"),
    ],
)
async def test_an_image_that_nobody_may_look_for_is_told_apart(tmp_path, image, policy, reason, event):
    world = World(tmp_path)
    async with world.running():
        await world.create(image=image, container={"imagePullPolicy": policy})
        status = await eventually(world.container, lambda s: "waiting" in s.get("state", {}))

    assert status["state"]["waiting"]["reason"] == reason
    assert event in world.recorder.reasons()
    assert f"Error: {reason}" in [message for _type, _reason, message in world.recorder.events]


async def test_a_pod_is_reported_once_if_nothing_changes(tmp_path):
    world = World(tmp_path)
    async with world.running() as agent:
        await world.create()
        ready = await world.until_ready()
        agent.parent_found("shim", [])
        await asyncio.sleep(0.05)
        now = await world.pod()

    assert now["metadata"]["resourceVersion"] == ready["metadata"]["resourceVersion"]


async def test_a_pod_whose_volume_is_missing_gets_no_network_yet(tmp_path):
    world = World(tmp_path)
    volumes = [{"name": "v", "configMap": {"name": "none"}}]
    async with world.running():
        await world.create(container={"volumeMounts": [{"name": "v", "mountPath": "/v"}]}, volumes=volumes)
        status = await eventually(world.container, lambda s: "waiting" in s.get("state", {}))

    assert status["state"]["waiting"] == {"reason": "ContainerCreating"}
    assert "FailedMount" in world.recorder.reasons()
    assert not world.network.attached


async def test_files_of_pods_that_a_killed_daemon_left_go_with_the_next_one(tmp_path):
    world = World(tmp_path)
    state = world.paths.node_state("node-1") / "pods"
    logs = world.paths.pod_logs("node-1")
    for directory in (state / "u1" / "volumes", state / "u2.new", logs / "default_gone_u1" / "c"):
        directory.mkdir(parents=True)
        (directory / "file").write_text("x")
    async with world.running():
        await world.create(container=COMMAND)
        await world.until_ready()
        await world.until(lambda: {each.name for each in state.iterdir()} == {*world.network.attached})

    assert list(logs.iterdir()) == []


async def test_a_container_that_ended_is_asked_nothing_while_it_backs_off(tmp_path):
    world = World(tmp_path)
    world.shim.exit_codes["probe"] = 1
    probe = {"exec": {"command": ["probe"]}, "periodSeconds": 1}
    async with world.running():
        await world.create(container={**COMMAND, "readinessProbe": probe})
        for attempt in range(2):
            await eventually(
                world.container, lambda s, n=attempt: s.get("restartCount") == n and s["started"]
            )
            await world.until(lambda n=attempt: len(world.shim.commands) > n)
            (current,) = world.shim.containers
            world.shim.end(current, 1, at_s=system_clock())
        await eventually(world.container, lambda s: "waiting" in s.get("state", {}))
        await asyncio.sleep(0.2)

    assert "Unhealthy" not in world.recorder.reasons()


async def test_a_shim_that_is_away_while_a_pod_ends_is_not_asked_in_a_circle(tmp_path):
    asked = []

    async def remove(container_id):
        asked.append(container_id)
        raise DisconnectedError("the control connection was closed")

    world = World(tmp_path)
    async with world.running():
        await world.create(container=COMMAND)
        await world.until_ready()
        world.shim.remove = remove
        await world.client.delete(POD, "default", "web", grace_period_s=1)
        await eventually(world.gone)
        await world.until(lambda: len(asked) > 2)

    assert len(asked) < 20


@pytest.mark.parametrize(
    "refusal", [ControlError("bwrap is gone"), OSError(28, "No space left on device")], ids=["shim", "disk"]
)
async def test_a_container_that_cannot_be_made_says_so_and_is_tried_again(tmp_path, refusal):
    async def refuse(_spec):
        raise refusal

    world = World(tmp_path)
    world.shim.create = refuse
    async with world.running():
        await world.create(container=COMMAND)
        status = await eventually(world.container, lambda s: "waiting" in s.get("state", {}))

    assert status["state"]["waiting"] == {"reason": "CreateContainerError", "message": str(refusal)}
    assert ("Warning", "Failed", f"Error: {refusal}") in world.recorder.events
    assert status["restartCount"] == 0


@pytest.mark.parametrize("fault", [ControlError("out of order"), RuntimeError("out of order")])
async def test_a_fault_that_holds_a_pod_up_is_told_on_it(tmp_path, fault):
    async def fail(_sandbox):
        raise fault

    world = World(tmp_path)
    async with world.running():
        await world.create(container=COMMAND)
        await world.until_ready()
        world.network.detach = fail
        await world.client.delete(POD, "default", "web", grace_period_s=1)
        await world.until(lambda: "FailedSync" in world.recorder.reasons())

    assert ("Warning", "FailedSync", "error determining status: out of order") in world.recorder.events
