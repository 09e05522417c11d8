import asyncio
import socket

import msgspec
import pytest

from netemu.runtime.connection import Connection
from netemu.runtime.errors import DisconnectedError
from netemu.runtime.framing import Decoder, encode


def ended(id):
    return {"event": "exited", "state": {"id": id, "running": False}}


async def test_whoever_asked_for_a_container_knows_of_it_before_its_end_is_told():
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    connection = Connection(ours)
    seen = []

    async def create():
        await connection.call("create")
        seen.append("created")

    async def listen():
        async for state in connection.exited():
            seen.append(state.id)  # noqa: PERF401 - others append in between

    async with asyncio.TaskGroup() as group:
        group.create_task(listen())
        group.create_task(create())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        (request,) = Decoder().feed(theirs.recv(4096))
        answer = {"id": msgspec.json.decode(request)["id"], "result": None}
        messages = (ended("another"), answer, ended("the one"))
        theirs.sendall(b"".join(encode(msgspec.json.encode(message)) for message in messages))
        theirs.close()

    assert seen.index("created") < seen.index("the one")
    assert seen[-1] == "the one"


async def test_a_question_that_was_cut_off_half_way_is_not_followed_by_another():
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    connection = Connection(ours)

    with theirs:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await connection.call("put", data="x" * 4_000_000)  # more than a socket holds

        assert connection.is_closed
        with pytest.raises(DisconnectedError):
            await connection.call("list")
