from __future__ import annotations

import pytest
from dnslib import QTYPE, RCODE, DNSRecord

from netemu.agnhost import coredns
from netemu.agnhost.model import Address, AppError, Setting
from netemu.testing.surroundings import FakeSurroundings

COREFILE = """\
.:1053 {
    hosts {
        192.0.2.123 my.test other.test
        2001:db8::29 my.test  # six
        ttl 60
        fallthrough
    }
    log
    errors
}
"""
CONF = coredns.parse_corefile(COREFILE, 53)


def test_a_configuration_is_read():
    assert (
        coredns.Corefile(
            1053,
            (("192.0.2.123", "my.test"), ("192.0.2.123", "other.test"), ("2001:db8::29", "my.test")),
            60,
            logs=True,
        )
        == CONF
    )
    assert coredns.parse_corefile(". {\n}", 53) == coredns.Corefile(53, (), 3600, logs=False)


@pytest.mark.parametrize("text", ["", "log"])
def test_a_configuration_needs_a_server(text):
    with pytest.raises(AppError, match="expected a server block"):
        coredns.parse_corefile(text, 53)


@pytest.mark.parametrize(
    ("name", "kind", "code", "values"),
    [
        pytest.param("my.test", "A", "NOERROR", ["192.0.2.123"], id="ipv4"),
        pytest.param("MY.test", "AAAA", "NOERROR", ["2001:db8::29"], id="ipv6"),
        pytest.param("123.2.0.192.in-addr.arpa", "PTR", "NOERROR", ["my.test.", "other.test."], id="reverse"),
        pytest.param("other.test", "AAAA", "NOERROR", [], id="no-such-record"),
        pytest.param("no.test", "A", "NXDOMAIN", [], id="no-such-name"),
    ],
)
def test_hosts_are_answered_for(name, kind, code, values):
    query = DNSRecord.question(name, kind)
    answer = DNSRecord.parse(coredns.respond(CONF, query.pack()))

    assert answer.header.id == query.header.id
    assert (RCODE[answer.header.rcode], answer.header.aa) == (code, 1)
    assert sorted(str(record.rdata) for record in answer.rr) == values
    assert {(QTYPE[record.rtype], record.ttl) for record in answer.rr} <= {(kind, 60)}


def test_what_is_no_query_is_not_answered():
    answer = coredns.respond(CONF, DNSRecord.question("my.test").pack())

    assert coredns.respond(CONF, b"x") is None
    assert coredns.respond(CONF, answer) is None
    assert RCODE[DNSRecord.parse(coredns.respond(CONF, b"\0\1\1\0\0\0" + bytes(6))).header.rcode] == "FORMERR"


def test_queries_are_logged_where_that_is_asked_for(tmp_path):
    (tmp_path / "Corefile").write_text(COREFILE)
    surroundings = FakeSurroundings()
    udp, tcp = coredns.build(Setting(("-conf", str(tmp_path / "Corefile")), {}, "w"), surroundings)
    udp.service.answer(DNSRecord.question("my.test").pack(), Address("10.0.0.1", 5))

    assert (udp.number, udp.protocol, tcp.number, tcp.protocol) == (1053, "UDP", 1053, "TCP")
    assert surroundings.said[0].startswith(".:1053\nCoreDNS-")
    assert "[INFO] 10.0.0.1:5 - " in surroundings.said[1]
    assert '"A IN my.test. udp' in surroundings.said[1]


def test_a_configuration_that_is_not_there_ends_it():
    with pytest.raises(AppError, match="open /nope: no such file or directory"):
        coredns.build(Setting(("-conf", "/nope"), {}, "w"), FakeSurroundings())
