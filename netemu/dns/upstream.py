"""Other servers' answers, made to fit and put behind our own aliases."""

from __future__ import annotations

import struct
from typing import Protocol

from dnslib import RR, DNSError, DNSHeader, DNSLabel, DNSQuestion, DNSRecord
from dnslib.label import DNSLabelError

from netemu.dns import forward
from netemu.dns.message import Reply
from netemu.dns.zone import Answer
from netemu.errors import NetemuError


class Asker(Protocol):
    """Whoever asks other servers."""

    async def ask(self, packet: bytes) -> bytes:
        """Give the reply to a query.

        Raises:
            NetemuError: there is none.

        """
        ...


async def complete(asker: Asker, answer: Answer, qtype: int) -> Reply:
    """Add to a chain of aliases what its outside end has; alone it is an answer as well."""
    question = DNSQuestion(DNSLabel(answer.outside), qtype)
    query = bytes(DNSRecord(DNSHeader(id=0, rd=1), questions=[question]).pack())
    try:
        found = parse_answers(await asker.ask(query))
    except NetemuError:
        found = ()
    return answer.reply._replace(answers=(*answer.reply.answers, *found))


def parse_answers(packet: bytes) -> tuple[RR, ...]:
    """Read the answer section of a reply; empty when it cannot be read."""
    try:
        return tuple(DNSRecord.parse(packet).rr)
    except (DNSError, DNSLabelError, struct.error, ValueError, RecursionError):
        return ()


def fit(query: bytes, packet: bytes, limit_bytes: int) -> bytes:
    """Give a reply as it is if it fits, else only its question with the mark to ask over TCP."""
    return packet if len(packet) <= limit_bytes else forward.shorten(query, packet)
