"""[IO] A sign of life from time to time, so that the death of a client is noticed."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

BEAT_S = 10.0


async def beat(ping: Callable[[], Awaitable[None]]) -> None:
    """Send a ping every ``BEAT_S`` seconds until the client is gone.

    Who reads a client no further, because nobody takes what it sends, learns of its end from the
    kernel alone; and over TCP only when it answers something that it does not expect any more.
    """
    with contextlib.suppress(ConnectionError):
        while True:
            await asyncio.sleep(BEAT_S)
            await ping()
