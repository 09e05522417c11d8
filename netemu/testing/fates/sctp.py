"""SCTP's first packet, written and read by hand: many kernels have no sockets for it."""

from __future__ import annotations

import struct
from functools import cache

_PORTS_TAG, _CHECKSUM = struct.Struct("!HHI"), struct.Struct("<I")
_INIT = struct.Struct("!BBHIIHHI")
_POLYNOMIAL = 0x82F63B78  # CRC32c, reflected (RFC 9260, appendix A)


def init_packet(source_port: int, port: int, tag: int) -> bytes:
    """Write the packet that opens an association: the common header and an INIT chunk."""
    ports = _PORTS_TAG.pack(source_port, port, 0)
    chunk = _INIT.pack(1, 0, _INIT.size, tag, 65536, 1, 1, 1)
    return ports + _CHECKSUM.pack(checksum(ports + bytes(4) + chunk)) + chunk


def init_tag(packet: bytes) -> int:
    """Read the tag of an INIT; 0 when that is not in what is there."""
    at = _PORTS_TAG.size + _CHECKSUM.size
    return int(_INIT.unpack_from(packet, at)[3]) if len(packet) >= at + _INIT.size else 0


def checksum(data: bytes) -> int:
    """Compute CRC32c. Connection tracking calls a packet with a wrong one invalid."""
    table, crc = _table(), 0xFFFFFFFF
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


@cache
def _table() -> tuple[int, ...]:
    return tuple(_remainder(byte) for byte in range(256))


def _remainder(value: int) -> int:
    for _ in range(8):
        value = (value >> 1) ^ (_POLYNOMIAL if value & 1 else 0)
    return value
