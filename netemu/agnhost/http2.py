"""A server's side of HTTP/2 for answers that depend on nothing but a request's body. Sans-I/O.

RFC 9113; headers are answered without compression (RFC 7541, 6.2.2) and never read, which is
enough for gRPC's health checks and for a server that says one thing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

_HEAD_BYTES = 9
_DATA, _HEADERS, _SETTINGS, _PING, _GOAWAY, _WINDOW_UPDATE, _CONTINUATION = 0, 1, 4, 6, 7, 8, 9
_MUTE = frozenset({_SETTINGS, _PING})  # their acknowledgements need none
_END_STREAM, _ACK, _END_HEADERS, _PADDED = 1, 1, 4, 8
_MAX_FRAME_BYTES = 16384
_MAX_BODY_BYTES = 64 * 1024
_STATUS_200 = b"\x88"
_PROTOCOL_ERROR = 1

Headers = tuple[tuple[str, str], ...]


class Answer(NamedTuple):
    """An answer of status 200; without a body its trailers are sent with the headers."""

    headers: Headers
    body: bytes = b""
    trailers: Headers = ()


class Http2Session:
    """One connection; ``answer`` is given each request's body."""

    def __init__(self, answer: Callable[[bytes], Answer]) -> None:
        self._answer = answer
        self._buffer = bytearray()
        self._bodies: dict[int, bytearray] = {}
        self._ended: int | None = None
        self._has_begun = False
        self.is_over = False

    def feed(self, data: bytes) -> bytes:
        """Take what was read, and give what is to be sent."""
        if self.is_over:
            return b""
        self._buffer += data
        sent = b""
        if not self._has_begun:
            if not PREFACE.startswith(bytes(self._buffer[: len(PREFACE)])):
                return self._fail()
            if len(self._buffer) < len(PREFACE):
                return b""
            del self._buffer[: len(PREFACE)]
            self._has_begun = True
            sent = frame(_SETTINGS, 0, 0, b"")
        while (found := self._next_frame()) is not None and not self.is_over:
            sent += self._take(*found)
        return sent

    def _next_frame(self) -> tuple[int, int, int, bytes] | None:
        if len(self._buffer) < _HEAD_BYTES:
            return None
        length = int.from_bytes(self._buffer[:3], "big")
        if length > _MAX_FRAME_BYTES:
            self.is_over = True
            return None
        if len(self._buffer) < _HEAD_BYTES + length:
            return None
        kind, flags = self._buffer[3], self._buffer[4]
        stream = int.from_bytes(self._buffer[5:9], "big") & 0x7FFFFFFF
        payload = bytes(self._buffer[_HEAD_BYTES : _HEAD_BYTES + length])
        del self._buffer[: _HEAD_BYTES + length]
        return kind, flags, stream, payload

    def _take(self, kind: int, flags: int, stream: int, payload: bytes) -> bytes:
        if kind in _MUTE:
            return b"" if flags & _ACK else frame(kind, _ACK, 0, payload if kind == _PING else b"")
        if kind == _GOAWAY:
            self.is_over = True
        elif kind == _HEADERS:
            self._bodies.setdefault(stream, bytearray())
            self._ended = stream if flags & _END_STREAM else None
        elif kind == _DATA and stream in self._bodies:
            return self._take_data(flags, stream, payload)
        if kind in {_HEADERS, _CONTINUATION} and flags & _END_HEADERS and self._ended == stream:
            return self._respond(stream)
        return b""

    def _take_data(self, flags: int, stream: int, payload: bytes) -> bytes:
        data = payload[1 : len(payload) - payload[0]] if flags & _PADDED and payload else payload
        body = self._bodies[stream]
        body += data
        if len(body) > _MAX_BODY_BYTES:
            return self._fail()
        grant = len(payload).to_bytes(4, "big")
        sent = frame(_WINDOW_UPDATE, 0, 0, grant) if payload else b""
        return sent + (self._respond(stream) if flags & _END_STREAM else b"")

    def _respond(self, stream: int) -> bytes:
        answer = self._answer(bytes(self._bodies.pop(stream, b"")))
        head = _STATUS_200 + encode_headers(answer.headers)
        if not answer.body:
            everything = head + encode_headers(answer.trailers)
            return frame(_HEADERS, _END_HEADERS | _END_STREAM, stream, everything)
        sent = frame(_HEADERS, _END_HEADERS, stream, head)
        sent += frame(_DATA, 0 if answer.trailers else _END_STREAM, stream, answer.body)
        if answer.trailers:
            sent += frame(_HEADERS, _END_HEADERS | _END_STREAM, stream, encode_headers(answer.trailers))
        return sent

    def _fail(self) -> bytes:
        self.is_over = True
        return frame(_GOAWAY, 0, 0, bytes(4) + _PROTOCOL_ERROR.to_bytes(4, "big"))


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """Give a frame's bytes."""
    return len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + payload


def encode_headers(headers: Headers) -> bytes:
    """Write headers as literals that nobody need remember; names are in small letters."""
    return b"".join(b"\0" + _text(name) + _text(value) for name, value in headers)


def _text(text: str) -> bytes:
    data = text.encode()
    if len(data) > 126:
        raise ValueError(f"{text!r} is too long a header")
    return bytes((len(data),)) + data
