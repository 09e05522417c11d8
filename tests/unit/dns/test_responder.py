from __future__ import annotations

from random import Random

import pytest
from dnslib import EDNS0, QTYPE, DNSHeader, DNSQuestion, DNSRecord, EDNSOption
from hypothesis import given
from hypothesis import strategies as st

from netemu.dns import message
from netemu.dns.responder import Chase, Forward, Responder
from netemu.dns.zone import Zone
from netemu.informer.cache import Cache

WEBSITE = "website.default.svc.cluster.local"
EMPTY = Responder(Zone(Cache(), "cluster.local"), lambda: True, Random(1))
KAFKA = "kafka.prodns.svc.cluster.local"


def query(name=WEBSITE, qtype="A", id=7, qclass=1, **edns):
    record = DNSRecord(DNSHeader(id=id, rd=1), questions=[DNSQuestion(name, getattr(QTYPE, qtype), qclass)])
    record.add_ar(*([EDNS0(**edns)] if edns else []))
    return bytes(record.pack())


def addresses(packet):
    return [str(rr.rdata) for rr in DNSRecord.parse(packet).rr]


def rcode(packet):
    return DNSRecord.parse(packet).header.rcode


@pytest.mark.parametrize(
    ("packet", "code"),
    [
        pytest.param(query(), message.NOERROR, id="query"),
        pytest.param(query("nothing.svc.cluster.local"), message.NXDOMAIN, id="no-such-name"),
        pytest.param(query()[:-2], message.FORMERR, id="cut-off"),
        pytest.param(query(qclass=3), message.REFUSED, id="chaos"),
        pytest.param(query(qtype="AXFR"), message.REFUSED, id="transfer"),
        pytest.param(query()[:2] + b"\x28\0" + query()[4:], message.NOTIMP, id="update"),
        pytest.param(query(udp_len=1232, version=3), message.BADVERS & 0xF, id="edns-of-tomorrow"),
    ],
)
def test_each_packet_gets_the_result_code_of_a_real_server(cluster, packet, code):
    assert rcode(cluster.responder.respond(packet)) == code


@pytest.mark.parametrize("packet", [b"", b"short", query()[:2] + b"\x80\0" + query()[4:]])
def test_replies_and_scraps_get_silence(cluster, packet):
    assert cluster.responder.respond(packet) is None


@given(st.binary(max_size=100), st.booleans())
def test_no_bytes_can_hurt(packet, over_tcp):
    reply = EMPTY.respond(packet, over_tcp=over_tcp)

    assert isinstance(reply, bytes | Forward | Chase | None)


def test_kept_answers_carry_the_id_of_each_query(cluster):
    first = cluster.responder.respond(query(id=1))
    second = cluster.responder.respond(query(id=2))

    assert (first[:2], second[:2]) == (b"\0\1", b"\0\2")
    assert first[2:] == second[2:]


def test_addresses_of_a_headless_service_take_turns(cluster):
    firsts = {addresses(cluster.responder.respond(query(KAFKA)))[0] for _ in range(9)}

    assert firsts == {"10.244.1.3", "10.244.2.3", "10.244.1.9"}


def test_clients_that_send_cookies_see_turns_too(cluster):
    cookies = [EDNSOption(10, i.to_bytes(8)) for i in range(50)]
    asked = [query(KAFKA, udp_len=1232, opts=[cookie]) for cookie in cookies]

    assert len({addresses(cluster.responder.respond(packet))[0] for packet in asked}) == 3


CHANGES = [
    pytest.param(
        lambda c: c.service("website", "10.96.8.8", [("http", 80, "TCP")]), WEBSITE, "A", id="service"
    ),
    pytest.param(lambda c: c.remove_service("website"), WEBSITE, "A", id="service-removed"),
    pytest.param(
        lambda c: c.service("new", ports=[("", 1, "TCP")]), "new.default.svc.cluster.local", "A", id="new"
    ),
    pytest.param(lambda c: c.endpoints("kafka", "10.9.9.9", namespace="prodns"), KAFKA, "A", id="endpoints"),
    pytest.param(
        lambda c: c.endpoints("kafka", "10.9.9.9", namespace="prodns"),
        "kafka-0." + KAFKA,
        "A",
        id="endpoint-gone",
    ),
    pytest.param(lambda c: c.namespace("fresh"), "fresh.svc.cluster.local", "A", id="namespace"),
    pytest.param(lambda c: c.namespace("fresh"), "1-2-3-4.fresh.pod.cluster.local", "A", id="namespace-pods"),
    pytest.param(lambda c: c.remove_service("website"), "inside.default.svc.cluster.local", "A", id="alias"),
    pytest.param(lambda c: c.remove_service("website"), "7.7.96.10.in-addr.arpa", "PTR", id="reverse"),
    pytest.param(
        lambda c: c.remove_service("kafka", "prodns"), "3.1.244.10.in-addr.arpa", "PTR", id="reverse-endpoint"
    ),
    pytest.param(
        lambda c: c.service("kube-dns", "10.96.0.11", [("dns", 53, "UDP")], namespace="kube-system"),
        "cluster.local",
        "NS",
        id="name-server",
    ),
    pytest.param(lambda c: c.namespace("fresh"), "cluster.local", "SOA", id="serial"),
]


@pytest.mark.parametrize(("change", "name", "qtype"), CHANGES)
def test_a_change_takes_back_the_answers_that_it_makes_wrong(cluster, change, name, qtype):
    before = _read(cluster.responder.respond(query(name, qtype)))

    change(cluster)

    assert _read(cluster.responder.respond(query(name, qtype))) != before


def test_a_change_leaves_other_answers_alone(cluster):
    cluster.responder.respond(query())
    cluster.zone.answer = None  # whatever is not kept fails from here on

    cluster.endpoints("kafka", "10.9.9.9", namespace="prodns")

    assert addresses(cluster.responder.respond(query())) == ["10.96.7.7"]


def test_before_the_cluster_is_read_its_names_fail_and_others_do_not(cluster):
    cluster.is_synced = False

    reply = DNSRecord.parse(cluster.responder.respond(query(udp_len=1232)))
    assert reply.header.rcode == message.SERVFAIL
    assert reply.ar[0].rdata[0].data[:2] == b"\0\x0e"
    assert isinstance(cluster.responder.respond(query("www.example.com")), Forward)

    cluster.is_synced = True
    assert rcode(cluster.responder.respond(query(udp_len=1232))) == message.NOERROR


def test_udp_is_cut_where_tcp_is_not(cluster):
    cluster.service("big", "None")
    cluster.endpoints("big", *(f"10.244.9.{i}" for i in range(100)))
    asked = query("big.default.svc.cluster.local")

    assert len(addresses(cluster.responder.respond(asked))) < 40
    assert len(addresses(cluster.responder.respond(asked, over_tcp=True))) == 100


def test_an_alias_to_an_outside_name_needs_the_resolvers(cluster):
    chase = cluster.responder.respond(query("outside.default.svc.cluster.local"))

    assert isinstance(chase, Chase)
    assert chase.answer.outside == "www.example.com"


def _read(decided):
    """Give what a decision says, or that it is somebody else's."""
    match decided:
        case bytes():
            reply = DNSRecord.parse(decided)
            return reply.header.rcode, sorted(str(rr.rdata) for rr in (*reply.rr, *reply.ar))
        case other:
            return type(other)
