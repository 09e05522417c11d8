from __future__ import annotations

import pytest
from dnslib import QTYPE, DNSLabel

from netemu.api.kinds import ENDPOINT_SLICE, NAMESPACE
from netemu.dns.message import NOERROR, NXDOMAIN
from netemu.informer.cache import Key


def ask(cluster, name, qtype="A"):
    return cluster.zone.answer(DNSLabel(name).label, getattr(QTYPE, qtype))


def data(records):
    return [f"{QTYPE[rr.rtype]} {rr.rdata}" for rr in records]


@pytest.mark.parametrize(
    ("name", "qtype", "records"),
    [
        pytest.param("website.default.svc.cluster.local", "A", ["A 10.96.7.7"], id="cluster-ip"),
        pytest.param("WebSite.Default.SVC.Cluster.LOCAL", "A", ["A 10.96.7.7"], id="any-case"),
        pytest.param("website.default.svc.cluster.local", "ANY", ["A 10.96.7.7"], id="any-gets-addresses"),
        pytest.param(
            "kafka.prodns.svc.cluster.local",
            "A",
            ["A 10.244.1.3", "A 10.244.2.3", "A 10.244.1.9"],
            id="headless-has-all-ready-endpoints",
        ),
        pytest.param("kafka-1.kafka.prodns.svc.cluster.local", "A", ["A 10.244.2.3"], id="stateful-pod"),
        pytest.param(
            "10-244-1-9.kafka.prodns.svc.cluster.local", "A", ["A 10.244.1.9"], id="endpoint-without-hostname"
        ),
        pytest.param(
            "10-244-1-2.website.default.svc.cluster.local", "A", ["A 10.244.1.2"], id="endpoint-of-cluster-ip"
        ),
        pytest.param("1-2-3-4.default.pod.cluster.local", "A", ["A 1.2.3.4"], id="pod-insecure"),
        pytest.param(
            "_http._tcp.website.default.svc.cluster.local",
            "SRV",
            ["SRV 0 100 80 website.default.svc.cluster.local."],
            id="srv-of-cluster-ip",
        ),
        pytest.param(
            "_dns._udp.kube-dns.kube-system.svc.cluster.local",
            "SRV",
            ["SRV 0 100 53 kube-dns.kube-system.svc.cluster.local."],
            id="srv-udp",
        ),
        pytest.param(
            "_broker._tcp.kafka.prodns.svc.cluster.local",
            "SRV",
            [
                "SRV 0 33 9092 kafka-0.kafka.prodns.svc.cluster.local.",
                "SRV 0 33 9092 kafka-1.kafka.prodns.svc.cluster.local.",
                "SRV 0 33 9092 10-244-1-9.kafka.prodns.svc.cluster.local.",
            ],
            id="srv-of-headless-has-one-per-endpoint",
        ),
        pytest.param(
            "website.default.svc.cluster.local",
            "SRV",
            [
                "SRV 0 50 80 website.default.svc.cluster.local.",
                "SRV 0 50 81 website.default.svc.cluster.local.",
            ],
            id="srv-of-a-service-has-all-ports",
        ),
        pytest.param(
            "7.7.96.10.in-addr.arpa", "PTR", ["PTR website.default.svc.cluster.local."], id="ptr-service"
        ),
        pytest.param(
            "3.2.244.10.in-addr.arpa",
            "PTR",
            ["PTR kafka-1.kafka.prodns.svc.cluster.local."],
            id="ptr-endpoint",
        ),
        pytest.param("dns-version.cluster.local", "TXT", ['TXT "1.1.0"'], id="schema-version"),
        pytest.param("cluster.local", "NS", ["NS ns.dns.cluster.local."], id="apex-ns"),
        pytest.param("ns.dns.cluster.local", "A", ["A 10.96.0.10"], id="name-server"),
        pytest.param("outside.default.svc.cluster.local", "CNAME", ["CNAME www.example.com."], id="cname"),
        pytest.param(
            "inside.default.svc.cluster.local",
            "A",
            ["CNAME website.default.svc.cluster.local.", "A 10.96.7.7"],
            id="cname-chased-in-the-zone",
        ),
    ],
)
def test_a_name_has_the_records_of_the_specification(cluster, name, qtype, records):
    answer = ask(cluster, name, qtype)

    assert data(answer.reply.answers) == records
    assert answer.reply.rcode == NOERROR
    assert answer.reply.authoritative


