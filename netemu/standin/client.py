"""The agent's side of the stand-in server: containers that are sockets, not processes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec

from netemu.runtime.connection import Connection
from netemu.runtime.container import AppSpec, ContainerState


class StandinClient:
    """A connection to a cluster's stand-in server; made by ``connect``."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

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

    def events(self) -> AsyncIterator[ContainerState]:
        """Yield the state of every app that ends by itself, until the server goes away."""
        return self._connection.exited()

    async def close(self) -> None:
        """Close the connection; apps are not touched."""
        self._connection.close()
