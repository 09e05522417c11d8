"""[IO] A watch over WebSocket: one message for each event, as browsers and some clients ask for."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from aiohttp import web

from netemu.apiserver.streams.failures import first_failure

MAX_MESSAGE_BYTES = 4096
"""Clients have nothing to say in a watch."""


def wants_socket(request: web.BaseRequest) -> bool:
    """Tell whether a watch is to go over WebSocket."""
    connection = request.headers.get("Connection", "").lower()
    return "upgrade" in connection and request.headers.get("Upgrade", "").lower() == "websocket"


class WatchSocket(web.WebSocketResponse):
    """Takes lines as an HTTP answer does, and sends each as a message."""

    def __init__(self) -> None:
        super().__init__(compress=False, max_msg_size=MAX_MESSAGE_BYTES)
        self._rest = b""

    async def write(self, data: bytes | bytearray | memoryview[int] | memoryview[bytes]) -> None:
        """Send the lines that are complete."""
        *lines, self._rest = (self._rest + bytes(data)).split(b"\n")
        for line in lines:
            await self.send_str(line.decode())

    async def until_closed(self, following: Coroutine[Any, Any, None]) -> None:
        """Follow until that ends, or the client closes."""
        with first_failure():
            async with asyncio.TaskGroup() as group:
                follow, read = group.create_task(following), group.create_task(self._read())
                await asyncio.wait((follow, read), return_when=asyncio.FIRST_COMPLETED)
                follow.cancel()
                read.cancel()

    async def _read(self) -> None:
        async for _ in self:
            pass
