"""[IO] Connections to apps: sessions on sockets, with bounds on slow and greedy clients."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from netemu.agnhost.http2 import Http2Session
from netemu.agnhost.model import (
    Address,
    Conversation,
    DatagramAnswer,
    EchoStream,
    Greet,
    Http,
    Http2,
    HttpAnswer,
    LengthPrefixed,
    Request,
    Response,
    Service,
    Tls,
)
from netemu.agnhost.session import Session
from netemu.agnhost.tls import TlsState, state_of

_MESSAGE_S = 15.0
_MESSAGE_BYTES = 1024
_PARTING_S = 1.0


class Patience(NamedTuple):
    """How long a connection may be open without a whole request, and after an answer; None is for ever."""

    request_s: float | None = None
    idle_s: float | None = None


_ENDLESS = Patience()


class Owner:
    """The app that connections belong to: its log, its tasks, who is connected.

    ``log`` gets a line for each request; ``failed`` an error that no app should have.
    """

    def __init__(
        self,
        group: asyncio.TaskGroup,
        log: Callable[[str], None],
        failed: Callable[[Exception, str], None],
        patience: Patience = _ENDLESS,
    ) -> None:
        self.group = group
        self.patience = patience
        self.log = log
        self.failed = failed
        self.connections: set[asyncio.Transport] = set()
        self.is_closed = False

    def close(self) -> None:
        """Close every connection, also those that are only being accepted."""
        self.is_closed = True
        for transport in list(self.connections):
            transport.abort()


def make_protocol(service: Service, owner: Owner, client: Address) -> asyncio.Protocol:
    """Give the protocol that serves one TCP connection."""
    match service:
        case Http(answer, access_log):
            return HttpProtocol(owner, answer, client, access_log=access_log)
        case Tls(answer):
            return HttpProtocol(owner, answer, client, access_log=False)
        case Http2():
            return Http2Protocol(owner, service)
        case LengthPrefixed(answer_message):
            return LengthPrefixedProtocol(owner, answer_message, client)
        case Greet(text):
            return GreetProtocol(owner, text)
        case EchoStream():
            return EchoProtocol(owner)
        case _:
            raise ValueError(f"{service} is not served over TCP")


async def serve_message(
    sock: socket.socket, client: Address, answer: DatagramAnswer, greeting: bytes
) -> None:
    """Answer one message of an SCTP connection, or greet it, and close it."""
    loop = asyncio.get_running_loop()
    with sock:
        try:
            async with asyncio.timeout(_MESSAGE_S):
                reply = greeting or answer(await loop.sock_recv(sock, _MESSAGE_BYTES), client)
                if reply:
                    await loop.sock_sendall(sock, reply)
        except OSError:  # the client went away, or said nothing
            return


class _Connection(asyncio.Protocol):
    """Keep the owner's list of connections, and close idle ones."""

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._owner.connections.add(transport)
        self._limit(self._owner.patience.request_s)
        if self._owner.is_closed:
            transport.abort()

    def connection_lost(self, _exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._transport is not None:
            self._owner.connections.discard(self._transport)
            self._transport = None

    def _limit(self, seconds: float | None) -> None:
        """Close the connection if nothing happens for so long."""
        if self._timer is not None:
            self._timer.cancel()
        if self._transport is not None and seconds is not None:
            self._timer = asyncio.get_running_loop().call_later(seconds, self._transport.abort)


class HttpProtocol(_Connection):
    """Answer requests one after the other; what is pipelined waits."""

    def __init__(self, owner: Owner, answer: HttpAnswer, client: Address, *, access_log: bool) -> None:
        super().__init__(owner)
        self._answer = answer
        self._client = client
        self._access_log = access_log
        self._session = Session(client)
        self._tls: TlsState | None = None
        self._is_answering = False
        self._is_choked = False
        self._conversation: Conversation | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Learn what was agreed on in TLS."""
        super().connection_made(transport)
        self._tls = state_of(transport.get_extra_info("ssl_object"))

    def data_received(self, data: bytes) -> None:
        """Take bytes; the clock runs from a request's first one."""
        if self._conversation is not None:
            self._converse(self._conversation, data)
            return
        if self._session.is_idle:
            self._limit(self._owner.patience.request_s)
        self._session.feed(data)
        self._advance()

    def eof_received(self) -> bool:
        """Answer what was asked before the client's end."""
        if self._conversation is not None:
            return False
        self._session.feed(b"")
        self._advance()
        return self._is_answering

    def pause_writing(self) -> None:
        """Answer nothing more to a client that does not read."""
        self._is_choked = True

    def resume_writing(self) -> None:
        """Go on."""
        self._is_choked = False
        self._advance()

    def _advance(self) -> None:
        while not (self._is_answering or self._is_choked or self._transport is None):
            if self._conversation is not None:
                return
            request = self._session.next_request()
            if request is None:
                self._wait_for_more()
                return
            request.tls = self._tls
            result = self._answer(request)
            if isinstance(result, Response):
                self._send(request, result)
            else:
                self._is_answering = True
                if self._timer is not None:
                    self._timer.cancel()  # an answer may take its time
                self._owner.group.create_task(self._finish(request, result))
        if self._transport is not None:
            self._transport.pause_reading()

    def _wait_for_more(self) -> None:
        if self._transport is None:
            return
        if self._session.refusal is not None:
            self._transport.write(self._session.answer(self._session.refusal))
            self._transport.close()
            return
        self._transport.write(self._session.continuation())
        self._transport.resume_reading()

    async def _finish(self, request: Request, result: Awaitable[Response]) -> None:
        try:
            response = await result
        except Exception as err:  # one app's fault must not end the server of all
            self._owner.failed(err, request.line)
            response = Response(b"the stand-in failed\n", 500, close=True)
        self._is_answering = False
        self._send(request, response)
        self._advance()

    def _send(self, request: Request, response: Response) -> None:
        if self._transport is None:
            return
        if response.abort:
            self._transport.abort()
            return
        if self._access_log:
            self._owner.log(f'{self._client.host} "{request.line}" {response.status} {len(response.body)}')
        self._transport.write(self._session.answer(response))
        self._limit(self._owner.patience.idle_s)
        if response.upgrade is not None:
            self._conversation = response.upgrade
            self._transport.resume_reading()
            self._converse(response.upgrade, self._session.take_unread())
        elif self._session.is_over:
            self._transport.close()

    def _converse(self, conversation: Conversation, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(conversation.feed(data))
            self._limit(self._owner.patience.idle_s)
            if conversation.is_over:
                self._transport.close()


class Http2Protocol(_Connection):
    """Answer requests as they come."""

    def __init__(self, owner: Owner, service: Http2) -> None:
        super().__init__(owner)
        self._service = service
        self._session = Http2Session(service.answer)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Learn what was agreed on in TLS."""
        super().connection_made(transport)
        state = state_of(transport.get_extra_info("ssl_object"))
        if state is not None and self._service.of_tls is not None:
            self._session = Http2Session(self._service.of_tls(state))

    def data_received(self, data: bytes) -> None:
        """Take bytes."""
        if self._transport is not None:
            self._transport.write(self._session.feed(data))
            self._limit(self._owner.patience.idle_s)
            if self._session.is_over:
                self._transport.close()


class LengthPrefixedProtocol(_Connection):
    """Answer messages one after the other."""

    def __init__(self, owner: Owner, answer: DatagramAnswer, client: Address) -> None:
        super().__init__(owner)
        self._answer = answer
        self._client = client
        self._buffer = bytearray()

    def data_received(self, data: bytes) -> None:
        """Take bytes."""
        self._buffer += data
        while len(self._buffer) >= 2 and len(self._buffer) >= 2 + (
            length := int.from_bytes(self._buffer[:2], "big")
        ):
            reply = self._answer(bytes(self._buffer[2 : 2 + length]), self._client)
            del self._buffer[: 2 + length]
            if reply is not None and self._transport is not None:
                self._transport.write(len(reply).to_bytes(2, "big") + reply)


class EchoProtocol(_Connection):
    """Send every byte back."""

    def data_received(self, data: bytes) -> None:
        """Echo."""
        if self._transport is not None:
            self._transport.write(data)
            self._limit(self._owner.patience.idle_s)

    def pause_writing(self) -> None:
        """Read no more than the client does."""
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """Go on."""
        if self._transport is not None:
            self._transport.resume_reading()


class GreetProtocol(_Connection):
    """Say one thing, and close when the client has nothing more to say.

    A connection that is closed before what the client sent was read is reset, and some clients
    (``nc``) then lose what they were told.
    """

    def __init__(self, owner: Owner, text: bytes) -> None:
        super().__init__(owner)
        self._text = text

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Say it."""
        super().connection_made(transport)
        if self._transport is not None:
            self._transport.write(self._text)
            self._transport.write_eof()
            self._limit(_PARTING_S)
