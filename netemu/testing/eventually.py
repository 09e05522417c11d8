"""Waiting in tests: for a condition, never for a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

PAUSE_S = 0.02


async def eventually(
    probe: Callable[[], Awaitable[T]], expected: Callable[[T], bool] = bool, *, within_s: float = 60.0
) -> T:
    """Probe until ``expected`` holds for what was seen, and give that.

    Raises:
        AssertionError: it did not in time; the message has what was seen last.

    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within_s
    while not expected(seen := await probe()):
        if loop.time() > deadline:
            raise AssertionError(f"not within {within_s} s; last seen: {seen!r}")
        await asyncio.sleep(PAUSE_S)
    return seen
