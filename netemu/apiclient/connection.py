"""[IO] One HTTP/1.1 connection over a Unix socket: h11 speaks, asyncio carries."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import h11

from netemu.api.errors import UnavailableError

READ_BYTES = 64 * 1024
HINT = "Is the cluster up? Look with: netemu status."

Headers = Sequence[tuple[str, str]]
Head = h11.Response | h11.InformationalResponse
"""The latter for 101: another protocol takes over."""


class ConnectionClosedError(UnavailableError):
    """The server closed the connection before it answered."""


class Connection:
    """Carries one request after the other; between two, ``is_idle`` says whether it still can."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._http = h11.Connection(h11.CLIENT)

    @classmethod
    async def open(cls, socket: Path) -> Connection:
        """Connect.

        Raises:
            UnavailableError: nobody listens, or this user may not connect.

        """
        try:
            return cls(*await asyncio.open_unix_connection(str(socket)))
        except PermissionError as err:
            raise UnavailableError(
                f"cannot open {socket}: permission denied",
                hint="Run it as the user who started the cluster, or as root: sudo.",
            ) from err
        except OSError as err:
            raise UnavailableError(
                f"cannot reach the API server at {socket}: {err.strerror or err}", hint=HINT
            ) from err

    @property
    def is_idle(self) -> bool:
        """True when a request can be sent: nothing is under way, and the server still listens."""
        return self._http.our_state is h11.IDLE and not self._reader.at_eof()

    async def send(self, method: str, target: str, headers: Headers, body: bytes) -> Head:
        """Send a request and wait for the head of its answer; closes the connection when that fails.

        Raises:
            ConnectionClosedError: the server closed the connection first.

        """
        request = h11.Request(method=method, target=target, headers=list(headers))
        try:
            self._write(request)
            if body:
                self._write(h11.Data(data=body))
            self._write(h11.EndOfMessage())
            await self._writer.drain()
            event = await self._next()
        except (OSError, h11.RemoteProtocolError) as err:
            self.close()
            raise ConnectionClosedError(f"the API server {_went(err)} before it answered", hint=HINT) from err
        except BaseException:
            self.close()
            raise
        if isinstance(event, h11.Response | h11.InformationalResponse):
            return event
        self.close()
        raise ConnectionClosedError("the API server closed the connection", hint=HINT)

    async def pieces(self) -> AsyncIterator[bytes]:
        """Give the body of the answer as it comes.

        Raises:
            UnavailableError: the connection broke before its end.

        """
        while True:
            try:
                event = await self._next()
            except (OSError, h11.RemoteProtocolError) as err:
                raise UnavailableError(f"the API server {_went(err)} amid its answer", hint=HINT) from err
            if isinstance(event, h11.Data):
                yield bytes(event.data)
            else:
                return

    def reuse(self) -> None:
        """Make ready for the next request, after an answer was read to its end."""
        if self._http.our_state is h11.DONE and self._http.their_state is h11.DONE:
            self._http.start_next_cycle()

    def detach(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter, bytes]:
        """Give the streams to another protocol, with what was already read for it."""
        return self._reader, self._writer, self._http.trailing_data[0]

    def close(self) -> None:
        """Let go of the socket; twice is once."""
        self._writer.close()

    def _write(self, event: h11.Request | h11.Data | h11.EndOfMessage) -> None:
        data = self._http.send(event)
        if data:
            self._writer.write(data)

    async def _next(self) -> h11.Event | type[h11.PAUSED]:
        while True:
            event = self._http.next_event()
            if event is not h11.NEED_DATA:
                return event  # type: ignore[return-value]
            self._http.receive_data(await self._reader.read(READ_BYTES))


def _went(err: OSError | h11.RemoteProtocolError) -> str:
    """Say how a connection ended; h11's words are about its own states."""
    if isinstance(err, OSError):
        return f"went away ({err.strerror or err})"
    return "closed the connection"
