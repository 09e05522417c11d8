"""exec and logs over a real Unix socket; the command is played by the test."""

from __future__ import annotations

import asyncio
import os

import aiohttp
import msgspec
import pytest

from netemu.api.errors import ApiError, BadRequestError, NotFoundError, UnavailableError
from netemu.api.kinds import POD
from netemu.apiclient.exec import exec_in_pod
from netemu.apiserver.exec import carry as exec_carry
from netemu.apiserver.podaccess import LogOptions


@pytest.fixture
def make_pod(registry):
    async def make(*containers, node="node-1", phase="Running", **meta):
        spec = {"containers": [{"name": name, "image": "nginx"} for name in containers or ("c",)]}
        if node:
            spec["nodeName"] = node
        await registry.create(POD, {"metadata": {"name": "p", "namespace": "default", **meta}, "spec": spec})
        await registry.patch(POD, "default", "p", {"status": {"phase": phase}}, subresource="status")

    return make


async def collect(command):
    """Read a command to its end: what it wrote to each stream, and its exit code."""
    written = {"stdout": b"", "stderr": b""}
    async for output in command.outputs():
        written[output.stream] += output.data
    return written["stdout"], written["stderr"], command.exit_code


def read_all(fd):
    """Read a blocking descriptor to its end."""
    data = b""
    while piece := os.read(fd, 65536):
        data += piece
    return data


async def test_output_and_exit_code_of_a_quick_command_are_complete(served, pods, make_pod):
    await make_pod()

    async def play(session):
        os.write(session.command_out, b"out")
        os.write(session.command_err, b"err")
        session.end(3)

    pods.play = play
    async with exec_in_pod(served, "default", "p", ["sh", "-c", "x y"]) as command:
        assert await collect(command) == (b"out", b"err", 3)
    assert pods.calls == [("p", "c", ("sh", "-c", "x y"), False, False)]
    assert pods.sessions[0].closed


async def test_input_reaches_the_command_and_its_end_too(served, pods, make_pod):
    await make_pod()

    async def play(session):
        data = await asyncio.to_thread(read_all, session.command_in)
        os.write(session.command_out, data.upper())
        session.end(0)

    pods.play = play
    async with exec_in_pod(served, "default", "p", ["cat"], stdin=True) as command:
        await command.write(b"hello ")
        await command.write(b"world")
        await command.end_input()
        assert await collect(command) == (b"HELLO WORLD", b"", 0)


async def test_much_output_is_carried_whole_and_in_order(served, pods, make_pod):
    await make_pod()
    wanted = b"".join(b"%08d\n" % number for number in range(100_000))

    def write(session):
        left = memoryview(wanted)
        while left:
            left = left[os.write(session.command_out, left) :]

    async def play(session):
        await asyncio.to_thread(write, session)
        session.end(0)

    pods.play = play
    async with exec_in_pod(served, "default", "p", ["cat"]) as command:
        stdout, _, code = await collect(command)
    assert (stdout == wanted, code) == (True, 0)


async def test_much_input_is_carried_to_a_slow_reader(served, pods, make_pod):
    await make_pod()

    async def play(session):
        data = await asyncio.to_thread(read_all, session.command_in)
        os.write(session.command_out, b"%d" % len(data))
        session.end(0)

    pods.play = play
    async with exec_in_pod(served, "default", "p", ["wc"], stdin=True) as command:
        for _ in range(20):
            await command.write(b"x" * 50_000)
        await command.end_input()
        assert await collect(command) == (b"1000000", b"", 0)


async def test_a_terminal_is_one_stream_with_a_size(served, pods, make_pod):
    await make_pod()

    async def play(session):
        data = await asyncio.to_thread(os.read, session.command_in, 100)
        os.write(session.command_out, b"you typed " + data)
        session.end(0)

    pods.play = play
    async with exec_in_pod(served, "default", "p", ["sh"], stdin=True, tty=True) as command:
        await command.resize(80, 24)
        await command.write(b"ls")
        assert await collect(command) == (b"you typed ls", b"", 0)
    assert pods.sessions[0].sizes == [(80, 24)]


async def test_the_command_ends_when_its_client_goes(served, pods, make_pod):
    await make_pod()
    ended = asyncio.Event()

    async def play(session):
        await session.wait()
        ended.set()

    pods.play = play
    async with exec_in_pod(served, "default", "p", ["sleep"], stdin=True):
        pass
    async with asyncio.timeout(60):
        await ended.wait()


async def test_a_silent_child_that_holds_the_pipes_does_not_hold_the_answer(
    served, pods, make_pod, monkeypatch
):
    monkeypatch.setattr(exec_carry, "DRAIN_S", 0.05)
    await make_pod()
    held = []

    async def play(session):
        os.write(session.command_out, b"started")
        held.append(os.dup(session.command_out))
        session.end(0)

    pods.play = play
    async with exec_in_pod(served, "default", "p", ["sh"]) as command:
        assert await collect(command) == (b"started", b"", 0)
    os.close(held[0])


async def test_a_container_that_does_not_run_is_told_as_by_an_api_server_before_a_kubelet(
    served, pods, make_pod
):
    await make_pod()
    pods.refusal = NotFoundError('container not found ("c")')
    words = 'Internal error occurred: unable to upgrade connection: container not found \\("c"\\)'

    async with exec_in_pod(served, "default", "p", ["true"]) as command:
        with pytest.raises(ApiError, match=f"^{words}$"):
            await collect(command)


