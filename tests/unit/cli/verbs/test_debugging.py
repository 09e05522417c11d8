"""``debug``: which container is added, and how it is joined."""

import asyncio

import pytest

from netemu.api.kinds import POD
from netemu.cli.resources import Selection
from netemu.cli.verbs.debugging import DebugRequest, debug, ephemeral_container
from netemu.cli.verbs.pods import NoPodError
from netemu.errors import NetemuError
from netemu.testing import builders
from netemu.testing.eventually import eventually

WEB = Selection(kind=POD, names=("web",))


def request(**more):
    return DebugRequest(selection=WEB, namespace="default", image="busybox", **more)


@pytest.fixture
async def pod(client):
    return await client.create(POD, builders.pod("web", node="node-1"))


async def added(client):
    spec = (await client.get(POD, "default", "web"))["spec"]
    return spec.get("ephemeralContainers") or []


@pytest.mark.parametrize(
    ("more", "fields"),
    [
        pytest.param({"argv": ("sh", "-c", "x")}, {"command": ["sh", "-c", "x"]}, id="command"),
        pytest.param({"env": (("A", "b"),)}, {"env": [{"name": "A", "value": "b"}]}, id="env"),
        pytest.param({"stdin": True, "tty": True}, {"stdin": True, "tty": True}, id="terminal"),
        pytest.param({"target": "c"}, {"targetContainerName": "c"}, id="target"),
    ],
)
def test_the_container_is_what_was_asked_for(more, fields):
    made = ephemeral_container(request(**more), "d")

    assert {key: made[key] for key in fields} == fields
    assert made["securityContext"] == {"capabilities": {"add": ["SYS_PTRACE"]}}


async def test_a_container_is_added_and_named(session, client, pod, capsys):
    assert await debug(session, request(target="c")) == 0
    assert await debug(session, request(name="mine")) == 0

    second, first = await added(client)  # a strategic patch puts what is new first
    said = capsys.readouterr().err.splitlines()
    assert said == ['Targeting container "c".', f"Defaulting debug container name to {first['name']}."]
    assert second["name"] == "mine"


async def test_only_a_container_of_the_pod_can_be_looked_at(session, pod):
    with pytest.raises(NoPodError, match="container none is not valid for pod web"):
        await debug(session, request(target="none"))


async def ends(client, **terminated):
    """Play the agent: the container that was added has ended."""
    (container,) = await eventually(lambda: added(client))
    current = await client.get(POD, "default", "web")
    state = {"terminated": {"exitCode": 3, "startedAt": None, "finishedAt": None, **terminated}}
    status = {
        "name": container["name"],
        "image": "busybox",
        "imageID": "",
        "ready": False,
        "restartCount": 0,
        "state": state,
    }
    known = current.get("status") or {}
    changed = {**current, "status": {**known, "ephemeralContainerStatuses": [status]}}
    await client.update(POD, changed, subresource="status")


async def test_what_was_too_quick_to_be_joined_has_a_log_and_a_status(session, client, pod, capsysbinary):
    async with asyncio.TaskGroup() as group:
        debugging = group.create_task(debug(session, request(name="d", attach=True)))
        group.create_task(ends(client))

    assert debugging.result() == 3
    assert capsysbinary.readouterr().out.startswith(b"web/d ")


async def test_a_container_that_cannot_start_is_an_error(session, client, pod):
    async with asyncio.TaskGroup() as group:
        group.create_task(ends(client, reason="StartError", message="no such file"))
        with pytest.raises(NetemuError, match="container d could not be started: no such file"):
            await debug(session, request(name="d", attach=True))
