from __future__ import annotations

import pytest
from dnslib import QTYPE, RR, SOA, A, DNSHeader, DNSQuestion, DNSRecord
from hypothesis import given
from hypothesis import strategies as st

from netemu.dns import forward
from netemu.dns.forward import ForwardCache


def query(name="www.example.com", id=7):
    return bytes(DNSRecord(DNSHeader(id=id, rd=1), questions=[DNSQuestion(name)]).pack())


def reply(*ttls, name="www.example.com", id=7, rcode=0, soa=()):
    record = DNSRecord(DNSHeader(id=id, qr=1, rcode=rcode), questions=[DNSQuestion(name)])
    record.add_answer(*(RR(name, QTYPE.A, ttl=ttl, rdata=A("1.2.3.4")) for ttl in ttls))
    record.add_auth(
        *(RR("example.com", QTYPE.SOA, ttl=ttl, rdata=SOA("a", "b", (1, 2, 3, 4, low))) for ttl, low in soa)
    )
    return bytes(record.pack())


@pytest.mark.parametrize(
    ("text", "servers"),
    [
        ("nameserver 192.0.2.1\n", ("192.0.2.1",)),
        ("# nameserver 1.1.1.1\nsearch x\nnameserver\t::1  \n", ("::1",)),
        (
            "nameserver 1.1.1.1\nnameserver 2.2.2.2\nnameserver 3.3.3.3\nnameserver 4.4.4.4",
            ("1.1.1.1", "2.2.2.2", "3.3.3.3"),
        ),
        ("nameserver localhost\nnameserver", ()),
        ("", ()),
    ],
)
def test_resolv_conf_is_read_as_libc_reads_it(text, servers):
    assert forward.parse_resolv_conf(text) == servers


@pytest.mark.parametrize(
    ("packet", "kept_s"),
    [
        pytest.param(reply(300), 30, id="at-most-thirty-seconds"),
        pytest.param(reply(20, 5), 5, id="as-long-as-the-shortest"),
        pytest.param(reply(rcode=3, soa=[(900, 10)]), 10, id="no-such-name-by-its-minimum"),
        pytest.param(reply(soa=[(7, 10)]), 7, id="nothing-there-by-its-ttl"),
        pytest.param(reply(0), 0, id="not-at-all"),
        pytest.param(reply(), 0, id="without-records"),
        pytest.param(reply(300, rcode=2), 0, id="failed"),
        pytest.param(reply(300)[:-3], 0, id="cut-off"),
    ],
)
def test_replies_are_kept_as_long_as_they_allow(packet, kept_s):
    cache = ForwardCache()
    cache.add(query(), packet, 1000.0)

    asked = (1000.0, 1004.9, 1006.9, 1009.9, 1029.9, 1031.0)
    assert [cache.find(query()[2:], now) is not None for now in asked] == [
        now < 1000 + kept_s for now in asked
    ]


def test_a_kept_reply_counts_down():
    cache = ForwardCache()
    cache.add(query(), reply(300, 20), 1000.0)

    aged = DNSRecord.parse(b"\0\7" + cache.find(query()[2:], 1012.5))

    assert [rr.ttl for rr in aged.rr] == [288, 8]


@pytest.mark.parametrize(
    ("packet", "is_answer"),
    [
        pytest.param(reply(1), True, id="reply"),
        pytest.param(reply(1, name="WWW.example.COM"), True, id="other-case"),
        pytest.param(reply(1, id=8), False, id="other-id"),
        pytest.param(reply(1, name="www.example.org"), False, id="other-question"),
        pytest.param(query(), False, id="no-reply"),
        pytest.param(reply()[:20], False, id="cut-off"),
        pytest.param(b"", False, id="empty"),
    ],
)
def test_only_a_reply_to_the_question_is_taken(packet, is_answer):
    assert forward.is_reply_to(query(), packet) is is_answer


def test_a_reply_that_does_not_fit_becomes_its_question_with_tc():
    short = DNSRecord.parse(forward.shorten(query(), reply(*[30] * 50)))

    assert short.header.tc
    assert str(short.q.qname) == "www.example.com."
    assert short.rr == []


@given(st.binary(max_size=80))
def test_no_reply_can_hurt_the_cache(tail):
    cache = ForwardCache()
    cache.add(query(), b"\0\7\x80\0" + tail.ljust(8, b"\1"), 0.0)

    assert cache.find(b"other", 0.0) is None
