"""The shim's side of the control protocol: a selector loop, its clients, their requests."""

from __future__ import annotations

import json
import os
import selectors
import socket
from collections import deque

from netemu.runtime.framing import Decoder, FrameTooLargeError, encode

TYPE_CHECKING = False  # typing.TYPE_CHECKING without importing typing (0.6 MB a shim)
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from netemu.runtime.wire import Request

_READ_BYTES = 64 * 1024


class Refusal(Exception):
    """A request that cannot be done; the client gets code and message."""

    def __init__(self, message: str, code: str = "RUNTIME_REFUSED") -> None:
        super().__init__(message)
        self.code = code


class Loop:
    """Call functions when descriptors become readable (or writable)."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()

    def watch(self, fd: int, callback: Callable[[], None], events: int = selectors.EVENT_READ) -> None:
        """Call ``callback`` whenever ``fd`` is ready; replaces what was asked for before."""
        if fd in self._selector.get_map():
            self._selector.modify(fd, events, callback)
        else:
            self._selector.register(fd, events, callback)

    def forget(self, fd: int) -> None:
        """Stop watching. Idempotent; -1 stands for none."""
        if fd >= 0 and fd in self._selector.get_map():
            self._selector.unregister(fd)

    def turn(self) -> None:
        """Wait for what happens next and call whom it concerns."""
        for key, _ in self._selector.select():
            if self._selector.get_map().get(key.fd) is key:  # an earlier callback may have closed it
                key.data()


class Client:
    """One connection; what it does not read in time waits here."""

    def __init__(self, sock: socket.socket, loop: Loop, control: Control) -> None:
        self._sock = sock
        self._loop = loop
        self._control = control
        self._decoder = Decoder()
        self._unsent: deque[tuple[memoryview, list[int]]] = deque()
        loop.watch(sock.fileno(), self._ready)

    def reply(self, request: Request, result: Any = None, fds: list[int] | None = None) -> None:
        """Answer a request; ``fds`` are handed over (and closed here)."""
        fds = fds or []
        self._send({"id": request["id"], "result": result, "fds": len(fds)}, fds)

    def refuse(self, request: Request, refusal: Refusal) -> None:
        """Answer a request with an error."""
        self._send({"id": request["id"], "error": {"code": refusal.code, "message": str(refusal)}}, [])

    def tell(self, event: dict[str, Any]) -> None:
        """Send an event."""
        self._send(event, [])

    def close(self) -> None:
        """Close the connection. Idempotent."""
        if self._sock.fileno() < 0:
            return
        self._loop.forget(self._sock.fileno())
        self._sock.close()
        for _, fds in self._unsent:
            _close_all(fds)
        self._unsent.clear()
        self._control.left(self)

    def _send(self, message: dict[str, Any], fds: list[int]) -> None:
        if self._sock.fileno() < 0:
            _close_all(fds)
            return
        self._unsent.append((memoryview(encode(json.dumps(message).encode())), fds))
        self._flush()

    def _flush(self) -> None:
        while self._unsent:
            data, fds = self._unsent.popleft()
            try:
                sent = socket.send_fds(self._sock, [data], fds)
            except BlockingIOError:
                self._unsent.appendleft((data, fds))
                break
            except OSError:
                _close_all(fds)
                self.close()
                return
            _close_all(fds)
            if sent < len(data):
                self._unsent.appendleft((data[sent:], []))
        writing = selectors.EVENT_WRITE if self._unsent else 0
        self._loop.watch(self._sock.fileno(), self._ready, selectors.EVENT_READ | writing)

    def _ready(self) -> None:
        if self._unsent:
            self._flush()
        try:
            data = self._sock.recv(_READ_BYTES)
            payloads = self._decoder.feed(data)
        except BlockingIOError:
            return
        except (OSError, FrameTooLargeError):
            data, payloads = b"", []
        for payload in payloads:
            self._control.take(self, json.loads(payload))
        if not data:
            self.close()


class Control:
    """Listen on a socket of mode 0600 and pass requests on."""

    def __init__(
        self, loop: Loop, path: str, take: Callable[[Client, Request], None], left: Callable[[Client], None]
    ) -> None:
        self._loop = loop
        self._take = take
        self._left = left
        self.clients: list[Client] = []
        self._listener = _bind(path)

    def listen(self) -> None:
        """Begin to accept: whoever could connect before would be kept waiting."""
        self._listener.listen(16)
        self._loop.watch(self._listener.fileno(), self._accept)

    def tell_all(self, event: dict[str, Any]) -> None:
        """Send an event to every client."""
        for client in list(self.clients):
            client.tell(event)

    def take(self, client: Client, request: Request) -> None:
        """Pass a request on and answer it with whatever stops it."""
        try:
            self._take(client, request)
        except Refusal as refusal:
            client.refuse(request, refusal)
        except Exception as err:  # a node's containers outlive whatever one request meets
            client.refuse(request, Refusal(f"{request.get('op')}: {err!r}"))

    def left(self, client: Client) -> None:
        """Forget a client that went away."""
        self.clients.remove(client)
        self._left(client)

    def _accept(self) -> None:
        try:
            sock, _ = self._listener.accept()
        except OSError:  # it went away again, or descriptors ran out: the next one may come through
            return
        sock.setblocking(False)
        self.clients.append(Client(sock, self._loop, self))


def _bind(path: str) -> socket.socket:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if os.path.exists(path):
        os.unlink(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    before = os.umask(0o177)
    try:
        listener.bind(path)
    finally:
        os.umask(before)
    return listener


def _close_all(fds: list[int]) -> None:
    for fd in fds:
        os.close(fd)
