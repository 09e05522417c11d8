"""What one packet gets: a reply at once, nothing, or work that needs the machine's resolvers."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import NamedTuple

from dnslib import QTYPE as TYPE

from netemu.dns import message
from netemu.dns.answers import AnswerCache
from netemu.dns.message import FormatError, Query, Reply
from netemu.dns.zone import Answer, Zone
from netemu.informer.cache import Change

NOT_READY = (14, "the server has not read the cluster's Services yet")  # RFC 8914

_TRANSFERS = (251, 252)  # IXFR, AXFR


class Forward(NamedTuple):
    """A question for the machine's resolvers, with the packet that asks it."""

    query: Query
    packet: bytes


class Chase(NamedTuple):
    """An answer that ends in an alias to an outside name, which the resolvers must complete."""

    query: Query
    answer: Answer


class Responder:
    """Decides about packets; the fast path is one look-up by the packet's bytes."""

    def __init__(self, zone: Zone, is_synced: Callable[[], bool], random: Random) -> None:
        self._zone = zone
        self._is_synced = is_synced
        self._random = random
        self._answers = {over_tcp: AnswerCache() for over_tcp in (False, True)}

    def note(self, change: Change) -> None:
        """Take back the answers that a change of the cluster makes wrong."""
        tags = self._zone.note(change)
        for answers in self._answers.values():
            answers.take_back(tags)

    def respond(self, packet: bytes, *, over_tcp: bool = False) -> bytes | Forward | Chase | None:
        """Decide about a packet, whatever is in it; ``None`` means to stay silent."""
        kept = self._answers[over_tcp].find(packet[2:])
        return packet[:2] + kept if kept is not None else self._decide(packet, over_tcp)

    def _decide(self, packet: bytes, over_tcp: bool) -> bytes | Forward | Chase | None:
        if not message.is_query(packet):
            return None
        if message.opcode(packet) != 0:
            return message.render_refusal(packet, message.NOTIMP)
        try:
            query = message.parse_query(packet)
        except FormatError:
            return message.render_refusal(packet, message.FORMERR)
        refusal = self._refusal(query)
        if refusal is not None:
            return message.render(query, refusal, limit_bytes=query.limit_bytes(over_tcp=over_tcp))
        answer = self._zone.answer(query.name, query.qtype)
        if answer is None:
            return Forward(query, packet)
        if not self._is_synced():
            return self._render(query, Reply(message.SERVFAIL, extended=NOT_READY), over_tcp)[0]
        if answer.outside:
            return Chase(query, answer)
        replies = self._render(query, self._shuffled(answer.reply), over_tcp)
        if not (query.edns and query.edns.has_options):
            self._answers[over_tcp].add(packet[2:], (reply[2:] for reply in replies), answer.tags)
        return replies[0]

    def _refusal(self, query: Query) -> Reply | None:
        if query.edns is not None and query.edns.version != 0:
            return Reply(message.BADVERS)
        if query.qclass != message.IN or query.qtype in _TRANSFERS:
            return Reply(message.REFUSED)
        return None

    def _render(self, query: Query, reply: Reply, over_tcp: bool) -> list[bytes]:
        packed = message.render(query, reply, limit_bytes=query.limit_bytes(over_tcp=over_tcp))
        return message.rotations(query, reply, packed)

    def _shuffled(self, reply: Reply) -> Reply:
        """Put addresses in random order, as CoreDNS's ``loadbalance``; chains keep theirs."""
        if len(reply.answers) < 2 or any(rr.rtype != TYPE.A for rr in reply.answers):
            return reply
        return reply._replace(answers=tuple(self._random.sample(reply.answers, len(reply.answers))))
