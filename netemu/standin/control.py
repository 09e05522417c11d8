"""The stand-in server's side of the control protocol (``netemu.runtime.framing``)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec

from netemu.runtime.container import ContainerState
from netemu.runtime.errors import ControlError
from netemu.runtime.framing import Decoder, FrameTooLargeError, encode

Take = Callable[[dict[str, Any]], Any]


class Control:
    """All clients; each request is passed on and answered at once."""

    def __init__(self) -> None:
        self._clients: dict[_Client, None] = {}
        self.left: Callable[[], None] = lambda: None

    def joined(self, client: _Client) -> None:
        """Note a client."""
        self._clients[client] = None

    def gone(self, client: _Client) -> None:
        """Forget a client, and call ``left``."""
        self._clients.pop(client, None)
        self.left()

    def make_client(self, take: Take) -> _Client:
        """Give the protocol of a new connection."""
        return _Client(self, take)

    def tell_one(self, event: dict[str, Any]) -> bool:
        """Send an event to the client that came last; false if there is none."""
        for client in reversed(self._clients):
            client.send(event)
            return True
        return False

    def tell_all(self, state: ContainerState) -> None:
        """Send the state of an app that ended to every client."""
        for client in self._clients:
            client.send({"event": "exited", "state": state})


class _Client(asyncio.Protocol):
    def __init__(self, control: Control, take: Take) -> None:
        self._control = control
        self._take = take
        self._decoder = Decoder()
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport
        self._control.joined(self)

    def connection_lost(self, _exc: Exception | None) -> None:
        self._transport = None
        self._control.gone(self)

    def data_received(self, data: bytes) -> None:
        try:
            payloads = self._decoder.feed(data)
        except FrameTooLargeError:
            if self._transport is not None:
                self._transport.abort()
            return
        for payload in payloads:
            request = msgspec.json.decode(payload)
            self.send({"id": request["id"], **_answer(self._take, request)})

    def send(self, message: dict[str, Any]) -> None:
        if self._transport is not None:
            self._transport.write(encode(msgspec.json.encode(message)))


def _answer(take: Take, request: dict[str, Any]) -> dict[str, Any]:
    try:
        return {"result": take(request)}
    except ControlError as err:
        return {"error": {"code": err.code, "message": err.message, "hint": err.hint}}
    except (KeyError, msgspec.ValidationError, OSError) as err:
        return {"error": {"code": ControlError.code, "message": f"{request.get('op')}: {err!r}"}}
