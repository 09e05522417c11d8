"""Hooks, probes and ends of containers, and a daemon that dies between them."""

import asyncio

import pytest

from netemu.api.kinds import POD
from netemu.naming import Revision
from netemu.testing.agent_world import World
from netemu.testing.eventually import eventually

COMMAND = ["sleep", "1"]


def hooked(*, start="", stop="", **more):
    hooks = {"postStart": start, "preStop": stop}
    lifecycle = {kind: {"exec": {"command": [word]}} for kind, word in hooks.items() if word}
    return {"command": COMMAND, "lifecycle": lifecycle, **more}


async def told_until_restarted(world, pod):
    """Give what is told of the container after a moment, up to its first restart."""
    told = []
    async for event in world.client.watch(POD, revision=Revision(int(pod["metadata"]["resourceVersion"]))):
        told += event.object["status"]["containerStatuses"]
        if told[-1]["restartCount"]:
            break
    return told


def words(world):
    return [argv[0] for _id, argv in world.shim.commands]


def signals(world):
    return [signum for _id, signum in world.shim.signals]


async def test_a_container_is_not_running_before_its_first_hook_is_done(tmp_path):
    world = World(tmp_path)
    world.shim.exit_codes["hello"] = None
    async with world.running() as agent:
        uid = (await world.create(container=hooked(start="hello")))["metadata"]["uid"]
        await world.until(lambda: words(world) == ["hello"])
        status = await eventually(world.container, lambda s: "waiting" in s.get("state", {}))
        assert status["state"]["waiting"]["reason"] == "ContainerCreating"
        assert agent.work_of(uid).is_running("c")
        assert await world.phase() == "Pending"


async def test_a_container_whose_first_hook_fails_is_ended_and_started_again(tmp_path):
    world = World(tmp_path)
    world.shim.exit_codes["hello"] = 1
    async with world.running():
        await world.create(container=hooked(start="hello"))
        await eventually(world.container, lambda s: s.get("restartCount") == 1)

    assert ("Warning", "FailedPostStartHook", "PostStartHook failed") in world.recorder.events
    assert ("Normal", "Killing", "FailedPostStartHook") in world.recorder.events
    assert 15 in signals(world)


async def test_a_container_whose_first_hook_failed_is_never_told_as_running(tmp_path):
    world = World(tmp_path, obedient=False)
    world.shim.exit_codes["hello"] = 1
    async with world.running():
        pod = await world.create(container=hooked(start="hello"), terminationGracePeriodSeconds=1)
        told = await told_until_restarted(world, pod)

    assert not [each for each in told if "running" in each["state"] or each["ready"]]


async def test_sigterm_comes_after_the_last_hook(tmp_path):
    world = World(tmp_path)
    async with world.running():
        await world.create(container=hooked(stop="bye"))
        await world.until_ready()
        await world.client.delete(POD, "default", "web")
        await eventually(world.gone)

    assert words(world) == ["bye"]
    assert signals(world) == [15]
    assert "FailedPreStopHook" not in world.recorder.reasons()


async def test_a_last_hook_that_fails_is_told_and_holds_nothing_up(tmp_path):
    world = World(tmp_path)
    world.shim.exit_codes["bye"] = 3
    async with world.running():
        await world.create(container=hooked(stop="bye"))
        await world.until_ready()
        await world.client.delete(POD, "default", "web")
        await eventually(world.gone)

    assert ("Warning", "FailedPreStopHook", "PreStopHook failed") in world.recorder.events


async def test_a_hook_that_hangs_is_given_up_with_the_grace_period(tmp_path):
    world = World(tmp_path)
    world.shim.exit_codes["bye"] = None
    async with world.running():
        await world.create(container=hooked(stop="bye"))
        await world.until_ready()
        await world.client.delete(POD, "default", "web", grace_period_s=1)
        await eventually(world.gone)

    assert signals(world) == [15]
    assert not world.network.attached


async def test_a_shorter_grace_period_hurries_a_pod_that_is_ending(tmp_path):
    world = World(tmp_path)
    world.shim.exit_codes["bye"] = None
    async with world.running():
        await world.create(container=hooked(stop="bye"))
        await world.until_ready()
        await world.client.delete(POD, "default", "web", grace_period_s=600)
        await world.until(lambda: words(world) == ["bye"])
        await world.client.delete(POD, "default", "web", grace_period_s=1)
        await eventually(world.gone)


async def test_a_pod_that_was_removed_by_force_is_still_asked_to_end(tmp_path):
    world = World(tmp_path)
    async with world.running():
        await world.create(container=hooked(stop="bye"))
        await world.until_ready()
        await world.client.delete(POD, "default", "web", grace_period_s=0)
        await world.until(lambda: not world.network.attached)

    assert words(world) == []
    assert signals(world) == [15]


@pytest.mark.parametrize("kind", ["livenessProbe", "startupProbe"])
async def test_a_probe_that_fails_restarts_the_container(tmp_path, kind):
    world = World(tmp_path)
    world.shim.exit_codes["well"] = 1
    probe = {"exec": {"command": ["well"]}, "failureThreshold": 1, "periodSeconds": 1}
    async with world.running():
        await world.create(container={"command": COMMAND, kind: probe})
        await eventually(world.container, lambda s: s.get("restartCount") == 1)

    word = kind.removesuffix("Probe")
    told = [message for _type, _reason, message in world.recorder.events]
    assert f"{word.capitalize()} probe failed: " in told
    assert f"Container c failed {word} probe, will be restarted" in told