async def test_a_command_that_cannot_start_is_an_error_with_the_reason(served, pods, make_pod):
    await make_pod()
    pods.refusal = BadRequestError("exec: 'nope': not found", hint="Look at PATH.")

    async with exec_in_pod(served, "default", "p", ["nope"]) as command:
        with pytest.raises(BadRequestError, match="'nope': not found"):
            await collect(command)


@pytest.mark.parametrize(
    ("pod", "container", "message"),
    [
        pytest.param({}, "x", "container x is not valid for pod p", id="no-such-container"),
        pytest.param(
            {"containers": ("a", "b")}, "",
            r"a container name must be specified for pod p, choose one of: \[a b\]", id="choice",
        ),
        pytest.param({"node": ""}, "", "pod p does not have a host assigned", id="unscheduled"),
        pytest.param(
            {"phase": "Succeeded"}, "",
            "cannot exec into a container in a completed pod; current phase is Succeeded", id="completed",
        ),
    ],
)  # fmt: skip
async def test_a_pod_that_cannot_be_reached_is_refused_in_kubernetes_words(
    served, make_pod, pod, container, message
):
    await make_pod(*pod.pop("containers", ()), **pod)

    with pytest.raises(BadRequestError, match=message):
        async with exec_in_pod(served, "default", "p", ["sh"], container=container):
            pass


async def test_the_annotated_container_is_the_default(served, pods, make_pod):
    await make_pod("a", "b", annotations={"kubectl.kubernetes.io/default-container": "b"})

    async def play(session):
        session.end(0)

    pods.play = play
    async with exec_in_pod(served, "default", "p", ["true"]) as command:
        await collect(command)
    assert pods.calls[0][1] == "b"


async def test_a_pod_that_does_not_exist_is_not_found(served):
    with pytest.raises(NotFoundError, match='pods "p" not found'):
        async with exec_in_pod(served, "default", "p", ["sh"]):
            pass


async def test_clients_without_websocket_are_told(http, make_pod):
    await make_pod()
    response = await http.request("POST", "/api/v1/namespaces/default/pods/p/exec", query={"command": "sh"})

    assert response.status == 400
    assert msgspec.json.decode(response.body)["message"] == "Upgrade request required"


async def test_other_websocket_clients_are_served_with_version_4(served, pods, make_pod):
    await make_pod()

    async def play(session):
        os.write(session.command_out, b"hello")
        session.end(7)

    pods.play = play
    connector = aiohttp.UnixConnector(path=str(served))
    url = "http://netemu/api/v1/namespaces/default/pods/p/exec?command=a&stdout=true&stderr=true"
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        session.ws_connect(url, protocols=["v4.channel.k8s.io"]) as ws,
    ):
        messages = [message.data async for message in ws]

    assert ws.protocol == "v4.channel.k8s.io"
    assert messages[0] == b"\x01hello"
    assert messages[-1][:1] == b"\x03"
    assert msgspec.json.decode(messages[-1][1:]) == {
        "metadata": {},
        "status": "Failure",
        "message": "command terminated with non-zero exit code: exit status 7",
        "reason": "NonZeroExitCode",
        "details": {"causes": [{"reason": "ExitCode", "message": "7"}]},
    }


async def test_a_connection_that_breaks_is_no_exit_code(served, pods, make_pod):
    await make_pod()

    async def play(session):
        await session.wait()

    pods.play = play
    async with exec_in_pod(served, "default", "p", ["sh"]) as command:
        with pytest.raises(UnavailableError, match="ended before the command did"):
            _ = command.exit_code


async def test_logs_are_streamed(http, pods, make_pod):
    await make_pod()
    query = {"tailLines": "2", "timestamps": "true", "sinceSeconds": "9", "follow": "false"}

    response = await http.request("GET", "/api/v1/namespaces/default/pods/p/log", query=query)

    assert (response.body, response.headers["content-type"]) == (b"one\ntwo\n", "text/plain")
    assert pods.calls == [("p", "c", LogOptions(tail_lines=2, timestamps=True, since_s=9))]


@pytest.mark.parametrize(
    ("protocols", "messages"),
    [
        ((), [b"one\n", b"two\n"]),
        (("binary.k8s.io",), [b"one\n", b"two\n"]),
        (("base64.binary.k8s.io",), ["b25lCg==", "dHdvCg=="]),
    ],
)
async def test_logs_are_streamed_over_websocket(served, make_pod, protocols, messages):
    await make_pod()
    connector = aiohttp.UnixConnector(path=str(served))
    url = "http://netemu/api/v1/namespaces/default/pods/p/log?container=c"
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        session.ws_connect(url, protocols=protocols) as ws,
    ):
        assert [message.data async for message in ws] == messages


async def test_a_client_that_closes_ends_a_log_that_goes_on(served, pods, make_pod):
    await make_pod()
    connector = aiohttp.UnixConnector(path=str(served))
    url = "http://netemu/api/v1/namespaces/default/pods/p/log?follow=true"
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        session.ws_connect(url, protocols=["binary.k8s.io"]) as ws,
    ):
        assert await ws.receive_bytes() == b"one\n"
    async with asyncio.timeout(60):
        await pods.log_closed.wait()


async def test_a_log_that_cannot_be_read_is_an_error_before_its_first_byte(http, pods, make_pod):
    await make_pod()
    pods.refusal = BadRequestError('container "c" in pod "p" is waiting to start: ContainerCreating')

    with pytest.raises(ApiError, match="is waiting to start"):
        _ = [piece async for piece in http.stream("GET", "/api/v1/namespaces/default/pods/p/log")]


async def test_a_pod_without_a_node_has_said_nothing(http, make_pod):
    await make_pod(node="")

    response = await http.request("GET", "/api/v1/namespaces/default/pods/p/log")

    assert (response.status, response.body) == (200, b"")
