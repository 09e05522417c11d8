"""[IO] Port forwarding over WebSocket messages: two channels, data and error, for each port.

Source: Kubernetes ``pkg/kubelet/cri/streaming/portforward/websocket.go``. There is one connection
for each port, and its end is the end of all; the first message of each channel is its port.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Sequence

from aiohttp import web
from aiohttp.http import WSMsgType

from netemu.api.client import Object
from netemu.api.errors import ApiError, BadRequestError
from netemu.apiserver.exec.channels import from_text, to_text
from netemu.apiserver.podaccess import PodAccess
from netemu.apiserver.portforward.copying import copy_both

PROTOCOLS = ("v4.channel.k8s.io", "v4.base64.channel.k8s.io", "portforward.k8s.io")
WAITING_MESSAGES = 4
MOST_PORTS = 100


def parse_ports(texts: Sequence[str]) -> list[int]:
    """Read which ports a client asks for; several may stand in one text.

    Raises:
        BadRequestError: none, too many, or none that can be.

    """
    words = [word.strip() for text in texts for word in text.split(",") if word.strip()]
    if not words:
        raise BadRequestError('query parameter "port" is required')
    ports = [int(word) if word.isascii() and word.isdigit() and len(word) < 6 else 0 for word in words]
    if len(ports) > MOST_PORTS or not all(0 < port < 1 << 16 for port in ports):
        raise BadRequestError(f"unable to parse {' '.join(words)!r} as ports")
    return ports


class Channel:
    """A data channel: messages in, messages out."""

    def __init__(self, sender: Sender, number: int) -> None:
        self.incoming: asyncio.Queue[bytes] = asyncio.Queue(WAITING_MESSAGES)
        self._sender = sender
        self._number = number

    async def read(self) -> bytes:
        """Wait for bytes; empty when the client is gone."""
        return await self.incoming.get()

    async def write(self, data: bytes) -> None:
        """Send bytes."""
        await self._sender.send(self._number, data)


class Sender:
    """Writes messages in the chosen protocol."""

    def __init__(self, ws: web.WebSocketResponse) -> None:
        self._ws = ws
        self.is_text = "base64" in (ws.ws_protocol or "")

    async def send(self, channel: int, data: bytes) -> None:
        """Send one message."""
        message = bytes((channel,)) + data
        if self.is_text:
            await self._ws.send_str(to_text(message))
        else:
            await self._ws.send_bytes(message)


async def forward(
    ws: web.WebSocketResponse, ports: Sequence[int], pod: Object, pod_access: PodAccess
) -> None:
    """Forward one connection to each port, until all have ended or the client is gone."""
    sender = Sender(ws)
    channels = [Channel(sender, 2 * index) for index in range(len(ports))]
    for index, port in enumerate(ports):
        for channel in (2 * index, 2 * index + 1):
            await sender.send(channel, struct.pack("<H", port))
    async with asyncio.TaskGroup() as group:
        feeding = group.create_task(_feed(ws, sender, channels))
        forwarding = [
            group.create_task(_forward_one(sender, channel, 2 * index + 1, port, pod, pod_access))
            for index, (channel, port) in enumerate(zip(channels, ports, strict=True))
        ]
        ending = group.create_task(_all_of(forwarding))
        await asyncio.wait((feeding, ending), return_when=asyncio.FIRST_COMPLETED)
        for task in (feeding, ending, *forwarding):
            task.cancel()


async def _forward_one(
    sender: Sender, channel: Channel, error_channel: int, port: int, pod: Object, pod_access: PodAccess
) -> None:
    try:
        sock = await pod_access.dial(pod, port)
    except ApiError as err:
        words = f"error forwarding port {port} to pod {pod['metadata']['name']}: {err.message}"
        await sender.send(error_channel, words.encode())
    else:
        await copy_both(sock, channel, half_close=False)


async def _feed(ws: web.WebSocketResponse, sender: Sender, channels: Sequence[Channel]) -> None:
    async for message in ws:
        if message.type not in (WSMsgType.BINARY, WSMsgType.TEXT):
            continue
        data = message.data
        if isinstance(data, str):
            data = from_text(data) if sender.is_text else data.encode()
        if len(data) > 1 and data[0] % 2 == 0 and data[0] // 2 < len(channels):
            await channels[data[0] // 2].incoming.put(data[1:])


async def _all_of(tasks: Sequence[asyncio.Task[None]]) -> None:
    await asyncio.wait(tasks)
