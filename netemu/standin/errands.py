"""What the stand-in server cannot do itself: run a command in the container of an app that it plays.

The daemon does it, as it does ``kubectl exec``: it is sent an event, and answers with a call.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import count
from typing import Any

import msgspec
from msgspec import Struct

from netemu.agnhost.model import Output


class Errand(Struct, frozen=True, kw_only=True):
    """A command for an app's container; ``stdin`` is its whole input."""

    number: int
    app: str
    argv: tuple[str, ...]
    stdin: bytes = b""


class Outcome(Struct, frozen=True, kw_only=True):
    """What became of an errand: both outputs and the exit code, or why it could not be run."""

    number: int
    text: bytes = b""
    code: int = 0
    error: str = ""


class Errands:
    """All errands under way; ``send`` gives an event to one client, and says whether there is any."""

    def __init__(self, send: Callable[[dict[str, Any]], bool]) -> None:
        self._send = send
        self._numbers = count(1)
        self._waiting: dict[int, asyncio.Future[Outcome]] = {}

    async def run(self, app: str, argv: tuple[str, ...], stdin: bytes) -> Output:
        """Have a command run.

        Raises:
            OSError: nobody could run it.

        """
        errand = Errand(number=next(self._numbers), app=app, argv=argv, stdin=stdin)
        outcome: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._waiting[errand.number] = outcome
        try:
            if not self._send({"event": "errand", "exec": "errand", "errand": errand}):
                raise OSError("netemu's daemon is not there")
            done = await outcome
        finally:
            del self._waiting[errand.number]
        if done.error:
            raise OSError(done.error)
        return Output(done.text, done.code)

    def finish(self, outcome: Outcome) -> None:
        """Take what became of an errand; one that nobody waits for any more is forgotten."""
        waiting = self._waiting.get(outcome.number)
        if waiting is not None and not waiting.done():
            waiting.set_result(outcome)

    def fail(self) -> None:
        """End all that are under way: who ran them is gone."""
        for number in list(self._waiting):
            self.finish(Outcome(number=number, error="netemu's daemon went away"))


def parse_outcome(document: Any) -> Outcome:
    """Read an outcome as it came over a control connection."""
    return msgspec.convert(document, Outcome)
