"""[IO] The server's event loop: packets in, packets out, and the cluster's changes beside it."""

from __future__ import annotations

import argparse
import asyncio
import signal
import socket
import struct
from contextlib import AsyncExitStack
from random import Random

from netemu.api.client import Client
from netemu.clock import system_clock
from netemu.dns import message
from netemu.dns.http import StatusPage
from netemu.dns.index import KINDS
from netemu.dns.invoke import ResolverError, Resolvers
from netemu.dns.responder import Chase, Forward, Responder
from netemu.dns.sockets import Sockets, listening
from netemu.dns.upstream import complete, fit
from netemu.dns.zone import Zone
from netemu.errors import NetemuError
from netemu.informer.cache import Cache
from netemu.informer.watch import Informer
from netemu.linux.memory import give_back_when_idle
from netemu.logs import Log, setup_logs

log = Log(__name__)

IDLE_S = 10.0
# How long it answers on after SIGTERM, as CoreDNS does (`lameduck`): rules lead elsewhere before it ends.
LAMEDUCK_S = 0.3
_BATCH = 64


class Server:
    """Serves one domain on given sockets from what a ``Client`` says."""

    def __init__(self, client: Client, domain: str, resolvers: Resolvers) -> None:
        cache = Cache()
        self._informer = Informer(client, cache, KINDS)
        self._responder = Responder(Zone(cache, domain), self.is_synced, Random())
        for kind in KINDS:
            self._informer.on_change(kind, self._responder.note)
        self._resolvers = resolvers
        self._synced = False

    def is_synced(self) -> bool:
        """Tell whether all Services were read once; it stays so when the daemon goes away."""
        return self._synced

    async def run(self, sockets: Sockets) -> None:
        """Serve until cancelled."""
        loop = asyncio.get_running_loop()
        services = (
            (sockets.tcp, self._serve_connection),
            (sockets.health, StatusPage("/health", lambda: True).serve),
            (sockets.ready, StatusPage("/ready", self.is_synced).serve),
        )
        async with asyncio.TaskGroup() as group, AsyncExitStack() as stack:
            for sock, serve in services:
                server = await asyncio.start_server(serve, sock=sock)
                stack.callback(server.close)
            loop.add_reader(sockets.udp, self._read_datagrams, sockets.udp, group)
            stack.callback(loop.remove_reader, sockets.udp)
            group.create_task(self._note_sync(), name="dns sync")
            group.create_task(give_back_when_idle(), name="memory")
            await self._informer.run()

    async def _note_sync(self) -> None:
        await self._informer.wait_synced()
        self._synced = True
        log.info("dns.synced")

    def _read_datagrams(self, sock: socket.socket, group: asyncio.TaskGroup) -> None:
        for _ in range(_BATCH):
            try:
                packet, client = sock.recvfrom(message.TCP_LIMIT_BYTES)
            except BlockingIOError:
                return
            except OSError as err:
                log.debug("dns.receive_failed", error=err.strerror)
                return
            decided = self._responder.respond(packet)
            if isinstance(decided, bytes):
                _send(sock, decided, client)
            elif decided is not None:
                group.create_task(self._answer_later(sock, client, decided))

    async def _answer_later(self, sock: socket.socket, client: object, work: Forward | Chase) -> None:
        _send(sock, await self._work(work, over_tcp=False), client)

    async def _work(self, work: Forward | Chase, *, over_tcp: bool) -> bytes:
        """Do what needs the machine's resolvers; always gives a reply."""
        limit_bytes = work.query.limit_bytes(over_tcp=over_tcp)
        if isinstance(work, Forward):
            try:
                return fit(work.packet, await self._resolvers.ask(work.packet), limit_bytes)
            except ResolverError as err:
                failed = message.Reply(message.SERVFAIL, extended=(err.extended, err.message))
                return message.render(work.query, failed, limit_bytes=limit_bytes)
        reply = await complete(self._resolvers, work.answer, work.query.qtype)
        return message.render(work.query, reply, limit_bytes=limit_bytes)

    async def _serve_connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the queries of one connection, in their order, until it ends or idles."""
        try:
            while True:
                async with asyncio.timeout(IDLE_S):
                    (length,) = struct.unpack("!H", await reader.readexactly(2))
                    packet = await reader.readexactly(length)
                decided = self._responder.respond(packet, over_tcp=True)
                if decided is None:
                    return
                reply = decided if isinstance(decided, bytes) else await self._work(decided, over_tcp=True)
                writer.write(struct.pack("!H", len(reply)) + reply)
                async with asyncio.timeout(IDLE_S):
                    await writer.drain()
        except (TimeoutError, OSError, asyncio.IncompleteReadError):
            return  # the client closed, went away or fell silent
        finally:
            writer.close()


def run(options: argparse.Namespace) -> int:
    """Serve until SIGINT, or shortly after SIGTERM; give the process's exit status."""
    setup_logs()
    try:
        asyncio.run(_serve(options))
    except asyncio.CancelledError:
        log.info("dns.stopped")
    except NetemuError as err:
        log.error("dns.failed", code=err.code, error=err.message)
        return 1
    return 0


async def _serve(options: argparse.Namespace) -> None:

    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    assert task is not None, "asyncio.run runs coroutines in tasks"
    loop.add_signal_handler(signal.SIGINT, task.cancel)
    loop.add_signal_handler(signal.SIGTERM, lambda: loop.call_later(LAMEDUCK_S, task.cancel))
    netns_path = options.netns_dir / options.listen_netns if options.listen_netns else None
    with listening(options.address, options.port, netns_path) as sockets:
        log.info("dns.started", address=options.address, port=options.port, domain=options.domain)
        from netemu.apiclient.http import HttpClient

        server = Server(
            HttpClient(options.api_socket), options.domain, Resolvers(options.resolv_conf, system_clock)
        )
        await server.run(sockets)


def _send(sock: socket.socket, packet: bytes, client: object) -> None:
    try:
        sock.sendto(packet, client)  # type: ignore[call-overload]
    except OSError as err:  # a full buffer or an unreachable client: it asks again
        log.debug("dns.send_failed", error=err.strerror)
