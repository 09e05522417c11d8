"""A server's side of HTTP/2, known beforehand, for short answers: gRPC's health checks, echoes. Sans-I/O.

RFC 9113. Answers are written without compression (RFC 7541, 6.2.2), and are trusted to fit into the
window of their stream.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from netemu.agnhost.hpack import Decoder, Headers, HpackError

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

_HEAD_BYTES = 9
_DATA, _HEADERS, _SETTINGS, _PING, _GOAWAY, _WINDOW_UPDATE, _CONTINUATION = 0, 1, 4, 6, 7, 8, 9
_MUTE = frozenset({_SETTINGS, _PING})  # their acknowledgements need none
_END_STREAM, _ACK, _END_HEADERS, _PADDED, _PRIORITY = 1, 1, 4, 8, 32
_MAX_FRAME_BYTES = 16384
_MAX_BODY_BYTES = 64 * 1024
_PROTOCOL_ERROR = 1


class Answer(NamedTuple):
    """An answer; without a body its trailers are sent with the headers."""

    headers: Headers
    body: bytes = b""
    trailers: Headers = ()
    status: int = 200


HeadersAnswer = Callable[[Headers, bytes], Answer]


class _Stream:
    """A request that is not complete yet."""

    def __init__(self) -> None:
        self.block = bytearray()
        self.headers: Headers | None = None
        self.body = bytearray()
        self.has_ended = False


class Http2Session:
    """One connection; ``answer`` is given each request's headers and body."""

    def __init__(self, answer: HeadersAnswer) -> None:
        self._answer = answer
        self._buffer = bytearray()
        self._decoder = Decoder()
        self._streams: dict[int, _Stream] = {}
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
        elif kind in {_HEADERS, _CONTINUATION}:
            return self._take_headers(kind, flags, stream, payload)
        elif kind == _DATA and stream in self._streams:
            return self._take_data(flags, stream, payload)
        return b""

    def _take_headers(self, kind: int, flags: int, number: int, payload: bytes) -> bytes:
        stream = self._streams.setdefault(number, _Stream())
        if kind == _HEADERS:
            payload = _unpadded(flags, payload)[5 if flags & _PRIORITY else 0 :]
            stream.has_ended = bool(flags & _END_STREAM)
        stream.block += payload
        if len(stream.block) > _MAX_BODY_BYTES:
            return self._fail()
        if not flags & _END_HEADERS:
            return b""
        try:
            headers = self._decoder.decode(bytes(stream.block))
        except HpackError:
            return self._fail()
        stream.headers = stream.headers or headers  # what comes later are trailers
        stream.block.clear()
        return self._respond(number, stream) if stream.has_ended else b""

    def _take_data(self, flags: int, number: int, payload: bytes) -> bytes:
        stream = self._streams[number]
        stream.body += _unpadded(flags, payload)
        if len(stream.body) > _MAX_BODY_BYTES:
            return self._fail()
        grant = len(payload).to_bytes(4, "big")
        sent = frame(_WINDOW_UPDATE, 0, 0, grant) if payload else b""
        return sent + (self._respond(number, stream) if flags & _END_STREAM else b"")

    def _respond(self, number: int, stream: _Stream) -> bytes:
        del self._streams[number]
        answer = self._answer(stream.headers or (), bytes(stream.body))
        head = encode_headers(((":status", str(answer.status)), *answer.headers))
        if not answer.body:
            everything = head + encode_headers(answer.trailers)
            return frame(_HEADERS, _END_HEADERS | _END_STREAM, number, everything)
        sent = frame(_HEADERS, _END_HEADERS, number, head)
        for at in range(0, len(answer.body), _MAX_FRAME_BYTES):
            is_last = at + _MAX_FRAME_BYTES >= len(answer.body) and not answer.trailers
            piece = answer.body[at : at + _MAX_FRAME_BYTES]
            sent += frame(_DATA, _END_STREAM if is_last else 0, number, piece)
        if answer.trailers:
            sent += frame(_HEADERS, _END_HEADERS | _END_STREAM, number, encode_headers(answer.trailers))
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


def _unpadded(flags: int, payload: bytes) -> bytes:
    return payload[1 : len(payload) - payload[0]] if flags & _PADDED and payload else payload


def _text(text: str) -> bytes:
    data = text.encode()
    if len(data) < 127:
        return bytes((len(data),)) + data
    rest = len(data) - 127
    if rest >= 1 << 14:
        raise ValueError(f"a header of {len(data)} bytes is too long")
    return bytes((127, rest & 0x7F | 0x80, rest >> 7)) + data
