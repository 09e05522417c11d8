from __future__ import annotations

import pytest
from dnslib import QTYPE, RR, A, DNSRecord

from netemu.standin.dns import (
    Answer,
    ResolvConf,
    candidates,
    decode_answer,
    encode_query,
    find_in_hosts,
    parse_resolv_conf,
)

POD = """\
search shop.svc.cluster.local svc.cluster.local cluster.local
nameserver 10.96.0.10
options ndots:5 timeout:2 edns0
# a comment
"""


def test_a_pod_s_resolv_conf_is_read():
    assert parse_resolv_conf(POD) == ResolvConf(
        ("10.96.0.10",), ("shop.svc.cluster.local", "svc.cluster.local", "cluster.local"), 5, 2.0, 2
    )


def test_an_empty_resolv_conf_has_the_resolver_s_defaults():
    assert parse_resolv_conf("") == ResolvConf((), (), 1, 5.0, 2)


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        pytest.param("web", ("web.a", "web.b", "web"), id="few-dots"),
        pytest.param("a.b.c", ("a.b.c", "a.b.c.a", "a.b.c.b"), id="enough-dots"),
        pytest.param("web.", ("web",), id="absolute"),
    ],
)
def test_the_search_list_comes_first_unless_a_name_has_enough_dots(name, asked):
    assert candidates(name, ResolvConf(search=("a", "b."), ndots=2)) == asked


@pytest.mark.parametrize(
    ("name", "address"),
    [
        pytest.param("web-1", "10.244.1.3", id="own-name"),
        pytest.param("WEB-1.", "10.244.1.3", id="in-capitals"),
        pytest.param("alias", "10.0.0.9", id="an-alias"),
        pytest.param("six", "::1", id="no-ipv4"),
        pytest.param("old", None, id="commented-out"),
        pytest.param("nobody", None, id="unknown"),
    ],
)
def test_names_of_the_hosts_file_need_no_server(name, address):
    text = "127.0.0.1 localhost\n\n10.244.1.3\tweb-1\n10.0.0.9 other alias # old\n#1.1.1.1 old\n::1 six\n"

    assert find_in_hosts(text, name) == address


def test_a_query_is_one_that_a_server_understands():
    asked = DNSRecord.parse(encode_query(7, "web.shop.svc.cluster.local"))

    assert (asked.header.id, asked.header.rd) == (7, 1)
    assert str(asked.q.qname) == "web.shop.svc.cluster.local."
    assert QTYPE[asked.q.qtype] == "A"


@pytest.mark.parametrize("name", ["", "a..b", "x" * 64, "a." * 130])
def test_what_is_no_domain_name_is_not_asked_for(name):
    with pytest.raises((ValueError, UnicodeError)):
        encode_query(1, name)


def test_all_addresses_of_an_answer_are_read_also_behind_an_alias():
    reply = DNSRecord.question("web.shop").reply()
    reply.header.id = 7
    reply.add_answer(*RR.fromZone("web.shop 60 CNAME other.shop"))
    for address in ("10.0.0.1", "10.0.0.2"):
        reply.add_answer(RR("other.shop", rdata=A(address)))

    assert decode_answer(7, bytes(reply.pack())) == Answer(0, ("10.0.0.1", "10.0.0.2"))


def test_a_name_that_does_not_exist_is_told_from_one_without_addresses():
    reply = DNSRecord.question("web.shop").reply()
    reply.header.id, reply.header.rcode = 7, 3

    assert decode_answer(7, bytes(reply.pack())) == Answer(3, ())


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(bytes(DNSRecord.question("web").reply().pack())[:14], id="cut-off"),
        pytest.param(encode_query(7, "web"), id="a-query"),
        pytest.param(encode_query(8, "web"), id="of-another-query"),
        pytest.param(
            b"\x00\x07\x80\x00\x00\x01\x00\x00\x00\x00\x00\x00" + b"\x3fabc", id="a-name-without-end"
        ),
    ],
)
def test_what_is_no_answer_to_this_query_is_ignored(data):
    assert decode_answer(7, data) is None
