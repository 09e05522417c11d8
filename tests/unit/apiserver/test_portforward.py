"""Port forwarding in its three ways; the pod's side of each connection is played by the test."""

from __future__ import annotations

import asyncio
import base64
import struct

import aiohttp
import msgspec
import pytest

from netemu.api.errors import UnavailableError
from netemu.api.kinds import POD
from netemu.apiserver.streams.spdy import Data, Decoder, Encoder, SynStream

PATH = "/api/v1/namespaces/default/pods/p/portforward"


@pytest.fixture
async def pod(registry):
    spec = {"containers": [{"name": "c", "image": "nginx"}], "nodeName": "node-1"}
    await registry.create(POD, {"metadata": {"name": "p", "namespace": "default"}, "spec": spec})
    await registry.patch(POD, "default", "p", {"status": {"phase": "Running"}}, subresource="status")


@pytest.fixture
async def client(served, pod):
    connector = aiohttp.UnixConnector(path=str(served))
    async with aiohttp.ClientSession("http://api.test", connector=connector) as session:
        yield session


async def shout(sock):
    """Answer everything in capitals, until the other side has no more."""
    loop = asyncio.get_running_loop()
    with sock:
        while data := await loop.sock_recv(sock, 65536):
            await loop.sock_sendall(sock, data.upper())


async def greet_and_leave(sock):
    with sock:
        await asyncio.get_running_loop().sock_sendall(sock, b"bye")


class Tunnel:
    """kubectl's end: SPDY in the binary messages of a WebSocket."""

    def __init__(self, ws) -> None:
        self._ws = ws
        self._encoder, self._decoder = Encoder(), Decoder()
        self.data = {}
        self.ended = set()

    async def open(self, number, kind, request, port="80"):
        headers = {"streamType": kind, "port": port, "requestID": request}
        self.data[number] = b""
        await self._send(SynStream(number, headers, kind == "error"))

    async def say(self, number, data, *, fin=False):
        await self._send(Data(number, data, fin))

    async def end_of(self, *numbers):
        async with asyncio.timeout(60):
            while not self.ended.issuperset(numbers):
                for frame in self._decoder.feed(await self._ws.receive_bytes()):
                    self._take(frame)
        return [self.data[number] for number in numbers]

    async def _send(self, frame):
        await self._ws.send_bytes(self._encoder.encode(frame))

    def _take(self, frame):
        match frame:
            case Data(number, data, fin):
                self.data[number] += data
                self.ended |= {number} if fin else set()


@pytest.fixture
async def tunnel(client):
    async with client.ws_connect(PATH, protocols=["SPDY/3.1+portforward.k8s.io"]) as ws:
        assert ws.protocol == "SPDY/3.1+portforward.k8s.io"
        yield Tunnel(ws)


async def test_a_pair_of_streams_is_a_connection(tunnel, pods):
    pods.play = shout
    await tunnel.open(1, "error", "0")
    await tunnel.open(3, "data", "0")
    await tunnel.say(3, b"hello")
    await tunnel.say(3, b" world", fin=True)

    assert await tunnel.end_of(3, 1) == [b"HELLO WORLD", b""]
    assert pods.calls == [("p", 80)]


async def test_connections_share_a_tunnel(tunnel, pods):
    pods.play = shout
    for first in (1, 5, 9):
        await tunnel.open(first, "error", str(first))
        await tunnel.open(first + 2, "data", str(first))
    for first in (9, 1, 5):
        await tunnel.say(first + 2, b"from %d" % first, fin=True)

    assert await tunnel.end_of(3, 7, 11) == [b"FROM 1", b"FROM 5", b"FROM 9"]


async def test_the_pod_can_end_a_connection(tunnel, pods):
    pods.play = greet_and_leave
    await tunnel.open(1, "error", "0")
    await tunnel.open(3, "data", "0")

    assert await tunnel.end_of(3, 1) == [b"bye", b""]


async def test_who_reads_no_more_does_not_hold_up_the_other_connections(tunnel, pods):
    pods.play = greet_and_leave
    await tunnel.open(1, "error", "0")
    await tunnel.open(3, "data", "0")
    await tunnel.end_of(3)
    pods.play = shout
    for _ in range(20):
        await tunnel.say(3, b"nobody hears this")
    await tunnel.open(5, "error", "1")
    await tunnel.open(7, "data", "1")
    await tunnel.say(7, b"but this", fin=True)

    assert await tunnel.end_of(7) == [b"BUT THIS"]


async def test_a_closed_port_is_told_on_the_error_stream(tunnel, pods):
    pods.refusal = UnavailableError("dial tcp 127.0.0.1:80: connect: connection refused")
    await tunnel.open(1, "error", "0")
    await tunnel.open(3, "data", "0")

    assert await tunnel.end_of(1, 3) == [
        b"error forwarding port 80 to pod p: dial tcp 127.0.0.1:80: connect: connection refused",
        b"",
    ]


async def test_messages_of_a_channel_are_a_ports_bytes(client, pods):
    pods.play = shout
    async with client.ws_connect(f"{PATH}?ports=80&ports=81", protocols=["v4.channel.k8s.io"]) as ws:
        ports = [await ws.receive_bytes() for _ in range(4)]
        await ws.send_bytes(b"\x02hello")
        answer = await ws.receive_bytes()

    assert ports == [bytes((channel,)) + struct.pack("<H", 80 + channel // 2) for channel in range(4)]
    assert answer == b"\x02HELLO"


async def test_browsers_may_speak_base64(client, pods):
    pods.play = shout
    async with client.ws_connect(f"{PATH}?ports=80", protocols=["v4.base64.channel.k8s.io"]) as ws:
        heard = [await ws.receive_str() for _ in range(2)]
        await ws.send_str("0" + base64.b64encode(b"hello").decode())
        heard.append(await ws.receive_str())

    assert [base64.b64decode(each[1:]) for each in heard] == [b"P\0", b"P\0", b"HELLO"]


async def test_the_websocket_ends_with_its_connections(client, pods):
    pods.play = greet_and_leave
    async with client.ws_connect(f"{PATH}?ports=80", protocols=["v4.channel.k8s.io"]) as ws:
        messages = [message.data async for message in ws]

    assert messages[2:] == [b"\x00bye"]


async def test_a_closed_port_is_told_on_the_error_channel(client, pods):
    pods.refusal = UnavailableError("connection refused")
    async with client.ws_connect(f"{PATH}?ports=80", protocols=["v4.channel.k8s.io"]) as ws:
        messages = [message.data async for message in ws]

    assert messages[2:] == [b"\x01error forwarding port 80 to pod p: connection refused"]


@pytest.mark.parametrize("query", ["", "?ports=0", "?ports=70000", "?ports=a", "?ports=²"])
async def test_ports_that_cannot_be_are_refused(client, query):
    with pytest.raises(aiohttp.WSServerHandshakeError, match="400"):
        await client.ws_connect(PATH + query, protocols=["v4.channel.k8s.io"])


async def test_a_pod_that_has_ended_forwards_nothing(http, registry, pod):
    await registry.patch(POD, "default", "p", {"status": {"phase": "Failed"}}, subresource="status")

    response = await http.request("POST", PATH)

    assert msgspec.json.decode(response.body)["message"] == (
        "unable to forward port because pod is not running. Current status=Failed"
    )