@pytest.mark.parametrize(
    ("name", "qtype", "rcode"),
    [
        pytest.param("cluster.local", "A", NOERROR, id="apex"),
        pytest.param("svc.cluster.local", "A", NOERROR, id="svc"),
        pytest.param("pod.cluster.local", "A", NOERROR, id="pod"),
        pytest.param("dns.cluster.local", "A", NOERROR, id="dns"),
        pytest.param("default.svc.cluster.local", "A", NOERROR, id="namespace"),
        pytest.param("default.pod.cluster.local", "A", NOERROR, id="namespace-of-pods"),
        pytest.param("_tcp.website.default.svc.cluster.local", "SRV", NOERROR, id="protocol-with-ports"),
        pytest.param("website.default.svc.cluster.local", "AAAA", NOERROR, id="no-ipv6"),
        pytest.param("website.default.svc.cluster.local", "MX", NOERROR, id="no-mail"),
        pytest.param("kafka-0.kafka.prodns.svc.cluster.local", "AAAA", NOERROR, id="pod-no-ipv6"),
        pytest.param("dns-version.cluster.local", "A", NOERROR, id="version-has-no-address"),
        pytest.param("_udp.website.default.svc.cluster.local", "SRV", NXDOMAIN, id="protocol-without-ports"),
        pytest.param("nowhere.svc.cluster.local", "A", NXDOMAIN, id="no-namespace"),
        pytest.param("nowhere.pod.cluster.local", "A", NXDOMAIN, id="no-namespace-of-pods"),
        pytest.param("nothing.default.svc.cluster.local", "A", NXDOMAIN, id="no-service"),
        pytest.param("website.prodns.svc.cluster.local", "A", NXDOMAIN, id="service-elsewhere"),
        pytest.param("empty.default.svc.cluster.local", "A", NXDOMAIN, id="headless-without-endpoints"),
        pytest.param("kafka-2.kafka.prodns.svc.cluster.local", "A", NXDOMAIN, id="endpoint-not-ready"),
        pytest.param("_ftp._tcp.website.default.svc.cluster.local", "SRV", NXDOMAIN, id="no-such-port"),
        pytest.param("_http._udp.website.default.svc.cluster.local", "SRV", NXDOMAIN, id="other-protocol"),
        pytest.param("_._tcp.website.default.svc.cluster.local", "SRV", NXDOMAIN, id="port-without-name"),
        pytest.param("a.b.c.website.default.svc.cluster.local", "A", NXDOMAIN, id="too-deep"),
        pytest.param("x.outside.default.svc.cluster.local", "A", NXDOMAIN, id="below-an-alias"),
        pytest.param("999-2-3-4.default.pod.cluster.local", "A", NXDOMAIN, id="pod-no-address"),
        pytest.param("1-2-3-4.nowhere.pod.cluster.local", "A", NXDOMAIN, id="pod-no-namespace"),
        pytest.param("google.com.default.svc.cluster.local", "A", NXDOMAIN, id="search-path"),
        pytest.param("example.cluster.local", "A", NXDOMAIN, id="neither-svc-nor-pod"),
    ],
)
def test_nothing_there_is_told_apart_from_no_such_name(cluster, name, qtype, rcode):
    reply = ask(cluster, name, qtype).reply

    assert reply.rcode == rcode
    assert reply.answers == ()
    assert [str(rr.rname) for rr in reply.authority] == ["cluster.local."]
    assert reply.authority[0].rdata.times[-1] == 30


@pytest.mark.parametrize(
    "name", ["www.example.com", "cluster.local.example", "local", "9.9.9.9.in-addr.arpa", "."]
)
def test_names_of_others_are_left_to_others(cluster, name):
    assert ask(cluster, name) is None


def test_the_question_keeps_its_case_in_the_answer(cluster):
    answer = ask(cluster, "WebSite.default.svc.cluster.LOCAL")

    assert str(answer.reply.answers[0].rname) == "WebSite.default.svc.cluster.LOCAL."


def test_srv_answers_bring_the_addresses_of_their_hosts(cluster):
    answer = ask(cluster, "_broker._tcp.kafka.prodns.svc.cluster.local", "SRV")

    assert {(str(rr.rname), str(rr.rdata)) for rr in answer.reply.additional} == {
        ("kafka-0.kafka.prodns.svc.cluster.local.", "10.244.1.3"),
        ("kafka-1.kafka.prodns.svc.cluster.local.", "10.244.2.3"),
        ("10-244-1-9.kafka.prodns.svc.cluster.local.", "10.244.1.9"),
    }


def test_the_apex_has_a_start_of_authority_as_coredns_has(cluster):
    (soa,) = ask(cluster, "cluster.local", "SOA").reply.answers

    assert str(soa.rdata.mname) == "ns.dns.cluster.local."
    assert str(soa.rdata.rname) == "hostmaster.cluster.local."
    assert soa.rdata.times == (cluster.revision, 7200, 1800, 86400, 30)


def test_the_serial_grows_with_every_change(cluster):
    before = ask(cluster, "cluster.local", "SOA").reply.answers[0].rdata.times[0]
    cluster.service("another", "10.96.1.1")

    assert ask(cluster, "cluster.local", "SOA").reply.answers[0].rdata.times[0] > before


def test_an_alias_to_an_outside_name_says_where_to_go_on(cluster):
    answer = ask(cluster, "outside.default.svc.cluster.local")

    assert answer.outside == "www.example.com"
    assert data(answer.reply.answers) == ["CNAME www.example.com."]


