"""[IO] An app as a process of its own: its pod is where it runs."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from contextlib import suppress
from typing import NamedTuple

from netemu.agnhost import client, resolver
from netemu.agnhost.model import (
    Address,
    AppError,
    Build,
    Listener,
    LookupFailedError,
    Output,
    Reply,
    Setting,
)
from netemu.agnhost.protocols import Owner
from netemu.agnhost.serving import Serving
from netemu.agnhost.sockets import complaint, open_listener
from netemu.agnhost.stderr import say


class Ending(NamedTuple):
    """What SIGTERM does: say something, wait, exit. 2 is the code of Go's programs that ignore it."""

    code: int = 2
    delay_s: float = 0.0
    words: tuple[str, ...] = ()


class OwnSurroundings:
    """The pod in which this process runs."""

    def __init__(self) -> None:
        self.is_ending = False
        self.ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def resolve(self, host: str) -> str:
        """Look an address up with this machine's resolver; an IPv4 one is preferred, as Go does."""
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(host or None, 0, type=socket.SOCK_STREAM)
        except OSError:
            raise LookupFailedError(f"lookup {host}{resolver.first_server()}: no such host") from None
        addresses = [str(name[0]) for _, _, _, _, name in found]
        return next((address for address in addresses if ":" not in address), addresses[0])

    async def http_get(self, address: Address, target: str, *, within_s: float) -> Reply:
        """Get an answer over a connection of its own."""
        return await client.fetch(_open_socket, address, target, within_s=within_s)

    async def exchange(self, address: Address, data: bytes, *, within_s: float) -> bytes:
        """Send a datagram and wait for one."""
        return await client.exchange(_open_socket, address, data, within_s=within_s)

    async def exchange_sctp(self, address: Address, data: bytes, *, within_s: float) -> bytes:
        """Send an SCTP message and wait for one."""
        return await client.exchange(_open_socket, address, data, within_s=within_s, sctp=True)

    async def run(self, argv: tuple[str, ...], stdin: bytes = b"") -> Output:
        """Run a program beside us."""
        program = await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        text, _ = await program.communicate(stdin)
        return Output(text, program.returncode or 0)

    def exit(self, code: int) -> None:
        """End this process, after the answer that is being given."""
        asyncio.get_running_loop().call_soon(self._end, code)

    def say(self, line: str) -> None:
        """Write to standard output."""
        print(line, flush=True)

    def log(self, line: str) -> None:
        """Write to standard error as Go's logger does."""
        say(line)

    def _end(self, code: int) -> None:
        if not self.ended.done():
            self.ended.set_result(code)


def run_app(build: Build, args: tuple[str, ...], ending: Ending, started: tuple[str, ...] = ()) -> int:
    """Run an app until it ends; gives its exit code."""
    return asyncio.run(_serve(build, args, ending, started))


def own_setting(args: tuple[str, ...]) -> Setting:
    """Give what this process finds in its container."""
    return Setting(args, os.environ, socket.gethostname())


async def _serve(build: Build, args: tuple[str, ...], ending: Ending, started: tuple[str, ...]) -> int:
    surroundings = OwnSurroundings()
    loop = asyncio.get_running_loop()
    async with asyncio.TaskGroup() as group:
        owner = Owner(group, lambda line: print(line, flush=True), _failed)
        serving = Serving(owner)
        for signum in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(signum, _told_to_end, group, surroundings, ending)
        try:
            for listener in build(own_setting(args), surroundings):
                serving.start(listener, _open(listener))
        except AppError as err:
            say(str(err))
            return err.exit_code
        for line in started:
            say(line)
        code = await surroundings.ended
        serving.close()
        sys.stdout.flush()
        os._exit(code)  # without waiting for what answers slowly, as the original


def _open(listener: Listener) -> socket.socket:
    try:
        return open_listener(listener)
    except OSError as err:
        raise AppError(complaint(listener, err)) from err


def _told_to_end(group: asyncio.TaskGroup, surroundings: OwnSurroundings, ending: Ending) -> None:
    if not surroundings.is_ending:
        surroundings.is_ending = True
        group.create_task(_end_slowly(surroundings, ending))


async def _end_slowly(surroundings: OwnSurroundings, ending: Ending) -> None:
    for line in ending.words:
        say(line)
    await asyncio.sleep(ending.delay_s)
    surroundings.exit(ending.code)


def _failed(err: Exception, request: str) -> None:
    say(f"http: panic serving {request}: {err!r}")


def _open_socket(family: socket.AddressFamily, kind: int, protocol: int) -> socket.socket:
    sock = socket.socket(family, kind, protocol)
    sock.setblocking(False)
    with suppress(OSError):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock
