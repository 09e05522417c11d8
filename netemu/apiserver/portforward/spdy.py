"""[IO] Port forwarding over SPDY: a pair of streams, data and error, for each connection.

Source: Kubernetes ``pkg/kubelet/cri/streaming/portforward`` and KEP-4006, which tunnels the same
bytes through a WebSocket.
"""

from __future__ import annotations

import asyncio
import contextlib

from netemu.api.client import Object
from netemu.api.errors import ApiError
from netemu.apiserver.podaccess import PodAccess
from netemu.apiserver.portforward.copying import copy_both
from netemu.apiserver.streams.connection import Connection
from netemu.apiserver.streams.stream import Stream

PROTOCOL = "portforward.k8s.io"
PAIR_S = 30.0
"""How long the second stream of a connection may come after the first."""


class Pairs:
    """Streams that wait for their partner."""

    def __init__(self) -> None:
        self._waiting: dict[str, dict[str, Stream]] = {}

    def add(self, stream: Stream) -> tuple[Stream, Stream] | None:
        """Take a stream; give (data, error) when both are there.

        Clients before requestID existed open the error stream just before its data stream.
        """
        kind, request = stream.headers.get("streamtype", ""), stream.headers.get("requestid", "")
        if not request:
            request = str(stream.number if kind == "error" else stream.number - 2)
        pair = self._waiting.setdefault(request, {})
        pair[kind] = stream
        if not {"data", "error"} <= pair.keys():
            return None
        del self._waiting[request]
        return pair["data"], pair["error"]

    def take_lonely(self, stream: Stream) -> bool:
        """Forget a stream whose partner never came; false when it came."""
        for request, pair in self._waiting.items():
            if stream in pair.values():
                del self._waiting[request]
                return True
        return False


async def forward(connection: Connection, pod: Object, pod_access: PodAccess) -> None:
    """Forward every connection that the client opens, until it is gone."""
    pairs = Pairs()
    async with asyncio.TaskGroup() as group:
        tasks: list[asyncio.Task[None]] = []
        while (stream := await connection.accept()) is not None:
            if not _is_sound(stream):
                await stream.reset()
                continue
            pair = pairs.add(stream)
            tasks = [task for task in tasks if not task.done()]
            if pair is None:
                tasks.append(group.create_task(_give_up(pairs, stream)))
            else:
                tasks.append(group.create_task(_forward_one(*pair, pod, pod_access)))
        for task in tasks:
            task.cancel()


async def _forward_one(data: Stream, error: Stream, pod: Object, pod_access: PodAccess) -> None:
    port = int(data.headers["port"])
    with contextlib.suppress(ConnectionError):
        try:
            sock = await pod_access.dial(pod, port)
        except ApiError as err:
            name = pod["metadata"]["name"]
            await error.write(f"error forwarding port {port} to pod {name}: {err.message}".encode())
        else:
            await copy_both(sock, data, half_close=True)
        await data.end()  # whatever else the client says there must not hold up its other connections
        await data.finish()
        await error.finish()


async def _give_up(pairs: Pairs, stream: Stream) -> None:
    await asyncio.sleep(PAIR_S)
    if pairs.take_lonely(stream):
        await stream.reset()


def _is_sound(stream: Stream) -> bool:
    port = stream.headers.get("port", "")
    is_port = port.isascii() and port.isdigit() and len(port) < 6 and 0 < int(port) < 1 << 16
    return is_port and stream.headers.get("streamtype") in ("data", "error")
