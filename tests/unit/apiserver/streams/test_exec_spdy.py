"""Commands over SPDY, as kubectl before 1.30 runs them."""

from __future__ import annotations

import asyncio
import os

import msgspec
import pytest

from netemu.apiserver.streams.spdy import Data

EXEC = "/api/v1/namespaces/default/pods/p/exec?command=sh"
ATTACH = "/api/v1/namespaces/default/pods/p/attach"
ALL = ("v4.channel.k8s.io", "v3.channel.k8s.io", "v2.channel.k8s.io", "channel.k8s.io")

pytestmark = pytest.mark.usefixtures("running_pod")


def read_all(fd):
    data = b""
    while piece := os.read(fd, 65536):
        data += piece
    return data


async def test_output_errors_and_exit_code_each_have_their_stream(spdy, pods):
    async def play(session):
        os.write(session.command_out, b"out")
        os.write(session.command_err, b"err")
        session.end(3)

    pods.play = play
    async with spdy(f"{EXEC}&stdout=1&stderr=1", *ALL) as client:
        error, stdout, stderr = [await client.open(streamtype=each) for each in ("error", "stdout", "stderr")]
        status = msgspec.json.decode(await client.end_of(error))

    assert (client.data[stdout], client.data[stderr]) == (b"out", b"err")
    assert status["details"]["causes"] == [{"reason": "ExitCode", "message": "3"}]
    assert "X-Stream-Protocol-Version: v4.channel.k8s.io" in client.head


async def test_the_end_of_a_stream_is_the_end_of_input(spdy, pods):
    async def play(session):
        data = await asyncio.to_thread(read_all, session.command_in)
        os.write(session.command_out, data.upper())
        session.end(0)

    pods.play = play
    async with spdy(f"{EXEC}&stdin=1&stdout=1", *ALL) as client:
        error, stdin, stdout = [await client.open(streamtype=each) for each in ("error", "stdin", "stdout")]
        await client.send(stdin, b"hello ")
        await client.send(stdin, b"world", fin=True)
        status = msgspec.json.decode(await client.end_of(error))

    assert (client.data[stdout], status["status"]) == (b"HELLO WORLD", "Success")


async def test_a_terminal_learns_its_size_on_a_stream_of_its_own(spdy, pods):
    async def play(session):
        data = await asyncio.to_thread(os.read, session.command_in, 100)
        os.write(session.command_out, b"you typed " + data)
        session.end(0)

    pods.play = play
    async with spdy(f"{EXEC}&stdin=1&stdout=1&tty=1", *ALL) as client:
        names = ("error", "stdin", "stdout", "resize")
        error, stdin, stdout, resize = [await client.open(streamtype=name) for name in names]
        await client.send(resize, b'{"Width":80,"Height":24}\n{"Width":1')
        await client.send(resize, b'00,"Height":30}\n')
        await client.send(stdin, b"ls")
        await client.end_of(error)

    assert client.data[stdout] == b"you typed ls"
    assert pods.sessions[0].sizes == [(80, 24), (100, 30)]


async def test_the_oldest_version_says_what_failed_in_words(spdy, pods):
    async def play(session):
        session.end(7)

    pods.play = play
    async with spdy(f"{EXEC}&stdout=1") as client:
        error, _ = [await client.open(streamtype=each) for each in ("error", "stdout")]
        words = await client.end_of(error)

    assert words == b"command terminated with non-zero exit code: exit status 7"


async def test_the_command_ends_when_its_client_goes(spdy, pods):
    ended = asyncio.Event()

    async def play(session):
        await session.wait()
        ended.set()

    pods.play = play
    async with spdy(f"{EXEC}&stdout=1", *ALL) as client:
        await client.open(streamtype="error")
        await client.open(streamtype="stdout")
        await client.until(lambda: bool(pods.sessions))
        client.writer.close()
        async with asyncio.timeout(60):
            await ended.wait()
    assert pods.sessions[0].closed


async def test_the_command_ends_when_its_client_goes_though_nobody_reads_what_it_sent(spdy, pods):
    ended = asyncio.Event()

    async def play(session):
        await session.wait()
        ended.set()

    pods.play = play
    async with spdy(f"{EXEC}&stdin=1", *ALL) as client:
        _, stdin = [await client.open(streamtype=each) for each in ("error", "stdin")]
        for _ in range(30):
            client.writer.write(client._encoder.encode(Data(stdin, b"x" * 32_768)))
        await client.until(lambda: bool(pods.sessions))
        client.writer.transport.abort()
        async with asyncio.timeout(60):
            await ended.wait()


async def test_a_client_that_goes_before_its_streams_came_starts_nothing(spdy, pods):
    async with spdy(f"{EXEC}&stdout=1", *ALL) as client:
        await client.open(streamtype="error")

    assert pods.sessions == []


async def test_no_common_version_is_refused(ask):
    async with ask(f"{EXEC}&stdout=1", "v9.channel.k8s.io") as (head, reader, _):
        body = msgspec.json.decode(await reader.read(4096))

    assert head.startswith("HTTP/1.1 403")
    assert body["message"].startswith("unable to upgrade: unable to negotiate protocol: client supports [v9.")


async def test_no_stream_at_all_is_refused(http):
    response = await http.request("POST", EXEC, headers={"Upgrade": "SPDY/3.1", "Connection": "Upgrade"})

    assert msgspec.json.decode(response.body)["message"] == (
        "you must specify at least 1 of stdin, stdout, stderr"
    )


async def test_attaching_shows_what_the_container_says(spdy, pods):
    async def play(session):
        os.write(session.command_out, b"hello")
        session.end(0)

    pods.play = play
    async with spdy(f"{ATTACH}?stdout=1&stderr=1", *ALL) as client:
        error, stdout, _ = [await client.open(streamtype=each) for each in ("error", "stdout", "stderr")]
        await client.end_of(error)

    assert client.data[stdout] == b"hello"
    assert pods.calls == [("p", "c", ("attached",), False, False)]
