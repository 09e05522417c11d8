"""[IO] Ask the machine's resolvers: UDP, TCP when that is cut off, the next one when one fails."""

from __future__ import annotations

import asyncio
import secrets
import socket
import struct
from pathlib import Path

from netemu.clock import Clock
from netemu.dns import forward, message
from netemu.errors import NetemuError
from netemu.logs import Log

log = Log(__name__)

TIMEOUT_S = 2.0
MAX_IN_FLIGHT = 1000
PORT = 53

_NEXT_ONE = (message.SERVFAIL, message.NOTIMP, message.REFUSED)


class ResolverError(NetemuError):
    """None of the machine's resolvers gave an answer. ``extended`` is an RFC 8914 code."""

    code = "DNS_NO_ANSWER"

    def __init__(self, text: str, *, extended: int) -> None:
        super().__init__(text)
        self.extended = extended


class Resolvers:
    """The machine's resolvers, as its resolv.conf lists them now.

    Sockets are opened where the calling process is, the machine's network namespace. Equal
    questions that are asked at the same time are asked once.
    """

    def __init__(self, resolv_conf: Path, clock: Clock, *, port: int = PORT) -> None:
        self._resolv_conf = resolv_conf
        self._clock = clock
        self._port = port
        self._cache = forward.ForwardCache()
        self._in_flight: dict[bytes, asyncio.Future[bytes | ResolverError]] = {}
        self._seen: tuple[int, int] = (0, 0)
        self._servers: tuple[str, ...] = ()

    async def ask(self, packet: bytes) -> bytes:
        """Give the reply to a query, with the query's id.

        Raises:
            ResolverError: there is no resolver, all fail, or too many questions wait.

        """
        question = packet[2:]
        kept = self._cache.find(question, self._clock())
        if kept is not None:
            return packet[:2] + kept
        waiting = self._in_flight.get(question)
        answer = await waiting if waiting is not None else await self._ask_once(packet)
        if isinstance(answer, ResolverError):
            raise answer
        return packet[:2] + answer[2:]

    async def _ask_once(self, packet: bytes) -> bytes | ResolverError:
        if len(self._in_flight) >= MAX_IN_FLIGHT:
            return ResolverError("too many questions wait for the machine's resolvers", extended=0)
        future = asyncio.get_running_loop().create_future()
        self._in_flight[packet[2:]] = future
        answer: bytes | ResolverError = ResolverError("the server stops", extended=0)
        try:
            answer = await self._ask_all(packet)
        except ResolverError as err:
            answer = err
        finally:
            del self._in_flight[packet[2:]]
            future.set_result(answer)
        if isinstance(answer, bytes):
            self._cache.add(packet, answer, self._clock())
        return answer

    async def _ask_all(self, packet: bytes) -> bytes:
        refused: bytes | None = None
        servers = self._read_servers()
        for server in servers:
            try:
                answer = await self._ask_server(server, secrets.token_bytes(2) + packet[2:])
            except (OSError, TimeoutError, asyncio.IncompleteReadError) as err:
                log.debug("forward.failed", server=server, error=str(err) or type(err).__name__)
                continue
            if forward.rcode(answer) not in _NEXT_ONE:
                return answer
            refused = answer
        if refused is not None:
            return refused
        if not servers:
            raise ResolverError(f"{self._resolv_conf} names no resolver of the machine", extended=23)
        raise ResolverError(f"no answer from {', '.join(servers)}", extended=22)

    async def _ask_server(self, server: str, query: bytes) -> bytes:
        async with asyncio.timeout(TIMEOUT_S):
            answer = await self._ask_udp(server, query)
            return await self._ask_tcp(server, query) if forward.is_truncated(answer) else answer

    async def _ask_udp(self, server: str, query: bytes) -> bytes:
        loop = asyncio.get_running_loop()
        family = socket.AF_INET6 if ":" in server else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)
            sock.connect((server, self._port))
            sock.send(query)
            while True:
                answer = await loop.sock_recv(sock, message.TCP_LIMIT_BYTES)
                if forward.is_reply_to(query, answer):
                    return answer

    async def _ask_tcp(self, server: str, query: bytes) -> bytes:
        reader, writer = await asyncio.open_connection(server, self._port)
        try:
            writer.write(struct.pack("!H", len(query)) + query)
            (length,) = struct.unpack("!H", await reader.readexactly(2))
            answer = await reader.readexactly(length)
        finally:
            writer.close()
        if not forward.is_reply_to(query, answer):
            raise ConnectionError(f"{server} answered another question over TCP")
        return answer

    def _read_servers(self) -> tuple[str, ...]:
        """Read resolv.conf again if it is another file or has another content than before."""
        try:
            stat = self._resolv_conf.stat()
            if self._seen != (stat.st_ino, stat.st_mtime_ns):
                self._servers = forward.parse_resolv_conf(self._resolv_conf.read_text(errors="replace"))
                self._seen = (stat.st_ino, stat.st_mtime_ns)
        except OSError as err:
            log.debug("forward.no_resolv_conf", path=self._resolv_conf, error=err.strerror)
            self._seen, self._servers = (0, 0), ()
        return self._servers
