"""[IO] Keep one server process beside the daemon: found or started, connected, and again when it dies."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from netemu.cluster.processes import ensure_process
from netemu.cluster.record import Record
from netemu.errors import NetemuError
from netemu.linux import process
from netemu.logs import Log
from netemu.runtime.container import ContainerState
from netemu.runtime.errors import DisconnectedError

log = Log(__name__)

LOOK_EVERY_S = 0.005
RESTART_DELAY_S = 0.05
MAX_DELAY_S = 10.0


class Server(Protocol):
    """What stand-in server and shims have in common, seen by a client."""

    async def list(self) -> tuple[ContainerState, ...]:
        """List everything that runs there or has ended and was not removed."""
        ...

    def events(self) -> AsyncIterator[ContainerState]:
        """Yield what ends, until the server goes away."""
        ...

    async def close(self) -> None:
        """Close the connection."""
        ...


S = TypeVar("S", bound=Server)


class ServerStartError(NetemuError):
    """A process beside the daemon ended before it listened."""

    code = "CLUSTER_SERVER_FAILED"


class Supervisor(Generic[S]):
    """One server process.

    ``found`` is called with the client and everything that runs there, at the first connection and
    after each restart; ``lost`` when the process went; ``ended`` for each container that ends.
    """

    def __init__(
        self,
        *,
        name: str,
        argv: Sequence[str],
        socket: Path,
        log_path: Path,
        record: Record,
        connect: Callable[[Path], Awaitable[S]],
        found: Callable[[S, tuple[ContainerState, ...]], None],
        lost: Callable[[], None],
        ended: Callable[[ContainerState], None],
    ) -> None:
        self._name = name
        self._argv = argv
        self._socket = socket
        self._log_path = log_path
        self._record = record
        self._connect = connect
        self._found = found
        self._lost = lost
        self._ended = ended

    async def run(self) -> None:
        """Keep the process there until cancelled; it outlives us."""
        client = await self._reach()
        while True:
            try:
                self._found(client, await client.list())
                async for state in client.events():
                    self._ended(state)
            except DisconnectedError as err:
                log.debug("server.disconnected", server=self._name, error=err.message)
            finally:
                await client.close()
            self._lost()
            log.warning("server.lost", server=self._name)
            client = await self._reach_again()

    async def _reach_again(self) -> S:
        """Start the process until it stays; the first start is not retried: then ``up`` says why."""
        delay_s = RESTART_DELAY_S
        while True:
            await asyncio.sleep(delay_s)
            try:
                return await self._reach()
            except ServerStartError as err:
                delay_s = min(delay_s * 2, MAX_DELAY_S)
                log.error("server.not_started", server=self._name, error=str(err), delay_s=delay_s)

    async def _reach(self) -> S:
        running = ensure_process(self._record, self._name, self._argv, self._log_path)
        while True:
            try:
                return await self._connect(self._socket)
            except DisconnectedError as err:
                if not process.is_alive(running):
                    raise ServerStartError(
                        f"{self._name} (pid {running.pid}) ended before it listened",
                        hint=f"See {self._log_path}.",
                    ) from err
            await asyncio.sleep(LOOK_EVERY_S)
