"""[IO] One request to a backend over HTTP/1.1, its body and its answer in pieces."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from typing import Any

import h11

from netemu.api.errors import ApiError
from netemu.apiserver.podaccess import PodAccess
from netemu.apiserver.proxy.backends import Backend, unreachable
from netemu.apiserver.proxy.headers import Fields

READ_BYTES = 64 * 1024
MAX_HEAD_BYTES = 256 * 1024


class Exchange:
    """A connection to a backend that carries one request."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD_BYTES)

    async def send_head(self, method: str, target: str, headers: Fields) -> None:
        """Send the request without its body.

        Raises:
            UnavailableError: the backend went away, or the request cannot be written.

        """
        try:
            await self._send(h11.Request(method=method, target=target, headers=_as_sent(headers)))
        except h11.LocalProtocolError as err:
            raise unreachable(str(err)) from err

    async def send_body(self, pieces: AsyncIterator[bytes]) -> None:
        """Send the body as it comes, and its end."""
        async for piece in pieces:
            await self._send(h11.Data(data=piece))
        await self._send(h11.EndOfMessage())

    async def read_head(self) -> h11.Response | h11.InformationalResponse:
        """Wait for the answer's head; an informational one only if the protocol is switched.

        Raises:
            UnavailableError: what comes is no answer.

        """
        while True:
            event = await self._next()
            if isinstance(event, h11.Response):
                return event
            if isinstance(event, h11.InformationalResponse) and event.status_code == 101:
                return event
            if not isinstance(event, h11.InformationalResponse):
                raise unreachable("EOF")

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield the answer's body.

        Raises:
            UnavailableError: it breaks off.

        """
        while isinstance(event := await self._next(), h11.Data):
            yield bytes(event.data)

    def early(self) -> bytes:
        """Give what came together with the head of an answer that switched the protocol."""
        data: bytes = self._http.trailing_data[0]
        return data

    async def _send(self, event: Any) -> None:
        data = self._http.send(event)
        if data:
            self.writer.write(data)
            try:
                await self.writer.drain()
            except OSError as err:
                raise unreachable(f"write: {err.strerror or err}") from err

    async def _next(self) -> Any:
        while True:
            try:
                event = self._http.next_event()
                if event is not h11.NEED_DATA:
                    return event
                self._http.receive_data(await self.reader.read(READ_BYTES))
            except h11.RemoteProtocolError as err:
                raise unreachable(f"malformed HTTP response: {err}") from err
            except OSError as err:
                raise unreachable(f"read: {err.strerror or err}") from err


@asynccontextmanager
async def exchange(
    backend: Backend, pod_access: PodAccess, *, tls: ssl.SSLContext | None = None, name: str = ""
) -> AsyncIterator[Exchange]:
    """Connect to a backend for one request; https without asking who it is, as Kubernetes does, if ``tls``
    does not say how to ask ``name``.

    Raises:
        UnavailableError: nobody answers there.

    """
    try:
        sock = await pod_access.dial_from_node(backend.node, backend.address, backend.port)
    except ApiError as err:
        raise unreachable(err) from err
    is_secure = backend.scheme == "https"
    try:
        reader, writer = await asyncio.open_connection(
            sock=sock,
            ssl=(tls or _tls()) if is_secure else None,
            server_hostname=(name or backend.address) if is_secure else None,
            limit=READ_BYTES,
        )
    except OSError as err:
        sock.close()
        raise unreachable(f"tls: {err.strerror or err}") from err
    try:
        yield Exchange(reader, writer)
    finally:
        writer.transport.abort()


@cache
def _tls() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # without the machine's CAs: 15 MB, asked for nothing
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _as_sent(headers: Fields) -> list[tuple[bytes, bytes]]:
    """Give headers as the bytes that the client sent: any are allowed in their values."""
    return [(name.encode(), value.encode("utf-8", "surrogateescape")) for name, value in headers]
