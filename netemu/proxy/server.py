"""[IO] One node's ports on which its proxy tells of health. They live in the node's namespace.

They end with the daemon, as kube-proxy's end with it: a load balancer then sends connections elsewhere.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable
from contextlib import suppress

from netemu.clock import Clock, format_rfc3339
from netemu.informer.cache import Key
from netemu.linux import netns
from netemu.logs import Log
from netemu.naming import NodeName
from netemu.proxy import health
from netemu.proxy.health import HEALTHZ_PORT, METRICS_PORT, Answer, LocalHealth

log = Log(__name__)

_MOST_HEAD_BYTES = 8192
_PATIENCE_S = 10.0

Respond = Callable[[str], Answer]


class HealthServer:
    """The listening ports of one node; ``is_synced`` tells whether its rules are up to date.

    ``mode`` is the word for how the node's proxy works.
    """

    def __init__(
        self,
        node: NodeName,
        ns_fd: int,
        is_synced: Callable[[], bool],
        clock: Clock,
        *,
        mode: str = "nftables",
    ) -> None:
        self._node = node
        self._ns_fd = os.dup(ns_fd)
        self._is_synced = is_synced
        self._clock = clock
        self._mode = mode
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
        own = [
            await self._listen("", HEALTHZ_PORT, self._healthz),
            await self._listen("127.0.0.1", METRICS_PORT, self._about),
        ]
        try:
            while True:
                await self._changed.wait()
                self._changed.clear()
                await self._follow()
        finally:
            for server in (*own, *(server for _port, server in self._servers.values())):
                if server is not None:
                    server.close()
            os.close(self._ns_fd)

    async def _follow(self) -> None:
        for service, (port, server) in list(self._servers.items()):
            wanted = self._wanted.get(service)
            if wanted is None or wanted.port != port:
                server.close()
                del self._servers[service]
        for service, wanted in list(self._wanted.items()):
            if service not in self._servers:
                opened = await self._listen("", wanted.port, self._of(service))
                if opened is not None:
                    self._servers[service] = (wanted.port, opened)

    async def _listen(self, address: str, port: int, respond: Respond) -> asyncio.Server | None:
        sock = self._open(address)
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind((address, port))
        except OSError as err:  # a process of the node has it
            sock.close()
            log.warning("proxy.port_taken", node=self._node, port=port, error=str(err))
            return None
        return await asyncio.start_server(
            lambda reader, writer: _serve(reader, writer, respond), sock=sock, limit=_MOST_HEAD_BYTES
        )

    def _open(self, address: str) -> socket.socket:
        """Open a socket for an address, or (empty) for all, of both families if the kernel has both."""
        kind = socket.SOCK_STREAM | socket.SOCK_NONBLOCK
        if not address:
            with suppress(OSError):  # a kernel without IPv6
                sock = netns.open_socket(self._ns_fd, socket.AF_INET6, kind)
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
                return sock
        return netns.open_socket(self._ns_fd, socket.AF_INET, kind)

    def _of(self, service: Key) -> Respond:
        def respond(path: str) -> Answer:
            del path  # kube-proxy answers the same on every path
            found = self._wanted.get(service, LocalHealth(service, 0, 0))
            return found.answer(is_synced=self._is_synced())

        return respond

    def _about(self, path: str) -> Answer:
        return health.about(path, self._mode)

    def _healthz(self, path: str) -> Answer:
        now = format_rfc3339(self._clock())
        return health.healthz(path, is_synced=self._is_synced(), synced_at=now, now=now)


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, respond: Respond) -> None:
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