def test_aliases_that_go_in_circles_end(cluster):
    cluster.external("chicken", "egg.default.svc.cluster.local")
    cluster.external("egg", "chicken.default.svc.cluster.local")

    assert len(ask(cluster, "egg.default.svc.cluster.local").reply.answers) == 8


@pytest.mark.parametrize("target", ["", ".", "a..b", "x" * 64 + ".example", "é.example"])
def test_an_alias_that_dns_cannot_carry_is_no_name(cluster, target):
    cluster.external("broken", target)

    assert ask(cluster, "broken.default.svc.cluster.local").reply.rcode == NXDOMAIN


def test_publish_not_ready_addresses_names_endpoints_that_are_not_ready(cluster):
    cluster.service(
        "kafka", "None", [("broker", 9092, "TCP")], namespace="prodns", publishNotReadyAddresses=True
    )

    assert data(ask(cluster, "kafka-2.kafka.prodns.svc.cluster.local").reply.answers) == ["A 10.244.3.3"]


def test_endpoints_in_several_slices_are_one_service(cluster):
    cluster.endpoints(
        "kafka", ("10.244.1.3", "kafka-0"), ("10.244.9.9", "kafka-9"), namespace="prodns", suffix="y"
    )

    answers = data(ask(cluster, "kafka.prodns.svc.cluster.local").reply.answers)
    assert sorted(answers) == ["A 10.244.1.3", "A 10.244.1.9", "A 10.244.2.3", "A 10.244.9.9"]


def test_a_headless_service_without_ports_has_addresses_and_no_srv(cluster):
    cluster.service("bare", "None")
    cluster.endpoints("bare", "10.244.1.50")

    assert data(ask(cluster, "bare.default.svc.cluster.local").reply.answers) == ["A 10.244.1.50"]
    assert ask(cluster, "bare.default.svc.cluster.local", "SRV").reply.answers == ()


def test_a_pod_in_two_services_has_two_reverse_names(cluster):
    cluster.service("second", "None")
    cluster.endpoints("second", ("10.244.1.3", "kafka-0"))

    assert data(ask(cluster, "3.1.244.10.in-addr.arpa", "PTR").reply.answers) == [
        "PTR kafka-0.second.default.svc.cluster.local.",
        "PTR kafka-0.kafka.prodns.svc.cluster.local.",
    ]


def test_a_removed_namespace_is_no_name_any_more(cluster):
    cluster.remove(NAMESPACE, Key("", "prodns"))

    assert ask(cluster, "prodns.svc.cluster.local").reply.rcode == NXDOMAIN


def test_an_endpoint_that_went_loses_its_reverse_name(cluster):
    cluster.remove(ENDPOINT_SLICE, Key("prodns", "kafka-x"))

    assert ask(cluster, "3.2.244.10.in-addr.arpa", "PTR") is None


def test_the_domain_is_a_setting(new_cluster):
    cluster = new_cluster("K8sProd.adaltas.cloud.")
    cluster.service("mysql", "10.96.3.3", namespace="prodns", ports=[("sql", 3306, "TCP")])

    answer = ask(cluster, "mysql.prodns.svc.k8sprod.adaltas.cloud")
    assert data(answer.reply.answers) == ["A 10.96.3.3"]
    assert ask(cluster, "mysql.prodns.svc.cluster.local") is None


def test_a_service_with_addresses_of_both_families_answers_for_each(cluster):
    cluster.service("dual", "10.96.5.5", [("http", 80, "TCP")], clusterIPs=["10.96.5.5", "fd00::5"])

    assert data(ask(cluster, "dual.default.svc.cluster.local", "A").reply.answers) == ["A 10.96.5.5"]
    assert data(ask(cluster, "dual.default.svc.cluster.local", "AAAA").reply.answers) == ["AAAA fd00::5"]


def test_a_service_of_both_families_has_addresses_and_reverse_names_of_both(cluster):
    cluster.service("dual", clusterIPs=["10.96.0.99", "fd00:96::63"], ports=[("http", 80, "TCP")])
    reverse = ".".join(reversed("fd00009600000000000000000000" + "0063")) + ".ip6.arpa"

    assert data(ask(cluster, "dual.default.svc.cluster.local", "A").reply.answers) == ["A 10.96.0.99"]
    assert data(ask(cluster, "dual.default.svc.cluster.local", "AAAA").reply.answers) == ["AAAA fd00:96::63"]
    assert data(ask(cluster, reverse, "PTR").reply.answers) == ["PTR dual.default.svc.cluster.local."]


@pytest.mark.parametrize("name", ["ip6.arpa", "1.0.ip6.arpa", ".".join("g" * 32) + ".ip6.arpa"])
def test_what_is_no_address_of_ipv6_is_somebody_elses(cluster, name):
    assert ask(cluster, name, "PTR") is None
