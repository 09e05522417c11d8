"""The agent's side of the stand-in server: containers that are sockets, not processes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import msgspec

from netemu.runtime.connection import Connection
from netemu.runtime.container import AppSpec, ContainerState
from netemu.standin.errands import Errand, Outcome


class StandinClient:
    """A connection to a cluster's stand-in server; made by ``connect``.

    ``on_errand`` is called with each errand that the server has for whoever is connected.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.on_errand: Callable[[StandinClient, Errand], None] | None = None
        connection.listen("errand", self._take)

    @classmethod
    async def connect(cls, path: Path) -> StandinClient:
        """Connect to the server's control socket.

        Raises:
            DisconnectedError: nobody listens there.

        """
        return cls(await Connection.open(path))

    @property
    def is_closed(self) -> bool:
        """Whether the server went away, or ``close`` was called."""
        return self._connection.is_closed

    async def hello(self) -> int:
        """Ask for the server's pid."""
        pid: int = (await self._connection.call("hello")).result["pid"]
        return pid

    async def start(self, spec: AppSpec) -> ContainerState:
        """Start an app. One that cannot listen is not an error here: its state says why.

        Raises:
            ContainerExistsError: its id is taken, also by one that ended and was not stopped.

        """
        reply = await self._connection.call("start", spec=msgspec.to_builtins(spec))
        return msgspec.convert(reply.result, ContainerState)

    async def stop(self, app_id: str) -> None:
        """Close an app's sockets and connections and forget it. Idempotent."""
        await self._connection.call("stop", app=app_id)

    async def list(self) -> tuple[ContainerState, ...]:
        """List every app that was not stopped."""
        return msgspec.convert((await self._connection.call("list")).result, tuple[ContainerState, ...])

    async def finish(self, outcome: Outcome) -> None:
        """Tell what became of an errand.

        Raises:
            DisconnectedError: the server went away.

        """
        await self._connection.call("finish", outcome=outcome)

    def events(self) -> AsyncIterator[ContainerState]:
        """Yield the state of every app that ends by itself, until the server goes away."""
        return self._connection.exited()

    def _take(self, message: dict[str, Any]) -> None:
        if not message:
            return  # the connection ended
        self._connection.listen("errand", self._take)
        if self.on_errand is not None:
            self.on_errand(self, msgspec.convert(message["errand"], Errand))

    async def close(self) -> None:
        """Close the connection; apps are not touched."""
        self._connection.close()
