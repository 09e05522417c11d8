"""Which UDP flows must end when what they were translated to is no longer right."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

import pytest
from msgspec.structs import replace

from netemu.informer.cache import Key
from netemu.nft.expressions import L4
from netemu.proxy.groups import NodeView
from netemu.proxy.index import Endpoint, PortKey
from netemu.proxy.plan import Elements, Frontend, Near, Policies
from netemu.proxy.stale import UdpFlow, expected_after, expected_by_all, is_stale

NODE_IP = IPv4Address("172.30.0.11")
NODE = NodeView("node-1", (NODE_IP,), IPv4Network("10.244.0.0/16"), IPv4Network("10.96.0.0/16"))
DNS_IP = IPv4Address("10.96.0.10")
A = (IPv4Address("10.244.1.2"), 53)
B = (IPv4Address("10.244.1.3"), 53)
DNS = PortKey(Key("kube-system", "kube-dns"), "dns")
FRONTEND, NODE_PORT = (DNS_IP, 53), (NODE_IP, 30053)


def dns(*sockets, protocol=L4.UDP, lingering=()):
    endpoints, ending = (tuple(Endpoint(*socket) for socket in some) for some in (sockets, lingering))
    return Elements(1, Frontend(DNS_IP, protocol, 53), (), 30053, endpoints, lingering=ending)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        pytest.param(dns(A, B), dns(B), {B}, id="one-goes"),
        pytest.param(dns(A), dns(), set(), id="the-last-one-goes"),
        pytest.param(dns(A), None, set(), id="the-service-goes"),
        pytest.param(dns(), dns(A), {A}, id="the-first-one-comes"),
        pytest.param(None, dns(A), {A}, id="the-service-comes"),
        pytest.param(dns(A), dns(B), {B}, id="one-for-another"),
        pytest.param(dns(A), dns((A[0], 5353)), {(A[0], 5353)}, id="another-target-port"),
        pytest.param(dns(B, lingering=[A]), dns(B), {B}, id="one-has-ended"),
    ],
)
def test_a_change_that_can_leave_flows_stale_says_who_may_answer(before, after, expected):
    held = {key: plan for key, plan in [(DNS, before)] if plan is not None}

    assert expected_after(held, {DNS: after}, NODE) == {FRONTEND: expected, NODE_PORT: expected}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(dns(A), dns(A, B), id="one-joins"),
        pytest.param(dns(A, B), dns(B, lingering=[A]), id="one-is-ending"),
        pytest.param(dns(A, protocol=L4.TCP), dns(B, protocol=L4.TCP), id="tcp"),
        pytest.param(dns(A, protocol=L4.TCP), None, id="tcp-goes"),
    ],
)
def test_other_changes_leave_none(before, after):
    assert expected_after({DNS: before}, {DNS: after}, NODE) == {}


@pytest.mark.parametrize(
    "policies",
    [
        pytest.param(Policies(external_id=2, inside_id=3), id="local-and-nobody-here"),
        pytest.param(Policies(near={Near("node", "node-1"): (Endpoint(*B),)}), id="a-nearer-one"),
        pytest.param(Policies(affinity_s=60), id="affinity"),
    ],
)
def test_policies_are_for_new_flows(policies):
    policed = replace(dns(A, B), policies=policies)

    assert expected_after({DNS: dns(A, B)}, {DNS: policed}, NODE) == {}
    assert expected_by_all([policed], NODE) == {FRONTEND: {A, B}, NODE_PORT: {A, B}}


def test_node_ports_on_localhost_are_frontends_too():
    localhost = (IPv4Address("127.0.0.1"), 30053)

    assert expected_by_all([dns(A)], replace(NODE, localhost_nodeports=True))[localhost] == {A}


def test_a_frontend_that_passes_to_another_service_is_expected_to_be_answered_by_the_new_one():
    other = PortKey(Key("default", "other"), "dns")

    for changed in ({DNS: None, other: dns(B)}, {other: dns(B), DNS: None}):
        assert expected_after({DNS: dns(A)}, changed, NODE)[FRONTEND] == {B}


@pytest.mark.parametrize(
    ("destination", "answered_by", "stale"),
    [
        pytest.param(FRONTEND, A, False, id="still-right"),
        pytest.param(FRONTEND, B, True, id="endpoint-gone"),
        pytest.param(NODE_PORT, NODE_PORT, True, id="never-translated"),
        pytest.param((IPv4Address("9.9.9.9"), 53), B, False, id="not-ours"),
    ],
)
def test_a_flow_is_stale_when_no_present_endpoint_answers_it(destination, answered_by, stale):
    expected = expected_by_all([dns(A)], NODE)

    assert is_stale(UdpFlow(destination, answered_by), expected) is stale
