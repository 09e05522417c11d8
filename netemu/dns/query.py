"""[IO] Ask one question over an open UDP socket: how ``netemu up`` finds out that DNS answers."""

from __future__ import annotations

import asyncio
import secrets
import socket

from dnslib import QTYPE as TYPE
from dnslib import DNSError, DNSHeader, DNSQuestion, DNSRecord

from netemu.dns import forward
from netemu.errors import NetemuError


class AnswerError(NetemuError):
    """A server answered, but not with what was asked for. ``rcode`` is its result code."""

    code = "DNS_ANSWER"

    def __init__(self, text: str, *, rcode: int) -> None:
        super().__init__(text)
        self.rcode = rcode


async def ask(
    sock: socket.socket, server: tuple[str, int], name: str, qtype: str, timeout_s: float
) -> list[str]:
    """Ask ``server`` for a name's records and give their data as text, in the answer's order.

    ``sock`` is a UDP socket, made non-blocking here; the question is sent once.

    Raises:
        TimeoutError: there was no answer in time.
        OSError: the network refused.
        AnswerError: the server refused, failed, or there is no such name.

    """
    question = DNSQuestion(name, getattr(TYPE, qtype))
    header = DNSHeader(id=secrets.randbits(16), rd=1)
    packet = bytes(DNSRecord(header, questions=[question]).pack())
    sock.setblocking(False)
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(timeout_s):
        await loop.sock_sendto(sock, packet, server)
        while True:
            reply, _ = await loop.sock_recvfrom(sock, 65535)
            if forward.is_reply_to(packet, reply):
                return _read(name, question.qtype, reply)


def _read(name: str, qtype: int, packet: bytes) -> list[str]:
    rcode = forward.rcode(packet)
    if rcode != 0:
        raise AnswerError(f"no answer about {name}: result code {rcode}", rcode=rcode)
    try:
        record = DNSRecord.parse(packet)
    except DNSError as err:
        raise AnswerError(f"the answer about {name} cannot be read: {err}", rcode=0) from err
    return [str(rr.rdata) for rr in record.rr if rr.rtype == qtype]
