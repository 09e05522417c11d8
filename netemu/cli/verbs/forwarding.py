"""[IO] ``port-forward``: local ports that lead into a pod."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, suppress
from pathlib import Path

from netemu.api.errors import ApiError
from netemu.api.kinds import SERVICE
from netemu.apiserver.streams.failures import first_failure
from netemu.cli.ports import Forward, pod_port
from netemu.cli.resources import Query, Selection
from netemu.cli.session import Session
from netemu.cli.tunnel import Tunnel, tunnel_to_pod
from netemu.cli.verbs.pods import pod_for
from netemu.errors import NetemuError

READ_BYTES = 64 * 1024

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class PortTakenError(NetemuError):
    """Somebody else listens on a local port."""

    code = "CLI_PORT_TAKEN"


async def forward_ports(
    session: Session, selection: Selection, namespace: str, forwards: Sequence[Forward], address: str
) -> None:
    """Forward until interrupted.

    Raises:
        PortTakenError: a local port cannot be had.
        UsageError: the pod has no port of that name.

    """
    pod = await pod_for(session, selection, namespace)
    service = None
    if selection.kind is SERVICE:
        query = Query(kind=SERVICE, namespace=namespace, name=selection.names[0])
        service = (await session.find(query))[0]
    name = pod["metadata"]["name"]
    async with AsyncExitStack() as stack:
        for forward in forwards:
            port = pod_port(forward, pod, service)
            server = await _listen(address, forward.local, _server(session.socket, namespace, name, port))
            await stack.enter_async_context(server)
            local = server.sockets[0].getsockname()[1]
            print(f"Forwarding from {address}:{local} -> {port}", flush=True)
        await asyncio.get_running_loop().create_future()


async def _listen(address: str, port: int, serve: Serve) -> asyncio.Server:
    try:
        return await asyncio.start_server(serve, address, port)
    except OSError as err:
        raise PortTakenError(f"unable to listen on {address}:{port}: {err.strerror}") from err


def _server(socket: Path, namespace: str, pod: str, port: int) -> Serve:
    """Give the function that forwards one local connection."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        print(f"Handling connection for {writer.get_extra_info('sockname')[1]}", flush=True)
        try:
            async with tunnel_to_pod(socket, namespace, pod, port) as remote:
                await _copy_both(reader, writer, remote)
        except ApiError as err:
            print(f"error: an error occurred forwarding to {port}: {err.message}", file=sys.stderr)
        except OSError:
            return  # either end is gone, and with it the connection
        finally:
            writer.close()

    return serve


async def _copy_both(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, remote: Tunnel) -> None:
    """Carry bytes both ways until the pod has said everything.

    Raises:
        ApiError, OSError: either side is gone.

    """

    async def up() -> None:
        with suppress(OSError):  # the other direction tells what it means
            while data := await reader.read(READ_BYTES):
                await remote.write(data)
            await remote.end_input()

    with first_failure():
        async with asyncio.TaskGroup() as group:
            asking = group.create_task(up())
            async for piece in remote.pieces():
                writer.write(piece)
                await writer.drain()
            asking.cancel()
