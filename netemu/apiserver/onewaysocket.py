"""[IO] A WebSocket on which only the server speaks, in the place of an HTTP answer that goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any

from aiohttp import web

from netemu.apiserver.streams.failures import first_failure

MAX_MESSAGE_BYTES = 4096
"""Clients have nothing to say."""


def wants_socket(request: web.BaseRequest) -> bool:
    """Tell whether what is read is to come over WebSocket."""
    connection = request.headers.get("Connection", "").lower()
    return "upgrade" in connection and request.headers.get("Upgrade", "").lower() == "websocket"


class OneWaySocket(web.WebSocketResponse):
    """Ends when there is no more to say, or the client closes."""

    def __init__(self, protocols: Sequence[str] = ()) -> None:
        super().__init__(compress=False, max_msg_size=MAX_MESSAGE_BYTES, protocols=protocols)

    async def until_closed(self, speaking: Coroutine[Any, Any, None]) -> None:
        """Speak until that ends, or the client closes."""
        with first_failure():
            async with asyncio.TaskGroup() as group:
                speak, read = group.create_task(speaking), group.create_task(self._read())
                await asyncio.wait((speak, read), return_when=asyncio.FIRST_COMPLETED)
                speak.cancel()
                read.cancel()

    async def _read(self) -> None:
        async for _ in self:
            pass
