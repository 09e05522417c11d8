"""WebSocket messages of a client (RFC 6455), without I/O.

Small on purpose: the one library that is here loads for 285 ms, more than the command line's
whole ``exec`` may take.
"""

from __future__ import annotations

import base64
import hashlib
import os
import struct
from collections.abc import Iterator
from enum import IntEnum
from typing import NamedTuple

ACCEPT_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
MAX_MESSAGE_BYTES = 16 << 20


class Opcode(IntEnum):
    """What a frame is."""

    CONTINUATION = 0
    TEXT = 1
    BINARY = 2
    CLOSE = 8
    PING = 9
    PONG = 10


class Message(NamedTuple):
    """A whole message; fragments are joined."""

    opcode: Opcode
    data: bytes


class ProtocolError(Exception):
    """The peer sent what is no WebSocket frame."""


def new_key() -> str:
    """Make a handshake's ``Sec-WebSocket-Key``."""
    return base64.b64encode(os.urandom(16)).decode()


def accept_of(key: str) -> str:
    """Give the ``Sec-WebSocket-Accept`` that proves that the server read the key."""
    return base64.b64encode(hashlib.sha1(key.encode() + ACCEPT_GUID.encode()).digest()).decode()  # noqa: S324


def render_frame(opcode: Opcode, data: bytes, *, mask: bytes | None = None) -> bytes:
    """Write one masked frame, as a client must; ``mask`` is 4 bytes, random unless given."""
    mask = mask or os.urandom(4)
    size = len(data)
    if size < 126:
        head = struct.pack("!BB", 0x80 | opcode, 0x80 | size)
    elif size < 1 << 16:
        head = struct.pack("!BBH", 0x80 | opcode, 0x80 | 126, size)
    else:
        head = struct.pack("!BBQ", 0x80 | opcode, 0x80 | 127, size)
    return head + mask + _masked(data, mask)


class FrameParser:
    """Reads a server's frames from bytes that come in pieces of any size."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._opcode: Opcode | None = None
        self._fragments = bytearray()

    def feed(self, data: bytes) -> Iterator[Message]:
        """Take bytes; give the messages that are complete with them.

        Raises:
            ProtocolError: the bytes are no frames, or a message is too long.

        """
        self._buffer += data
        while (frame := self._next_frame()) is not None:
            message = self._joined(*frame)
            if message is not None:
                yield message

    def _next_frame(self) -> tuple[bool, Opcode, bytes] | None:
        if len(self._buffer) < 2:
            return None
        first, second = self._buffer[:2]
        head, size = 2, second & 0x7F
        if size >= 126:
            head = 4 if size == 126 else 10
            if len(self._buffer) < head:
                return None
            size = int.from_bytes(self._buffer[2:head], "big")
        if second & 0x80 or first & 0x70 or size > MAX_MESSAGE_BYTES:
            raise ProtocolError(f"unexpected frame header {first:#x} {second:#x}")
        if len(self._buffer) < head + size:
            return None
        data = bytes(self._buffer[head : head + size])
        del self._buffer[: head + size]
        return bool(first & 0x80), _opcode(first & 0x0F), data

    def _joined(self, is_final: bool, opcode: Opcode, data: bytes) -> Message | None:
        if opcode >= Opcode.CLOSE:
            return Message(opcode, data)
        if opcode is not Opcode.CONTINUATION:
            self._opcode = opcode
            self._fragments.clear()
        if self._opcode is None or len(self._fragments) + len(data) > MAX_MESSAGE_BYTES:
            raise ProtocolError("a message too long, or without a beginning")
        self._fragments += data
        if not is_final:
            return None
        message = Message(self._opcode, bytes(self._fragments))
        self._opcode = None
        return message


def _opcode(number: int) -> Opcode:
    try:
        return Opcode(number)
    except ValueError:
        raise ProtocolError(f"unknown opcode {number}") from None


def _masked(data: bytes, mask: bytes) -> bytes:
    size = len(data)
    pattern = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(data, "big") ^ int.from_bytes(pattern, "big")).to_bytes(size, "big")
