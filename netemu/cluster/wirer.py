"""[IO] The daemon's end of the wiring of pods, which another process does (``wires.py``)."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct

from netemu.cni.attachment import Attachment
from netemu.runtime.connection import Connection

Operation = Literal["attach", "detach"]


class NodeWiring(Struct, frozen=True):
    """Whose pods are wired: a node, and the name of its network namespace."""

    name: str
    netns: str


class Request(Struct, frozen=True):
    """One thing to do."""

    id: int
    op: Operation
    node: NodeWiring
    attachment: Attachment


class WirerClient:
    """Has pods wired. Connects when first asked, and again after a connection broke.

    Every method raises ``DisconnectedError`` when nobody is there to do it; it may be done again.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: Connection | None = None
        self._connecting = asyncio.Lock()

    async def attach(self, node: NodeWiring, attachment: Attachment) -> tuple[str, ...] | None:
        """Make a pod's namespace and wire it; idempotent.

        Returns:
            Its addresses, or ``None`` if the node's CNI needs programs; then there is the namespace.

        Raises:
            ControlError: a plugin refused; its words.

        """
        addresses = await self._call("attach", node, attachment)
        return None if addresses is None else tuple(addresses)

    async def detach(self, node: NodeWiring, attachment: Attachment) -> bool:
        """Undo ``attach``; idempotent. False, and nothing was done, if that needs programs."""
        return bool(await self._call("detach", node, attachment))

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()

    async def _call(self, op: Operation, node: NodeWiring, attachment: Attachment) -> Any:
        connection = self._connection
        if connection is None or connection.is_closed:
            connection = await self._connect()
        return (await connection.call(op, node=node, attachment=attachment)).result

    async def _connect(self) -> Connection:
        async with self._connecting:
            if self._connection is None or self._connection.is_closed:
                self._connection = await Connection.open(self._path)
            return self._connection
