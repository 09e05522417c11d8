"""A WebSocket that says back what it is told. Sans-I/O; RFC 6455."""

from __future__ import annotations

import base64
import hashlib

from netemu.agnhost.model import Request, Response

_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_CONTINUATION, _TEXT, _BINARY, _CLOSE, _PING, _PONG = 0, 1, 2, 8, 9, 10
_FINAL, _MASKED = 0x80, 0x80
_MOST_BYTES = 1024 * 1024
_TOO_BIG, _PROTOCOL_ERROR = 1009, 1002


def echo(request: Request) -> Response:
    """Take a handshake; what is none is a bad request."""
    key = request.header("sec-websocket-key")
    if request.header("upgrade").lower() != "websocket" or not key:
        return Response(b"not websocket protocol", 400)
    accept = base64.b64encode(hashlib.sha1(f"{key}{_GUID}".encode()).digest()).decode()  # noqa: S324 - RFC 6455
    headers = (("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Accept", accept))
    return Response(b"", 101, "", headers, upgrade=FrameEcho())


class FrameEcho:
    """One connection after its handshake; each frame's data comes back as text, as Go's echo does it."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self.is_over = False

    def feed(self, data: bytes) -> bytes:
        """Take what was read, and give what is to be sent."""
        self._buffer += data
        sent = b""
        while not self.is_over and (found := self._next_frame()) is not None:
            sent += self._answer(*found)
        return sent

    def _answer(self, kind: int, payload: bytes) -> bytes:
        if kind in {_CONTINUATION, _TEXT, _BINARY}:
            return frame(_TEXT, payload) if payload else b""
        if kind == _PING:
            return frame(_PONG, payload)
        if kind == _CLOSE:
            self.is_over = True
            return frame(_CLOSE, payload[:2])
        return b""

    def _next_frame(self) -> tuple[int, bytes] | None:
        if len(self._buffer) < 2:
            return None
        kind, length, offset = self._buffer[0] & 0x0F, self._buffer[1] & 0x7F, 2
        if not self._buffer[1] & _MASKED:
            return _CLOSE, _PROTOCOL_ERROR.to_bytes(2, "big")
        wide = {126: 2, 127: 8}.get(length, 0)
        if wide:
            length = int.from_bytes(self._buffer[offset : offset + wide], "big")
            offset += wide
        if length > _MOST_BYTES:
            return _CLOSE, _TOO_BIG.to_bytes(2, "big")
        if len(self._buffer) < offset + 4 + length:
            return None
        mask = self._buffer[offset : offset + 4]
        payload = self._buffer[offset + 4 : offset + 4 + length]
        del self._buffer[: offset + 4 + length]
        return kind, bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))


def frame(kind: int, payload: bytes) -> bytes:
    """Give a whole message's frame, as servers send it."""
    length = len(payload)
    if length < 126:
        head = bytes((length,))
    elif length < 1 << 16:
        head = b"\x7e" + length.to_bytes(2, "big")
    else:
        head = b"\x7f" + length.to_bytes(8, "big")
    return bytes((_FINAL | kind,)) + head + payload
