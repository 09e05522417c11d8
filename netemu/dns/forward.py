"""What is to be known about other servers' answers: who to ask, and how long an answer lasts."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from ipaddress import ip_address
from typing import NamedTuple

from netemu.dns import message

MAX_TTL_S = 30  # CoreDNS's ``cache 30``
MAX_KEPT = 8192
MAX_SERVERS = 3  # MAXNS, resolv.h

_OPT, _SOA = 41, 6


def parse_resolv_conf(text: str) -> tuple[str, ...]:
    """Read the name servers that resolv.conf(5) lists, at most three, as libc does."""
    words = (line.split() for line in text.splitlines())
    servers = (pair[1] for pair in words if len(pair) >= 2 and pair[0] == "nameserver")
    return tuple(server for server in servers if _is_address(server))[:MAX_SERVERS]


def rcode(packet: bytes) -> int:
    """Give a reply's result code."""
    return packet[3] & 0xF


def is_truncated(packet: bytes) -> bool:
    """Tell whether a reply says that it is not whole."""
    return bool(packet[2] & 0x02)


def is_reply_to(query: bytes, packet: bytes) -> bool:
    """Tell whether a packet answers a query: same id, same question, and a reply.

    Servers give the question back byte for byte; whoever did not see the query cannot.
    """
    end = _question_end(query)
    same_question = packet[message.HEADER_BYTES : end].lower() == query[message.HEADER_BYTES : end].lower()
    return packet[:2] == query[:2] and len(packet) >= end and bool(packet[2] & 0x80) and same_question


def shorten(query: bytes, packet: bytes) -> bytes:
    """Cut a reply that does not fit down to its question, with TC set, so that TCP is used."""
    end = _question_end(query)
    flags = bytes((packet[2] | 0x02, packet[3]))
    return packet[:2] + flags + struct.pack("!4H", 1, 0, 0, 0) + packet[message.HEADER_BYTES : end]


class Kept(NamedTuple):
    """A reply without its id; ``ttls`` are the offsets of the TTLs that count down with it."""

    reply: bytes
    ttls: tuple[int, ...]
    since_s: float
    until_s: float


class ForwardCache:
    """Other servers' replies, for as long as they allow and ``MAX_TTL_S`` at most."""

    def __init__(self) -> None:
        self._kept: dict[bytes, Kept] = {}

    def find(self, query: bytes, now_s: float) -> bytes | None:
        """Give the reply to a query, both without their ids, its TTLs lowered by its age."""
        kept = self._kept.get(query)
        if kept is None:
            return None
        if now_s >= kept.until_s:
            del self._kept[query]
            return None
        return _aged(kept, int(now_s - kept.since_s))

    def add(self, query: bytes, packet: bytes, now_s: float) -> None:
        """Keep a reply, both with their ids, if it is one that may be kept."""
        if rcode(packet) not in (message.NOERROR, message.NXDOMAIN) or is_truncated(packet):
            return
        try:
            found = tuple(_read_ttls(packet))
        except (struct.error, IndexError):
            return
        ttl_s = min((ttl for _, ttl in found), default=0)
        if ttl_s > 0:
            if len(self._kept) >= MAX_KEPT:
                self._kept.clear()
            offsets = tuple(offset - 2 for offset, _ in found)
            self._kept[query[2:]] = Kept(packet[2:], offsets, now_s, now_s + min(ttl_s, MAX_TTL_S))


def _aged(kept: Kept, age_s: int) -> bytes:
    if age_s == 0:
        return kept.reply
    packet = bytearray(kept.reply)
    for offset in kept.ttls:
        (ttl_s,) = struct.unpack_from("!I", packet, offset)
        struct.pack_into("!I", packet, offset, max(ttl_s - age_s, 0))
    return bytes(packet)


def _read_ttls(packet: bytes) -> Iterator[tuple[int, int]]:
    """Give the offset and the value of each record's TTL, a SOA's bounded by its minimum (RFC 2308)."""
    questions, *records = struct.unpack_from("!4H", packet, 4)
    offset = message.HEADER_BYTES
    for _ in range(questions):
        offset = _skip_name(packet, offset) + 4
    for _ in range(sum(records)):
        offset = _skip_name(packet, offset)
        kind, _, ttl_s, length = struct.unpack_from("!HHIH", packet, offset)
        end = offset + 10 + length
        if end > len(packet):
            raise IndexError("a record is cut off")
        if kind == _SOA:
            ttl_s = min(ttl_s, *struct.unpack_from("!I", packet, end - 4))
        if kind != _OPT:
            yield offset + 4, ttl_s
        offset = end


def _skip_name(packet: bytes, offset: int) -> int:
    while length := packet[offset]:
        if length >= 0xC0:
            return offset + 2
        offset += 1 + length
    return offset + 1


def _question_end(query: bytes) -> int:
    return _skip_name(query, message.HEADER_BYTES) + 4


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
