"""[IO] One node's ports on which its proxy tells of health. They live in the node's namespace.

They end with the daemon, as kube-proxy's end with it: a load balancer then sends connections elsewhere.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable
from contextlib import suppress

from netemu.clock import Clock
from netemu.informer.cache import Key
from netemu.linux import netns
from netemu.logs import Log
from netemu.naming import NodeName
from netemu.proxy import health
from netemu.proxy.figures import NodeFigures
from netemu.proxy.health import HEALTHZ_PORT, METRICS_PORT, Answer, LocalHealth

log = Log(__name__)

_MOST_HEAD_BYTES = 8192
_PATIENCE_S = 10.0
RETRY_S = 2.0
"""After so long a port that somebody else has is tried again."""

Respond = Callable[[str], Answer]
TellTaken = Callable[[LocalHealth, str], None]
"""Tells of a Service whose port could not be listened on, and why."""


class HealthServer:
    """The listening ports of one node; ``tell_taken`` is called once for each port that somebody else has."""

    def __init__(
        self,
        node: NodeName,
        ns_fd: int,
        figures: NodeFigures,
        clock: Clock,
        tell_taken: TellTaken,
        *,
        retry_s: float = RETRY_S,
    ) -> None:
        self._node = node
        self._ns_fd = os.dup(ns_fd)
        self._figures = figures
        self._clock = clock
        self._tell_taken = tell_taken
        self._retry_s = retry_s
        self._taken: set[tuple[Key, int]] = set()
        self._wanted: dict[Key, LocalHealth] = {}
        self._servers: dict[Key, tuple[int, asyncio.Server]] = {}
        self._changed = asyncio.Event()
        self._changed.set()

    def note(self, service: Key, found: LocalHealth | None) -> None:
        """Remember what to say of a Service from now on; ``None`` to say nothing."""
        before = self._wanted.pop(service, None)
        if found is not None:
            self._wanted[service] = found
        if (before.port if before else None) != (found.port if found else None):
            self._changed.set()

    async def run(self) -> None:
        """Listen until cancelled."""
        own: list[asyncio.Server] = []
        try:
            for address, port, respond in (
                ("", HEALTHZ_PORT, self._healthz),
                (self._loopback(), METRICS_PORT, self._about),
            ):
                try:
                    own.append(await self._listen(address, port, respond))
                except OSError as err:  # a kube-proxy of the user's
                    log.warning("proxy.port_taken", node=self._node, port=port, error=str(err))
            while True:
                await self._wait()
                self._changed.clear()
                await self._follow()
        finally:
            for server in (*own, *(server for _port, server in self._servers.values())):
                server.close()
            os.close(self._ns_fd)

    async def _wait(self) -> None:
        """Wait for a change, or until ports that others have may be free."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._retry_s if self._taken else None):
                await self._changed.wait()

    async def _follow(self) -> None:
        for service, (port, server) in list(self._servers.items()):
            wanted = self._wanted.get(service)
            if wanted is None or wanted.port != port:
                server.close()
                del self._servers[service]
        taken, self._taken = self._taken, set()
        for service, wanted in list(self._wanted.items()):
            if service not in self._servers:
                await self._serve(wanted, is_told=(service, wanted.port) in taken)

    async def _serve(self, wanted: LocalHealth, *, is_told: bool) -> None:
        """Listen for a Service; a port that a process of the node has is told once, and tried again."""
        service, port = wanted.service, wanted.port
        try:
            self._servers[service] = port, await self._listen("", port, self._of(service))
        except OSError as err:
            self._taken.add((service, port))
            if not is_told:
                log.warning("proxy.port_taken", node=self._node, port=port, error=str(err))
                self._tell_taken(wanted, str(err))

    async def _listen(self, address: str, port: int, respond: Respond) -> asyncio.Server:
        sock = self._open(address)
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind((address, port))
        except OSError:
            sock.close()
            raise
        return await asyncio.start_server(
            lambda reader, writer: _answer(reader, writer, respond), sock=sock, limit=_MOST_HEAD_BYTES
        )

    def _open(self, address: str) -> socket.socket:
        """Open a socket for an address, or (empty) for all, of both families if the kernel has both."""
        kind = socket.SOCK_STREAM | socket.SOCK_NONBLOCK
        if not address:
            with suppress(OSError):  # a kernel without IPv6
                sock = netns.open_socket(self._ns_fd, socket.AF_INET6, kind)
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
                return sock
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        return netns.open_socket(self._ns_fd, family, kind)

    def _loopback(self) -> str:
        return "127.0.0.1" if "IPv4" in self._figures.families else "::1"

    def _of(self, service: Key) -> Respond:
        def respond(path: str) -> Answer:
            del path  # kube-proxy answers the same on every path
            found = self._wanted.get(service, LocalHealth(service, 0, 0))
            is_synced = all(figures.synced_s for figures in self._figures.families.values())
            is_healthy = is_synced and health.is_keeping_up(self._figures, self._clock())
            return found.answer(is_synced=is_healthy)

        return respond

    def _about(self, path: str) -> Answer:
        return health.about(path, self._figures)

    def _healthz(self, path: str) -> Answer:
        answer = health.healthz(path, self._figures, self._clock())
        if answer.status != 404:
            (self._figures.healthz if path == "/healthz" else self._figures.livez)[answer.status] += 1
        return answer


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, respond: Respond) -> None:
    # A client that vanishes, is slow or sends no HTTP concerns nobody else.
    with suppress(OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        async with asyncio.timeout(_PATIENCE_S):
            request = health.parse_request(await reader.readuntil(b"\r\n\r\n"))
            if request is not None:
                method, path = request
                answer = respond(path) if method in ("GET", "HEAD") else Answer(405, "")
                writer.write(answer.render(with_body=method != "HEAD"))
                await writer.drain()
    writer.close()