async def test_another_image_restarts_the_container(tmp_path):
    world = World(tmp_path)
    async with world.running():
        await world.create(container={"command": COMMAND}, restartPolicy="Never")
        pod = await world.until_ready()
        container = {**pod["spec"]["containers"][0], "image": "httpd"}
        await world.client.update(POD, {**pod, "spec": {**pod["spec"], "containers": [container]}})
        await eventually(world.container, lambda s: s.get("restartCount") == 1)

    assert ("Normal", "Killing", "Container c definition changed, will be restarted") in world.recorder.events


async def test_another_image_does_not_restart_what_prepares_the_pod(tmp_path):
    world = World(tmp_path)
    init = {"name": "i", "image": "busybox", "command": COMMAND}
    async with world.running():
        pod = await world.create(container={"command": COMMAND}, initContainers=[init])
        await world.until(lambda: len(world.shim.containers) == 1)
        changed = {**(await world.pod())["spec"], "initContainers": [{**init, "image": "alpine"}]}
        await world.client.patch(POD, "default", "web", {"spec": changed})
        (first,) = world.shim.containers
        await eventually(world.pod, lambda pod: pod["status"].get("observedGeneration") == 2)
        world.shim.end(first, 0)
        await world.until_ready()

    assert signals(world) == []
    assert first == f"{pod['metadata']['uid']}_i_0"


async def test_nobody_is_told_of_the_moment_between_two_images(tmp_path):
    world = World(tmp_path)
    async with world.running():
        await world.create(container={"command": COMMAND})
        pod = await world.until_ready()
        container = {**pod["spec"]["containers"][0], "image": "httpd"}
        await world.client.update(POD, {**pod, "spec": {**pod["spec"], "containers": [container]}})
        async with asyncio.timeout(60):
            told = await told_until_restarted(world, pod)

    assert {(status["ready"], "running" in status["state"]) for status in told} == {(True, True)}


async def test_a_pod_whose_time_is_over_fails(tmp_path):
    world = World(tmp_path)
    async with world.running():
        await world.create(container={"command": COMMAND}, activeDeadlineSeconds=1)
        await eventually(world.phase, lambda phase: phase == "Failed")
        pod = await world.pod()

    assert pod["status"]["reason"] == "DeadlineExceeded"
    assert signals(world) == [15]
    assert "DeadlineExceeded" in world.recorder.reasons()


async def test_a_daemon_that_dies_during_a_hook_does_not_run_it_again(tmp_path):
    world = World(tmp_path)
    world.shim.exit_codes["hello"] = None
    async with world.running():
        await world.create(container=hooked(start="hello"))
        await world.until(lambda: words(world) == ["hello"])
    async with world.running(world.states()):
        await world.until_ready()

    assert words(world) == ["hello"]
    assert len(world.shim.specs) == 1


async def test_a_daemon_that_dies_before_a_hook_runs_it_when_it_is_back(tmp_path):
    world = World(tmp_path)
    world.shim.exit_codes["hello"] = None
    async with world.running():
        await world.create(container=hooked(start="hello"))
        await world.until(lambda: words(world) == ["hello"])
    for note in (world.paths.node_run("node-1") / "hooks").iterdir():
        note.unlink()
    world.shim.commands.clear()
    world.shim.exit_codes["hello"] = 0
    async with world.running(world.states()):
        await world.until_ready()

    assert words(world) == ["hello"]


async def test_a_daemon_that_dies_while_a_pod_ends_goes_on_with_it(tmp_path):
    world = World(tmp_path)
    world.shim.exit_codes["bye"] = None
    async with world.running():
        await world.create(container=hooked(stop="bye"))
        await world.until_ready()
        await world.client.delete(POD, "default", "web", grace_period_s=2)
        await world.until(lambda: words(world) == ["bye"])
    async with world.running(world.states()):
        await eventually(world.gone)

    assert words(world) == ["bye"]
    assert not world.shim.containers


async def test_a_new_daemon_keeps_counts_and_back_off(tmp_path):
    world = World(tmp_path)
    async with world.running():
        await world.create(container={"command": COMMAND})
        for count in (0, 1):
            await eventually(world.container, lambda s, n=count: s.get("restartCount") == n and s["started"])
            (current,) = world.shim.containers
            world.shim.end(current, 1, at_s=world.shim.containers[current].started_at_s)
        await eventually(world.container, lambda s: "waiting" in s.get("state", {}))
    before = await world.pod()
    async with world.running(world.states()) as agent:
        life = agent.work_of(before["metadata"]["uid"]).lives["c"]

    assert (life.attempt, life.crashes) == (1, 1)
    assert (await world.pod())["status"] == before["status"]
    assert len(world.shim.specs) == 2


async def test_a_probe_that_gives_up_leaves_what_it_began_to_others(tmp_path):
    world = World(tmp_path)
    create, begun = world.shim.create, []

    async def create_slowly(spec):
        state = await create(spec)
        if spec.id.endswith("_exec"):
            begun.append(spec.id)
            await asyncio.get_running_loop().create_future()
        return state

    world.shim.create = create_slowly
    probe = {"exec": {"command": ["ok"]}, "periodSeconds": 1, "timeoutSeconds": 1}
    async with world.running():
        await world.create(container={"readinessProbe": probe})
        await world.until_ready()

    assert len(begun) == 1
