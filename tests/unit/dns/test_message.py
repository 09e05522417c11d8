from __future__ import annotations

import struct
from contextlib import suppress

import pytest
from dnslib import EDNS0, QTYPE, RR, SRV, A, DNSHeader, DNSQuestion, DNSRecord, EDNSOption
from hypothesis import given
from hypothesis import strategies as st

from netemu.dns import message
from netemu.dns.message import FormatError, Reply, parse_query, render, rotations

LABELS = st.lists(st.binary(min_size=1, max_size=63).filter(lambda b: b.isascii()), max_size=3)


def packed(name="website.default.svc.cluster.local", qtype="A", **edns):
    record = DNSRecord(DNSHeader(id=7, rd=1), questions=[DNSQuestion(name, getattr(QTYPE, qtype))])
    record.add_ar(*([EDNS0(**edns)] if edns else []))
    return bytes(record.pack())


def addresses(query, count):
    return tuple(
        RR(query.label, QTYPE.A, ttl=30, rdata=A(f"10.0.{i // 256}.{i % 256}")) for i in range(count)
    )


@given(st.binary(max_size=600))
def test_any_bytes_are_a_query_or_a_format_error(packet):
    with suppress(FormatError):
        assert parse_query(packet).id >= 0


@given(LABELS, st.integers(0, 65535), st.integers(0, 65535), st.integers(0, 65535))
def test_a_query_is_read_as_it_was_written(labels, id, qtype, size):
    question = DNSQuestion(labels, qtype, 1)
    record = DNSRecord(DNSHeader(id=id, rd=1), questions=[question], ar=[EDNS0(udp_len=size, flags="do")])

    query = parse_query(bytes(record.pack()))

    assert (query.id, query.name, query.qtype, query.qclass) == (id, tuple(labels), qtype, 1)
    assert query.edns == message.Edns(min(max(size, 512), 4096), 0, True, False)


@pytest.mark.parametrize(
    "packet",
    [
        pytest.param(b"", id="empty"),
        pytest.param(packed()[:20], id="cut-in-the-name"),
        pytest.param(packed()[:-1], id="cut-in-the-type"),
        pytest.param(packed()[:4] + b"\0\2" + packed()[6:], id="two-questions"),
        pytest.param(packed()[:4] + b"\0\0" + packed()[6:], id="no-question"),
        pytest.param(packed()[:6] + b"\0\1" + packed()[8:], id="an-answer"),
        pytest.param(packed()[:12] + b"\xc0\x0c" + b"\0\1\0\1", id="a-pointer-to-itself"),
        pytest.param(packed()[:12] + (b"\x3f" + b"x" * 63) * 4 + b"\0" + b"\0\1\0\1", id="name-of-257-bytes"),
        pytest.param(packed(udp_len=1232)[:-4], id="cut-in-edns"),
        pytest.param(packed(udp_len=1232, opts=[EDNSOption(10, b"12345678")])[:-1], id="cut-in-an-option"),
        pytest.param(packed()[:10] + b"\0\2" + packed()[12:] + b"\0\0\x29\2\0\0\0\0\0\0\0" * 2, id="two-opt"),
    ],
)
def test_a_broken_packet_is_a_format_error(packet):
    with pytest.raises(FormatError):
        parse_query(packet)


@pytest.mark.parametrize(
    ("packet", "limit"),
    [
        pytest.param(packed(), 512, id="without-edns"),
        pytest.param(packed(udp_len=100), 512, id="absurdly-small"),
        pytest.param(packed(udp_len=1232), 1232, id="as-asked"),
        pytest.param(packed(udp_len=65535), 4096, id="too-much"),
    ],
)
def test_the_size_over_udp_is_the_clients_within_bounds(packet, limit):
    assert parse_query(packet).limit_bytes(over_tcp=False) == limit
    assert parse_query(packet).limit_bytes(over_tcp=True) == 65535


def test_a_reply_repeats_id_question_and_wish_for_recursion():
    query = parse_query(packed("WebSite.default.svc.cluster.local"))

    reply = DNSRecord.parse(render(query, Reply(message.NXDOMAIN, authoritative=True), limit_bytes=512))

    assert str(reply.q.qname) == "WebSite.default.svc.cluster.local."
    header = reply.header
    assert (header.id, header.qr, header.rd, header.ra, header.aa, header.rcode) == (7, 1, 1, 1, 1, 3)


def test_a_reply_to_a_query_without_edns_has_none():
    query = parse_query(packed())

    assert DNSRecord.parse(render(query, Reply(0), limit_bytes=512)).ar == []


def test_a_refused_edns_version_is_an_extended_result_code():
    query = parse_query(packed(udp_len=1232, version=1))

    (opt,) = DNSRecord.parse(render(query, Reply(message.BADVERS), limit_bytes=512)).ar

    assert (opt.edns_rcode, opt.edns_ver, opt.edns_len) == (1, 0, 4096)


def test_a_reason_is_given_to_who_understands_edns():
    query = parse_query(packed(udp_len=1232))

    (opt,) = DNSRecord.parse(render(query, Reply(2, extended=(14, "not yet")), limit_bytes=512)).ar

    assert (opt.rdata[0].code, opt.rdata[0].data) == (15, struct.pack("!H", 14) + b"not yet")


def test_a_reply_that_does_not_fit_is_cut_and_says_so():
    query = parse_query(packed())
    reply = Reply(0, addresses(query, 100), authoritative=True)

    cut = render(query, reply, limit_bytes=512)
    read = DNSRecord.parse(cut)

    assert 496 < len(cut) <= 512
    assert read.header.tc
    assert [str(rr.rdata) for rr in read.rr] == [str(rr.rdata) for rr in reply.answers[: len(read.rr)]]


def test_what_only_helps_is_left_out_silently():
    query = parse_query(packed("_a._tcp.x.default.svc.cluster.local", "SRV"))
    ends = [f"{i}-{'x' * 40}.x.default.svc.cluster.local" for i in range(4)]
    answers = tuple(RR(query.label, QTYPE.SRV, rdata=SRV(0, 1, 80, end)) for end in ends)
    glue = tuple(RR(end, QTYPE.A, rdata=A("10.0.0.1")) for end in ends)

    read = DNSRecord.parse(render(query, Reply(0, answers, additional=glue), limit_bytes=512))

    assert not read.header.tc
    assert len(read.rr) == 4
    assert read.ar == []


@pytest.mark.parametrize("count", [2, 3, 16, 17, 100])
def test_rotations_are_the_same_addresses_in_other_orders(count):
    query = parse_query(packed(udp_len=4096))
    reply = Reply(0, addresses(query, count))

    turns = rotations(query, reply, render(query, reply, limit_bytes=65535))
    orders = [[str(rr.rdata) for rr in DNSRecord.parse(turn).rr] for turn in turns]

    assert 2 <= len(turns) <= 16
    assert len({order[0] for order in orders}) == len(turns)
    assert {tuple(sorted(order)) for order in orders} == {
        tuple(sorted(str(rr.rdata) for rr in reply.answers))
    }


def test_a_reply_that_was_cut_is_not_rotated():
    query = parse_query(packed())
    reply = Reply(0, addresses(query, 100))
    cut = render(query, reply, limit_bytes=512)

    assert rotations(query, reply, cut) == [cut]


@given(st.binary(min_size=12, max_size=40))
def test_a_refusal_can_be_given_to_any_header(packet):
    refusal = message.render_refusal(packet, message.FORMERR)

    assert refusal[:2] == packet[:2]
    assert DNSRecord.parse(refusal).header.rcode == message.FORMERR
