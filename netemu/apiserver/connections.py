"""[IO] Connections of clients, with an end to the server's patience with each.

aiohttp waits for ever for a client that does not read its answer, and an hour for one that does not
finish its headers.
"""

from __future__ import annotations

import asyncio
import logging
import resource
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.web_protocol import RequestHandler

from netemu.api.errors import BadRequestError, RequestTooLargeError, TimedOutError, TooManyRequestsError
from netemu.apiserver.flows.matching import Flow
from netemu.apiserver.limits import MAX_BODY_BYTES, Limits

_NO_ACCESS_LOG: dict[str, Any] = {"access_log": None}
MAX_AUDIT_ID = 64
_TOO_LARGE = f"Request entity too large: limit is {MAX_BODY_BYTES} bytes"

FLOW = web.RequestKey("flow", Flow)
"""Which flow a request is of."""

Handle = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class Connections(web.Server):
    """Makes a connection of each client that comes."""

    def __init__(self, handle: Handle, limits: Limits) -> None:
        # Watches and logs end when their client goes: their handlers are cancelled. Those that write
        # never wait between deciding and writing, so that none is cut in half.
        super().__init__(handle, request_factory=self._make_request, handler_cancellation=True)
        self.limits = limits
        self.budget = BodyBudget(limits.bodies_bytes)
        self._logger = _quiet_logger()
        self._most = min(limits.connections, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2)

    @property
    def is_full(self) -> bool:
        """Whether there are more connections than there may be."""
        return len(self._connections) > self._most

    def __call__(self) -> RequestHandler:
        """Make the protocol of a new connection."""
        return Connection(self, self.limits, self._logger)

    def _make_request(self, message: Any, payload: Any, protocol: Any, writer: Any, task: Any) -> Request:
        protocol.head_is_read()
        return Request(
            message, payload, protocol, writer, task, body_s=self.limits.body_s, budget=self.budget
        )


class BodyBudget:
    """Counts the memory of all bodies that are being read."""

    def __init__(self, most_bytes: int) -> None:
        self._left_bytes = most_bytes

    def take(self, size_bytes: int) -> None:
        """Count a piece of a body.

        Raises:
            TooManyRequestsError: there is no room for it now.

        """
        if size_bytes > self._left_bytes:
            raise TooManyRequestsError("too many requests, please try again later")
        self._left_bytes -= size_bytes

    def give_back(self, size_bytes: int) -> None:
        """Count a body no longer."""
        self._left_bytes += size_bytes


class Request(web.BaseRequest):
    """A request whose body comes in time, or not at all."""

    def __init__(
        self,
        message: Any,
        payload: Any,
        protocol: Any,
        writer: Any,
        task: Any,
        *,
        body_s: float,
        budget: BodyBudget,
    ) -> None:
        super().__init__(message, payload, protocol, writer, task, asyncio.get_running_loop())
        self._body_s = body_s
        self._budget = budget

    async def _prepare_hook(self, response: web.StreamResponse) -> None:
        """Give every answer the headers of Kubernetes' API, just before they are sent.

        This is aiohttp's own hook, called when it has added what it adds: its name as ``Server``.
        """
        headers = response.headers
        headers.popall("Server", None)
        headers.setdefault("Audit-Id", self.headers.get("Audit-Id", "")[:MAX_AUDIT_ID] or str(uuid4()))
        headers.setdefault("Cache-Control", "no-cache, private")
        if FLOW in self:
            headers["X-Kubernetes-Pf-Flowschema-Uid"], headers["X-Kubernetes-Pf-Prioritylevel-Uid"] = self[
                FLOW
            ]

    async def read(self) -> bytes:
        """Read the whole body.

        Raises:
            RequestTooLargeError: it is longer than objects may be.
            TooManyRequestsError: others send too much at this moment.
            TimedOutError: it does not come.
            BadRequestError: it is not what its encoding says.

        """
        if self.headers.get("Expect", "").lower() == "100-continue" and self.transport is not None:
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        pieces: list[bytes] = []
        held_bytes = 0
        try:
            async with asyncio.timeout(self._body_s):
                async for piece in self.content.iter_any():
                    self._budget.take(len(piece))
                    held_bytes += len(piece)
                    pieces.append(piece)
                    if held_bytes > MAX_BODY_BYTES:
                        raise RequestTooLargeError(
                            f"Request entity too large: limit is {MAX_BODY_BYTES} bytes"
                        )
        except TimeoutError as err:
            raise TimedOutError("Timeout: request did not complete within the allotted timeout") from err
        except web.RequestPayloadError as err:
            raise BadRequestError(f"the body of the request is damaged: {err}") from err
        finally:
            self._budget.give_back(held_bytes)
        return b"".join(pieces)


class Connection(RequestHandler):
    """One client's connection, which is cut where the client keeps the server waiting."""

    __slots__ = ("_head_timer", "_is_patient", "_limits", "_server", "_unread_timer")

    def __init__(self, server: Connections, limits: Limits, logger: logging.Logger) -> None:
        super().__init__(
            server,
            loop=asyncio.get_running_loop(),
            keepalive_timeout=limits.idle_s,
            logger=logger,
            max_line_size=limits.head_bytes,
            max_field_size=limits.head_bytes,
            **_NO_ACCESS_LOG,
        )
        self._server = server
        self._limits = limits
        self._head_timer: asyncio.TimerHandle | None = None
        self._unread_timer: asyncio.TimerHandle | None = None
        self._is_patient = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin with little room for what the client does not read."""
        super().connection_made(transport)
        if isinstance(transport, asyncio.WriteTransport):
            transport.set_write_buffer_limits(high=self._limits.buffer_bytes)
            if self._server.is_full:
                transport.abort()

    def data_received(self, data: bytes) -> None:
        """Take bytes of a client, and begin to wait for the rest of a head."""
        super().data_received(data)
        waits_for_head = self._waiter is not None and not self._waiter.done()
        if waits_for_head and self._head_timer is None:
            self._head_timer = self._loop.call_later(self._limits.head_s, self._cut)

    def head_is_read(self) -> None:
        """Stop waiting for a head; the patience that the last request had is over, too."""
        self._is_patient = False
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def pause_writing(self) -> None:
        """Begin to wait for a client that does not read."""
        super().pause_writing()
        if not self._is_patient:
            self._unread_timer = self._loop.call_later(self._limits.unread_s, self._cut)

    def resume_writing(self) -> None:
        """Stop waiting for a client that reads again."""
        self._stop_unread_timer()
        super().resume_writing()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Stop waiting for anything."""
        self.head_is_read()
        self._stop_unread_timer()
        super().connection_lost(exc)

    def be_patient(self) -> None:
        """Let the client read when it likes: what it follows waits for it, and costs no memory."""
        self._is_patient = True
        self._stop_unread_timer()

    def _stop_unread_timer(self) -> None:
        if self._unread_timer is not None:
            self._unread_timer.cancel()
            self._unread_timer = None

    def _cut(self) -> None:
        if self.transport is not None:
            self.transport.abort()


def be_patient(request: web.BaseRequest) -> None:
    """Let the client of a request read its answer when it likes."""
    if isinstance(request.protocol, Connection):
        request.protocol.be_patient()


def _quiet_logger() -> logging.Logger:
    """Log what fails in the server, not what clients send: whoever sends garbage could fill a disk."""
    logger = logging.getLogger(__name__)
    logger.addFilter(_is_our_fault)
    return logger


def _is_our_fault(record: logging.LogRecord) -> bool:
    return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))
