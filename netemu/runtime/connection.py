"""One client's connection to a shim or to the stand-in server: calls, replies, events, descriptors."""

from __future__ import annotations

import asyncio
import os
import socket
from collections import deque
from collections.abc import AsyncIterator, Callable
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from netemu.runtime.container import ContainerState
from netemu.runtime.errors import DisconnectedError, error_of
from netemu.runtime.framing import Decoder, FrameTooLargeError, encode

_READ_BYTES = 64 * 1024
_MOST_FDS = 16


class Reply(NamedTuple):
    """What a call gave: JSON, and descriptors that the caller owns from now on."""

    result: Any
    fds: tuple[int, ...]


class Connection:
    """Calls over one socket, several at a time; made by ``open``."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._loop = asyncio.get_running_loop()
        self._decoder = Decoder()
        self._fds: deque[int] = deque()
        self._ids = count(1)
        self._calls: dict[int, asyncio.Future[Reply]] = {}
        self._exited: asyncio.Queue[ContainerState | None] = asyncio.Queue()
        self._listeners: dict[str, Callable[[dict[str, Any]], None]] = {}
        self._sending = asyncio.Lock()
        self._loop.add_reader(sock, self._read)

    @classmethod
    async def open(cls, path: Path) -> Connection:
        """Connect to a control socket.

        Raises:
            DisconnectedError: nobody listens there.

        """
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        try:
            await asyncio.get_running_loop().sock_connect(sock, str(path))
        except OSError as err:
            sock.close()
            raise DisconnectedError(f"cannot connect to {path}: {err.strerror}") from err
        return cls(sock)

    @property
    def is_closed(self) -> bool:
        """Whether no further call can succeed."""
        return self._sock.fileno() < 0

    async def call(self, op: str, **arguments: Any) -> Reply:
        """Ask for something and wait for the answer.

        Raises:
            ControlError: the server refused, or (DisconnectedError) went away.

        """
        number = next(self._ids)
        reply: asyncio.Future[Reply] = self._loop.create_future()
        self._calls[number] = reply
        try:
            await self._send(msgspec.json.encode({"id": number, "op": op, **arguments}))
            answer: Reply = await reply
        except asyncio.CancelledError:
            if reply.done() and not reply.cancelled() and reply.exception() is None:
                _close(reply.result().fds)  # it came, but nobody is there any more to own them
            raise
        finally:
            del self._calls[number]
        return answer

    async def exited(self) -> AsyncIterator[ContainerState]:
        """Yield every container that ends, until the connection does."""
        while (state := await self._exited.get()) is not None:
            yield state
        self._exited.put_nowait(None)

    def listen(self, exec_id: str, listener: Callable[[dict[str, Any]], None]) -> None:
        """Have a function called when an exec'd process has ended (or the connection has)."""
        self._listeners[exec_id] = listener

    def close(self) -> None:
        """Close the connection; calls under way fail."""
        if self.is_closed:
            return
        self._loop.remove_reader(self._sock)
        self._sock.close()
        gone = DisconnectedError("the control connection was closed")
        for call in self._calls.values():
            if not call.done():
                call.set_exception(gone)
        for listener in self._listeners.values():
            listener({})
        self._listeners.clear()
        self._loop.call_soon(self._exited.put_nowait, None)
        while self._fds:
            os.close(self._fds.popleft())

    async def _send(self, payload: bytes) -> None:
        if self.is_closed:
            raise DisconnectedError("the control connection was closed")
        async with self._sending:
            try:
                await self._loop.sock_sendall(self._sock, encode(payload))
            except OSError as err:
                self.close()
                raise DisconnectedError(f"the control connection broke: {err.strerror}") from err
            except asyncio.CancelledError:
                self.close()  # half of it may be sent: whatever came next would be read as the rest
                raise

    def _read(self) -> None:
        try:
            data, fds, _, _ = socket.recv_fds(self._sock, _READ_BYTES, _MOST_FDS, socket.MSG_CMSG_CLOEXEC)
        except BlockingIOError:
            return
        except OSError:
            self.close()
            return
        self._fds.extend(fds)
        try:
            payloads = self._decoder.feed(data)
        except FrameTooLargeError:
            payloads, data = [], b""
        for payload in payloads:
            self._take(msgspec.json.decode(payload))
        if not data:
            self.close()

    def _take(self, message: dict[str, Any]) -> None:
        fds = tuple(self._fds.popleft() for _ in range(message.get("fds", 0)))
        if (event := message.get("event")) is not None:
            self._take_event(event, message)
        elif (call := self._calls.get(message["id"])) is None or call.done():
            _close(fds)
        elif (error := message.get("error")) is not None:
            call.set_exception(error_of(error["code"], error["message"], error.get("hint", "")))
        else:
            call.set_result(Reply(message.get("result"), fds))

    def _take_event(self, event: str, message: dict[str, Any]) -> None:
        if event == "exited":
            # After whoever waits for an answer that came before: it may be about this very container.
            self._loop.call_soon(self._exited.put_nowait, msgspec.convert(message["state"], ContainerState))
        elif (listener := self._listeners.pop(message["exec"], None)) is not None:
            listener(message)


def _close(fds: tuple[int, ...]) -> None:
    for fd in fds:
        os.close(fd)
