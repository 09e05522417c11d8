import asyncio
import socket

import msgspec

from netemu.runtime.connection import Connection
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
