from __future__ import annotations

from dnslib import CNAME, QTYPE, RR, A, DNSHeader, DNSQuestion, DNSRecord
from hypothesis import given
from hypothesis import strategies as st

from netemu.dns import upstream
from netemu.dns.message import Reply
from netemu.dns.zone import Answer
from netemu.errors import NetemuError

ALIAS = Reply(0, (RR("a.default.svc.cluster.local", QTYPE.CNAME, rdata=CNAME("www.example.com")),))


class Answering:
    async def ask(self, packet):
        question = DNSRecord.parse(packet).q
        record = DNSRecord(DNSHeader(qr=1), questions=[question])
        record.add_answer(RR(question.qname, QTYPE.A, rdata=A("192.0.2.1")))
        return bytes(record.pack())


class Failing:
    async def ask(self, packet):
        raise NetemuError("nobody is there")


async def test_an_alias_is_completed_with_what_its_end_has():
    reply = await upstream.complete(Answering(), Answer(ALIAS, outside="www.example.com"), QTYPE.A)

    assert [str(rr.rdata) for rr in reply.answers] == ["www.example.com.", "192.0.2.1"]


async def test_an_alias_whose_end_cannot_be_asked_is_an_answer_alone():
    assert await upstream.complete(Failing(), Answer(ALIAS, outside="www.example.com"), QTYPE.A) == ALIAS


@given(st.binary(max_size=200))
def test_a_reply_that_cannot_be_read_has_no_answers(packet):
    assert isinstance(upstream.parse_answers(packet), tuple)


def test_a_reply_that_fits_stays_as_it_is():
    assert upstream.fit(b"query", b"reply", 512) == b"reply"


def test_a_reply_that_does_not_fit_asks_for_tcp():
    query = bytes(DNSRecord(questions=[DNSQuestion("example.com")]).pack())

    assert DNSRecord.parse(upstream.fit(query, query + b"x" * 600, 512)).header.tc
