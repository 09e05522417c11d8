"""[IO] Give back what bursts of work left free: the C library keeps it, to the next burst or for ever."""

from __future__ import annotations

import asyncio
import time

from netemu.linux.libc import give_back_memory

LOOK_EVERY_S = 1.0
BUSY_S = 0.1
"""Who works longer than this between two looks will soon need again what is free."""
WORTH_S = 0.2
"""Work after which it is looked for: that takes a few milliseconds at most."""


def is_due(worked_s: float, lately_s: float) -> bool:
    """Tell whether a burst is over: much was done since the last time, little since the last look."""
    return worked_s > WORTH_S and lately_s < BUSY_S


async def give_back_when_idle() -> None:
    """Give memory back after each burst of work, until cancelled."""
    done_s = before_s = 0.0
    while True:
        await asyncio.sleep(LOOK_EVERY_S)
        now_s = time.process_time()
        if is_due(now_s - done_s, now_s - before_s):
            give_back_memory()
            done_s = now_s
        before_s = now_s
