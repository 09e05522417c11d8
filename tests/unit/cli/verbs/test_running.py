"""``run`` with somebody at the terminal."""

import asyncio

import pytest

from netemu.api.errors import NotFoundError
from netemu.api.kinds import POD
from netemu.cli import generate
from netemu.cli.resources import UsageError
from netemu.cli.verbs.running import Terminal, run_attached, with_terminal
from netemu.testing.eventually import eventually

TMP = generate.pod("tmp", "default", "busybox", restart="Never", words=["date"])


@pytest.mark.parametrize(
    ("terminal", "streams"),
    [
        (Terminal(), {}),
        (Terminal(stdin=True), {"stdin": True}),
        (Terminal(stdin=True, attach=True), {"stdin": True, "stdinOnce": True}),
        (Terminal(stdin=True, tty=True, attach=True), {"stdin": True, "stdinOnce": True, "tty": True}),
    ],
)
def test_the_container_gets_the_streams_of_its_user(terminal, streams):
    (container,) = with_terminal(TMP, terminal)["spec"]["containers"]

    assert container == {"name": "tmp", "image": "busybox", "args": ["date"], **streams}


@pytest.mark.parametrize("options", [{"remove": True}, {"tty": True, "attach": True}])
def test_what_nobody_would_wait_for_is_refused(options):
    with pytest.raises(UsageError):
        Terminal(**options)


async def ends(client, state, key="state"):
    """Play the agent: the pod's container has ended."""

    async def find():
        try:
            return await client.get(POD, "default", "tmp")
        except NotFoundError:
            return None

    pod = await eventually(find)
    status = {
        "name": "tmp",
        "image": "busybox",
        "imageID": "",
        "ready": False,
        "restartCount": 0,
        key: {"terminated": {"exitCode": 4, "startedAt": None, "finishedAt": None, **state}},
    }
    await client.update(POD, {**pod, "status": {"containerStatuses": [status]}}, subresource="status")


@pytest.mark.parametrize("key", ["state", "lastState"])
@pytest.mark.parametrize(
    ("remove", "last_line"),
    [(True, 'pod "tmp" deleted from default namespace'), (False, "second line")],
)
async def test_a_pod_is_joined_and_goes_when_it_was_left(
    session, client, capsysbinary, key, remove, last_line
):
    terminal = Terminal(attach=True, remove=remove)
    placed = {**TMP, "spec": {**TMP["spec"], "nodeName": "node-1"}}
    async with asyncio.TaskGroup() as group:
        running = group.create_task(run_attached(session, placed, terminal, quiet=False))
        group.create_task(ends(client, {}, key))

    lines = capsysbinary.readouterr().out.decode().splitlines()
    assert running.result() == 4
    assert ("pod/tmp created" in lines) is not remove
    assert "second line" in lines
    assert last_line in lines
    (pod,) = (await client.list(POD)).items
    assert ("deletionTimestamp" in pod["metadata"]) is remove
