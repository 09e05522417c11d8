"""Frames of SPDY/3.1, as values and as bytes. Pure.

Source: draft-mbelshe-httpbis-spdy-00, and what Kubernetes' clients do of it: no flow control
(WINDOW_UPDATE and SETTINGS are understood and mean nothing), header names in any case.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from netemu.apiserver.streams.dictionary import DICTIONARY

VERSION = 3
FIN = 0x01
MAX_CONTROL_BYTES = 64 * 1024
MAX_HEADERS_BYTES = 256 * 1024
MAX_DATA_BYTES = (1 << 24) - 1
_STREAM = 0x7FFF_FFFF
_HEAD_BYTES = 8

Headers = Mapping[str, str]

PROTOCOL_ERROR, INVALID_STREAM, REFUSED_STREAM, _UNSUPPORTED, CANCEL, INTERNAL_ERROR = range(1, 7)


class SpdyError(Exception):
    """The bytes are no SPDY, or more than anyone means."""


class SynStream(NamedTuple):
    """The sender opens a stream; with ``fin`` it has nothing to say on it."""

    stream: int
    headers: Headers
    fin: bool = False


class SynReply(NamedTuple):
    """The receiver takes a stream."""

    stream: int
    headers: Headers
    fin: bool = False


class Reset(NamedTuple):
    """The stream is over, in both directions."""

    stream: int
    status: int = CANCEL


class Settings(NamedTuple):
    """Values by identifier."""

    values: Mapping[int, int]


class Ping(NamedTuple):
    """To be sent back as it is."""

    id: int


class GoAway(NamedTuple):
    """The sender takes no more streams."""

    last_stream: int
    status: int = 0


class MoreHeaders(NamedTuple):
    """Headers of a stream that is open already."""

    stream: int
    headers: Headers
    fin: bool = False


class WindowUpdate(NamedTuple):
    """The receiver has room for more."""

    stream: int
    delta_bytes: int


class Data(NamedTuple):
    """Bytes of a stream; with ``fin`` its last."""

    stream: int
    data: bytes
    fin: bool = False


Frame = SynStream | SynReply | Reset | Settings | Ping | GoAway | MoreHeaders | WindowUpdate | Data


class Encoder:
    """Writes frames; the headers of each are compressed against all before."""

    def __init__(self) -> None:
        self._zlib = zlib.compressobj(zdict=DICTIONARY)

    def encode(self, frame: Frame) -> bytes:
        """Write one frame.

        Raises:
            ValueError: its data is longer than ``MAX_DATA_BYTES``.

        """
        match frame:
            case Data(stream, data, fin):
                if len(data) > MAX_DATA_BYTES:
                    raise ValueError(f"{len(data)} bytes do not fit into a frame")
                return struct.pack("!II", stream, fin << 24 | len(data)) + data
            case SynStream(stream, headers, fin):
                return _control(1, struct.pack("!IIH", stream, 0, 0) + self._block(headers), fin)
            case SynReply(stream, headers, fin):
                return _control(2, struct.pack("!I", stream) + self._block(headers), fin)
            case Reset(stream, status):
                return _control(3, struct.pack("!II", stream, status))
            case Settings(values):
                pairs = b"".join(struct.pack("!II", *pair) for pair in values.items())
                return _control(4, struct.pack("!I", len(values)) + pairs)
            case Ping(id):
                return _control(6, struct.pack("!I", id))
            case GoAway(last_stream, status):
                return _control(7, struct.pack("!II", last_stream, status))
            case MoreHeaders(stream, headers, fin):
                return _control(8, struct.pack("!I", stream) + self._block(headers), fin)
            case WindowUpdate(stream, delta_bytes):
                return _control(9, struct.pack("!II", stream, delta_bytes))

    def _block(self, headers: Headers) -> bytes:
        plain = struct.pack("!I", len(headers)) + b"".join(
            _text(name.lower()) + _text(value) for name, value in headers.items()
        )
        return self._zlib.compress(plain) + self._zlib.flush(zlib.Z_SYNC_FLUSH)


class Decoder:
    """Reads frames from bytes that come in pieces of any size.

    Data is given out as it comes, a long frame in several pieces: no more is kept than one
    control frame.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._zlib = zlib.decompressobj(zdict=DICTIONARY)
        self._data_left = 0
        self._data_stream = 0
        self._data_fin = False

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Take bytes; give the frames that they complete.

        Raises:
            SpdyError: no further byte can be understood.

        """
        self._buffer += data
        while True:
            frame = self._rest_of_data() if self._data_left else self._next()
            if frame is None:
                return
            if frame is not _NOTHING:
                yield frame

    def _rest_of_data(self) -> Frame | None:
        if not self._buffer:
            return None
        data = bytes(self._buffer[: self._data_left])
        del self._buffer[: len(data)]
        self._data_left -= len(data)
        return Data(self._data_stream, data, self._data_fin and not self._data_left)

    def _next(self) -> Frame | None:
        if len(self._buffer) < _HEAD_BYTES:
            return None
        first, second = struct.unpack_from("!II", self._buffer)
        flags, length = second >> 24, second & MAX_DATA_BYTES
        if not first >> 31:
            del self._buffer[:_HEAD_BYTES]
            self._data_stream, self._data_left, self._data_fin = first, length, bool(flags & FIN)
            return None if length and not self._buffer else self._begun()
        if first >> 16 & 0x7FFF != VERSION or length > MAX_CONTROL_BYTES:
            raise SpdyError(f"a frame that begins with {first:#x} {second:#x}")
        if len(self._buffer) < _HEAD_BYTES + length:
            return None
        payload = bytes(self._buffer[_HEAD_BYTES : _HEAD_BYTES + length])
        del self._buffer[: _HEAD_BYTES + length]
        return self._control(first & 0xFFFF, flags, payload)

    def _begun(self) -> Frame | None:
        return self._rest_of_data() if self._data_left else Data(self._data_stream, b"", self._data_fin)

    def _control(self, kind: int, flags: int, payload: bytes) -> Frame:
        fin = bool(flags & FIN)
        try:
            match kind:
                case 1:
                    return SynStream(_number(payload) & _STREAM, self._headers(payload[10:]), fin)
                case 2:
                    return SynReply(_number(payload) & _STREAM, self._headers(payload[4:]), fin)
                case 4:
                    return _settings(payload)
                case 6:
                    return Ping(_number(payload))
                case 8:
                    return MoreHeaders(_number(payload) & _STREAM, self._headers(payload[4:]), fin)
                case 3 | 7 | 9:
                    number, value = struct.unpack_from("!II", payload)
                    return _PAIRS[kind](number & _STREAM, value)
                case _:
                    return _NOTHING
        except struct.error as err:
            raise SpdyError(f"a control frame of kind {kind} that is too short") from err

    def _headers(self, block: bytes) -> Headers:
        try:
            plain = self._zlib.decompress(block, MAX_HEADERS_BYTES)
        except zlib.error as err:
            raise SpdyError(f"headers that cannot be decompressed: {err}") from err
        if self._zlib.unconsumed_tail or self._zlib.eof:
            raise SpdyError("headers that are too long, or that end their compression")
        headers, position = {}, 4
        for _ in range(_number(plain)):
            name, position = _take_text(plain, position)
            headers[name.lower()], position = _take_text(plain, position)
        return headers


_NOTHING = Settings({})
_PAIRS: Mapping[int, Callable[[int, int], Frame]] = {3: Reset, 7: GoAway, 9: WindowUpdate}


def _control(kind: int, payload: bytes, fin: bool = False) -> bytes:
    return struct.pack("!HHI", 0x8000 | VERSION, kind, fin << 24 | len(payload)) + payload


def _settings(payload: bytes) -> Settings:
    flat = struct.unpack_from(f"!{2 * _number(payload)}I", payload, 4)
    return Settings({id & MAX_DATA_BYTES: value for id, value in zip(flat[::2], flat[1::2], strict=True)})


def _number(payload: bytes) -> int:
    number: int = struct.unpack_from("!I", payload)[0]
    return number


def _text(text: str) -> bytes:
    data = text.encode("utf-8", "surrogateescape")
    return struct.pack("!I", len(data)) + data


def _take_text(plain: bytes, position: int) -> tuple[str, int]:
    (length,) = struct.unpack_from("!I", plain, position)
    end = position + 4 + length
    if end > len(plain):
        raise SpdyError("headers that end too soon")
    return plain[position + 4 : end].decode("utf-8", "surrogateescape"), end
