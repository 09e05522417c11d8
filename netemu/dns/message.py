"""DNS messages: queries read from bytes, answers written to bytes (RFC 1035, RFC 6891).

Queries are read here and not by dnslib because they come from anybody: a question never holds a
compression pointer, and a reader that follows none cannot be sent around in circles.
"""

from __future__ import annotations

import struct
from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple

from dnslib import CLASS, EDNS0, RR, DNSHeader, DNSLabel, DNSQuestion, DNSRecord, EDNSOption
from dnslib import QTYPE as TYPE

from netemu.errors import NetemuError

NOERROR, FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED, BADVERS = 0, 1, 2, 3, 4, 5, 16
IN = CLASS.IN
HEADER_BYTES = 12
PLAIN_LIMIT_BYTES = 512  # RFC 1035 4.2.1: UDP without EDNS
EDNS_LIMIT_BYTES = 4096
TCP_LIMIT_BYTES = 65535

_QR, _AA, _TC, _RD, _RA, _CD = 0x8000, 0x0400, 0x0200, 0x0100, 0x0080, 0x0010
_OPT = 41
_DO = 0x8000
_EXTENDED_ERROR = 15  # RFC 8914
_ADDRESS_RR_BYTES = 16  # pointer, type, class, ttl, length, IPv4 address


class FormatError(NetemuError):
    """A packet is not a DNS query that can be understood."""

    code = "DNS_FORMAT_ERROR"


class Edns(NamedTuple):
    """What a query's OPT record says."""

    limit_bytes: int
    version: int
    dnssec_ok: bool
    has_options: bool


class Query(NamedTuple):
    """One question. ``name`` keeps the case in which it was asked."""

    id: int
    flags: int
    name: tuple[bytes, ...]
    qtype: int
    qclass: int
    edns: Edns | None = None

    @property
    def label(self) -> DNSLabel:
        """The name for dnslib."""
        return DNSLabel(self.name)

    def limit_bytes(self, *, over_tcp: bool) -> int:
        """Give the size that the answer may have."""
        if over_tcp:
            return TCP_LIMIT_BYTES
        return self.edns.limit_bytes if self.edns else PLAIN_LIMIT_BYTES


class Reply(NamedTuple):
    """What a question gets. ``extended`` is an RFC 8914 code and its text."""

    rcode: int
    answers: tuple[RR, ...] = ()
    authority: tuple[RR, ...] = ()
    additional: tuple[RR, ...] = ()
    authoritative: bool = False
    extended: tuple[int, str] | None = None


def is_query(packet: bytes) -> bool:
    """Tell whether a packet deserves a reply at all: it has a header and is no reply itself."""
    return len(packet) >= HEADER_BYTES and not packet[2] & 0x80


def opcode(packet: bytes) -> int:
    """Give the operation that a packet with a header asks for; 0 is a query."""
    return (packet[2] >> 3) & 0xF


def parse_query(packet: bytes) -> Query:
    """Read a query of one question.

    Raises:
        FormatError: the packet breaks RFC 1035 or RFC 6891.

    """
    try:
        query_id, flags, questions, answers, authority, additional = struct.unpack_from("!6H", packet)
        if (questions, answers, authority) != (1, 0, 0):
            raise FormatError(f"{questions} questions, {answers + authority} records before the additional")
        name, offset = _read_name(packet, HEADER_BYTES)
        qtype, qclass = struct.unpack_from("!2H", packet, offset)
        edns = _read_edns(packet, offset + 4, additional)
    except (struct.error, IndexError) as err:
        raise FormatError("the packet ends too early") from err
    return Query(query_id, flags, name, qtype, qclass, edns)


def render_refusal(packet: bytes, rcode: int) -> bytes:
    """Write a reply to a packet whose question cannot be repeated: a header and nothing else."""
    flags = _QR | (packet[2] << 8) & (0x7800 | _RD) | rcode
    return struct.pack("!2s5H", packet[:2], flags, 0, 0, 0, 0)


