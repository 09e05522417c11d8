"""The protobuf wire format: varints, fields. Pure.

Source: https://protobuf.dev/programming-guides/encoding/.
"""

from __future__ import annotations

from collections.abc import Iterator

from netemu.errors import NetemuError

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5

_FIXED_SIZES = {FIXED64: 8, FIXED32: 4}
_LONGEST_VARINT = 10


class WireError(NetemuError):
    """Bytes that are no protobuf message."""

    code = "PROTOBUF_UNREADABLE"


def read_fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Give number and value of every field: an ``int`` for a varint, ``bytes`` for everything else.

    Raises:
        WireError: the message ends early, or has a group (proto2's, which nothing here sends).

    """
    at = 0
    while at < len(data):
        key, at = _read_varint(data, at)
        number, wire_type = key >> 3, key & 7
        if wire_type == VARINT:
            value, at = _read_varint(data, at)
            yield number, value
            continue
        size = _FIXED_SIZES.get(wire_type, -1)
        if wire_type == BYTES:
            size, at = _read_varint(data, at)
        if size < 0 or number == 0 or at + size > len(data):
            raise WireError(f"illegal tag {number} (wire type {wire_type}), or its value ends early")
        yield number, data[at : at + size]
        at += size


def signed(value: int) -> int:
    """Read a varint as the 64-bit two's complement that it is."""
    return value - (1 << 64) if value >= 1 << 63 else value


def write_varint(value: int) -> bytes:
    """Write a number; negative ones take ten bytes."""
    value &= (1 << 64) - 1
    written = bytearray()
    while value > 127:
        written.append(value & 127 | 128)
        value >>= 7
    written.append(value)
    return bytes(written)


def write_bytes(number: int, value: bytes) -> bytes:
    """Write a field that has a length: text, bytes, a message."""
    return b"".join((write_varint(number << 3 | BYTES), write_varint(len(value)), value))


def write_int(number: int, value: int) -> bytes:
    """Write a number or boolean field."""
    return write_varint(number << 3 | VARINT) + write_varint(value)


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for index in range(_LONGEST_VARINT):
        if at + index >= len(data):
            break
        byte = data[at + index]
        value |= (byte & 127) << 7 * index
        if byte < 128:
            return value & (1 << 64) - 1, at + index + 1
    raise WireError("a number ends early, or is longer than 64 bits")
