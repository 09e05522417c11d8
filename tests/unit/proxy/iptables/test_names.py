"""Chains have the names that kube-proxy gives them, as published lists of rules show them."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from netemu.informer.cache import Key
from netemu.nft.expressions import L4
from netemu.proxy.index import Endpoint, PortKey
from netemu.proxy.iptables.names import endpoint_chain, is_of_a_service, port_chains, socket_text


def port(namespace, name, port_name=""):
    return PortKey(Key(namespace, name), port_name)


@pytest.mark.parametrize(
    ("key", "protocol", "chain"),
    [
        # Every cluster has these three: they are in thousands of posts and bug reports.
        pytest.param(
            port("default", "kubernetes", "https"), L4.TCP, "KUBE-SVC-NPX46M4PTMTKRN6Y", id="the-api"
        ),
        pytest.param(port("kube-system", "kube-dns", "dns"), L4.UDP, "KUBE-SVC-TCOU7JCQXEZGVUNU", id="dns"),
        pytest.param(
            port("kube-system", "kube-dns", "dns-tcp"), L4.TCP, "KUBE-SVC-ERIFXISQEP7F7OF4", id="dns-over-tcp"
        ),
        pytest.param(
            port("kube-system", "kube-dns", "metrics"), L4.TCP, "KUBE-SVC-JD5MR3NA4I4DYORP", id="dns-metrics"
        ),
        # kubernetes/kubernetes, pkg/proxy/iptables/proxier_test.go
        pytest.param(port("ns1", "svc1", "p80"), L4.TCP, "KUBE-SVC-XPGD46QRK7WJZT7O", id="proxier-test"),
        pytest.param(port("default", "nginx"), L4.TCP, "KUBE-SVC-2CMXP7HKUVJN7L6M", id="port-without-name"),
    ],
)
def test_a_service_ports_chain_has_its_published_name(key, protocol, chain):
    assert port_chains(key, protocol).cluster == chain


def test_all_chains_of_a_port_share_its_hash():
    chains = port_chains(port("ns2", "svc2", "p80"), L4.TCP)

    assert chains == (
        "KUBE-SVC-GNZBNJ2PO5MGZ6GT",
        "KUBE-SVL-GNZBNJ2PO5MGZ6GT",
        "KUBE-EXT-GNZBNJ2PO5MGZ6GT",
        "KUBE-FW-GNZBNJ2PO5MGZ6GT",
    )


@pytest.mark.parametrize(
    ("key", "address", "chain"),
    [
        (port("ns1", "svc1", "p80"), "10.180.0.1", "KUBE-SEP-SXIVWICOYRO3J4NJ"),
        (port("ns2", "svc2", "p80"), "10.180.0.2", "KUBE-SEP-RS4RBKLTHTF2IUXJ"),
        (port("ns3", "svc3", "p80"), "10.180.0.3", "KUBE-SEP-OYPFS5VJICHGATKP"),
        (port("ns5", "svc5", "p80"), "10.180.0.3", "KUBE-SEP-I77PXRDZVX7PMWMN"),
    ],
)
def test_an_endpoints_chain_has_its_published_name(key, address, chain):
    assert endpoint_chain(key, L4.TCP, Endpoint(ip_address(address), 80)) == chain


def test_an_address_of_ipv6_is_in_brackets():
    assert socket_text(Endpoint(ip_address("fd00::1"), 80)) == "[fd00::1]:80"


@pytest.mark.parametrize("chain", ["KUBE-SERVICES", "KUBE-NODEPORTS", "KUBE-MARK-MASQ", "INPUT"])
def test_what_all_share_is_of_no_service(chain):
    assert not is_of_a_service(chain)


def test_names_fit_into_iptables():
    chains = port_chains(port("a" * 63, "b" * 63, "c" * 63), L4.SCTP)

    assert all(is_of_a_service(chain) and len(chain) <= 28 for chain in chains)
