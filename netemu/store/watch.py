"""One follower of changes: a queue of its own, bounded, emptied in batches."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable
from typing import Generic, TypeVar

from netemu.api.errors import ApiError, ExpiredError

E = TypeVar("E")

MAX_BACKLOG = 20_000
"""A follower that is this many events behind is cut off; it must list again."""


class Watch(Generic[E]):
    """The events that one follower has not taken yet.

    ``on_close`` is called once, when the watch ends for whatever reason.
    """

    def __init__(self, backlog: Iterable[E], on_close: Callable[[Watch[E]], object]) -> None:
        self._events = list(backlog)
        self._on_close: Callable[[Watch[E]], object] | None = on_close
        self._end: ApiError | None = None
        self._waiter: asyncio.Future[None] | None = None

    def offer(self, event: E) -> None:
        """Add an event; a follower that does not keep up loses the watch instead."""
        if len(self._events) >= MAX_BACKLOG:
            self._events.clear()
            self.fail(ExpiredError(f"the watch fell {MAX_BACKLOG} events behind"))
            return
        self._events.append(event)
        self._wake()

    def fail(self, error: ApiError) -> None:
        """End the watch with an error, after the events that wait."""
        self._end = error
        self._detach()
        self._wake()

    async def take(self) -> list[E]:
        """Wait for at least one event and take all there are, in order.

        Raises:
            ExpiredError: this follower fell behind.
            UnavailableError: the store was closed.

        """
        while not self._events:
            if self._end is not None:
                raise self._end
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        return self.take_now()

    def take_now(self) -> list[E]:
        """Take what there is without waiting: maybe nothing."""
        taken, self._events = self._events, []
        return taken

    async def events(self) -> AsyncGenerator[E]:
        """Yield events one by one, for ever; close the watch at the end."""
        try:
            while True:
                for event in await self.take():
                    yield event
        finally:
            self.close()

    def close(self) -> None:
        """Stop following; twice is once."""
        self._detach()

    def _detach(self) -> None:
        on_close, self._on_close = self._on_close, None
        if on_close is not None:
            on_close(self)

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)