def render(query: Query, reply: Reply, *, limit_bytes: int) -> bytes:
    """Write a reply, made to fit.

    What only helps (additional records) goes first and silently (RFC 2181 9); then answers go
    from the end and TC says so, since some resolvers use what they got instead of asking again.
    """
    whole = _pack(query, reply)
    if len(whole) <= limit_bytes:
        return whole
    bare = _pack(query, reply._replace(additional=()))
    if len(bare) <= limit_bytes:
        return bare

    def cut(count: int) -> bytes:
        return _pack(query, Reply(reply.rcode, reply.answers[:count], authoritative=reply.authoritative), _TC)

    fitting = bisect_right(range(len(reply.answers)), limit_bytes, key=lambda count: len(cut(count)))
    return cut(max(fitting - 1, 0))


def rotations(query: Query, reply: Reply, packed: bytes, most: int = 16) -> list[bytes]:
    """Give packed replies that differ in which address comes first, at most ``most``.

    Addresses of the asked name have one size and no pointers but to the question, so that they
    can change places as bytes. Any other reply is given back alone.
    """
    start = HEADER_BYTES + sum(len(part) + 1 for part in query.name) + 1 + 4
    count = len(reply.answers)
    is_plain = all(rr.rtype == TYPE.A and rr.rname.label == query.name for rr in reply.answers)
    if count < 2 or not is_plain or packed[2] & (_TC >> 8):
        return [packed]
    end = start + count * _ADDRESS_RR_BYTES
    head, body, tail = packed[:start], packed[start:end], packed[end:]
    cuts = range(0, len(body), _ADDRESS_RR_BYTES * -(-count // most))
    return [head + body[cut:] + body[:cut] + tail for cut in cuts]


def _pack(query: Query, reply: Reply, more_flags: int = 0) -> bytes:
    flags = _QR | _RA | query.flags & (_RD | _CD) | reply.rcode & 0xF | more_flags
    if reply.authoritative:
        flags |= _AA
    record = DNSRecord(
        DNSHeader(id=query.id, bitmap=flags),
        questions=[DNSQuestion(query.label, query.qtype, query.qclass)],
        rr=list(reply.answers),
        auth=list(reply.authority),
        ar=[*reply.additional, *_opt(query, reply)],
    )
    return bytes(record.pack())


def _opt(query: Query, reply: Reply) -> Sequence[RR]:
    if query.edns is None:
        return ()
    options = []
    if reply.extended is not None:
        code, text = reply.extended
        options.append(EDNSOption(_EXTENDED_ERROR, struct.pack("!H", code) + text.encode()))
    flags = "do" if query.edns.dnssec_ok else ""
    return (EDNS0(flags=flags, udp_len=EDNS_LIMIT_BYTES, ext_rcode=reply.rcode >> 4, opts=options),)


def _read_name(packet: bytes, offset: int) -> tuple[tuple[bytes, ...], int]:
    labels = []
    start = offset
    while length := packet[offset]:
        offset += 1 + length
        if length > 63 or offset - start > 254 or offset > len(packet):
            raise FormatError("a name is too long, compressed or cut off")
        labels.append(packet[offset - length : offset])
    return tuple(labels), offset + 1


def _read_edns(packet: bytes, offset: int, records: int) -> Edns | None:
    edns = None
    for _ in range(records):
        name, offset = _read_name(packet, offset)
        kind, size, ttl, length = struct.unpack_from("!HHIH", packet, offset)
        offset += 10 + length
        if offset > len(packet):
            raise FormatError("a record is cut off")
        if kind == _OPT:
            if edns is not None or name:
                raise FormatError("the OPT record is there twice or has a name")
            limit = min(max(size, PLAIN_LIMIT_BYTES), EDNS_LIMIT_BYTES)
            edns = Edns(limit, ttl >> 16 & 0xFF, bool(ttl & _DO), length > 0)
    return edns
