"""Who gets which address."""

from __future__ import annotations

import pytest

from netemu.balancer.plan import judge

ONE = ["172.30.9.1/32"]
TWO = ["172.30.9.1-172.30.9.2"]
KEY = {"loadbalancer.netemu.io/allow-shared-ip": "ours"}


def given(services, pools, namespaces=None):
    """Give the addresses that each Service ends with."""
    services = list(services)
    ends = {s["metadata"]["name"]: s["status"]["loadBalancer"].get("ingress", []) for s in services}
    for verdict in judge(services, pools, namespaces or {}):
        ends[verdict.service["metadata"]["name"]] = (
            ends[verdict.service["metadata"]["name"]] if verdict.ingress is None else verdict.ingress
        )
    return {name: [entry["ip"] for entry in ingress] for name, ingress in ends.items()}


def problems(services, pools):
    return {v.service["metadata"]["name"]: v.problem for v in judge(services, pools, {}) if v.problem}


def test_a_service_gets_the_first_free_address_and_it_is_told(balanced, pools):
    taken = balanced("old", "172.30.9.1")
    (verdict,) = judge([taken, balanced("new")], pools(a=TWO), {})

    assert verdict.ingress == [{"ip": "172.30.9.2", "ipMode": "VIP"}]
    assert verdict.given == 'Assigned IP ["172.30.9.2"]'


def test_what_is_as_it_should_be_needs_nothing(balanced, pools):
    assert judge([balanced("a", "172.30.9.1"), balanced("b", "172.30.9.2")], pools(a=TWO), {}) == []


def test_a_service_keeps_its_address_though_an_older_one_has_none(balanced, pools):
    older = balanced("older", created="2025-01-01T00:00:00Z")

    assert given([older, balanced("has", "172.30.9.1")], pools(a=ONE)) == {"older": [], "has": ["172.30.9.1"]}


def test_of_two_that_have_one_address_the_older_keeps_it(balanced, pools):
    older = balanced("z-older", "172.30.9.1", created="2025-01-01T00:00:00Z")
    newer = balanced("a-newer", "172.30.9.1")

    assert given([newer, older], pools(a=TWO)) == {"z-older": ["172.30.9.1"], "a-newer": ["172.30.9.2"]}


def test_an_exhausted_pool_is_told(balanced, pools):
    services = [balanced("has", "172.30.9.1"), balanced("waits")]

    assert problems(services, pools(a=ONE)) == {
        "waits": 'Failed to allocate IP for "default/waits": no available IPs'
    }
    assert problems([balanced("waits")], ()) == {
        "waits": 'Failed to allocate IP for "default/waits": no available IPs'
    }


def test_when_a_pool_goes_its_addresses_are_given_back(balanced, pools):
    (verdict,) = judge([balanced("web", "172.30.9.1")], (), {})

    assert verdict.ingress == []
    assert "no available IPs" in verdict.problem
    assert given([balanced("web", "172.30.9.1")], pools(b=["10.9.0.1/32"])) == {"web": ["10.9.0.1"]}


@pytest.mark.parametrize("type_", ["ClusterIP", "NodePort"])
def test_a_service_of_another_type_loses_its_address(balanced, pools, type_):
    service = balanced("web", "172.30.9.1")
    service["spec"]["type"] = type_
    (verdict,) = judge([service], pools(a=TWO), {})

    assert (verdict.ingress, verdict.given, verdict.problem) == ([], "", "")


def test_other_classes_are_others_business(balanced, pools):
    foreign = balanced("web", "203.0.113.1", loadBalancerClass="example.com/internal-vip")
    ours = balanced("ours", loadBalancerClass="loadbalancer.netemu.io/layer2")

    assert given([foreign, ours], pools(a=TWO)) == {"web": ["203.0.113.1"], "ours": ["172.30.9.1"]}
    assert len(judge([foreign, ours], pools(a=TWO), {})) == 1


@pytest.mark.parametrize("prefix", ["loadbalancer.netemu.io", "metallb.io", "metallb.universe.tf"])
def test_an_address_may_be_asked_for(balanced, pools, prefix):
    by_note = balanced("note", notes={f"{prefix}/loadBalancerIPs": "172.30.9.2"})
    by_field = balanced("field", loadBalancerIP="172.30.9.1")

    assert given([by_note, by_field], pools(a={"addresses": TWO, "autoAssign": False})) == {
        "note": ["172.30.9.2"],
        "field": ["172.30.9.1"],
    }


def test_who_asks_for_another_address_gets_it(balanced, pools):
    assert given([balanced("web", "172.30.9.1", loadBalancerIP="172.30.9.2")], pools(a=TWO)) == {
        "web": ["172.30.9.2"]
    }


@pytest.mark.parametrize(
    ("spec", "notes", "words"),
    [
        ({"loadBalancerIP": "10.1.1.1"}, {}, '["10.1.1.1"] is not allowed in config'),
        ({"loadBalancerIP": "here"}, {}, 'invalid spec.loadBalancerIP "here"'),
        (
            {"loadBalancerIP": "fd00::1"},
            {},
            'requested loadBalancer IP(s) ["fd00::1"] does not match the ipFamily of the service',
        ),
        (
            {"ipFamilies": ["IPv4", "IPv6"], "ipFamilyPolicy": "RequireDualStack"},
            {"metallb.io/loadBalancerIPs": "172.30.9.1"},
            'requested loadBalancer IP(s) ["172.30.9.1"] does not match the ipFamily of the service',
        ),
        ({"loadBalancerIP": "172.30.9.9"}, {}, "address also in use by default/has"),
        ({}, {"metallb.io/loadBalancerIPs": "172.30.9.1,172.30.9.2"}, "at most one address of each family"),
        ({"loadBalancerIP": "172.30.9.1"}, {"metallb.io/loadBalancerIPs": "172.30.9.1"}, "can not have both"),
        ({}, {"metallb.io/address-pool": "none"}, 'unknown pool "none"'),
        ({}, {"metallb.io/address-pool": "full"}, 'no available IPs in pool "full"'),
        ({}, {"metallb.io/address-pool": "shop"}, "pool shop not compatible for ip assignment"),
        ({"loadBalancerIP": "172.30.8.1"}, {}, "pool shop not compatible for ip assignment"),
        ({"loadBalancerIP": "172.30.9.1"}, {"metallb.io/address-pool": "full"}, "not compatible with pool"),
    ],
)
def test_what_cannot_be_had_is_told(balanced, pools, spec, notes, words):
    made = pools(
        a=TWO,
        full=["172.30.9.9/32"],
        shop={"addresses": ["172.30.8.1/32"], "serviceAllocation": {"namespaces": ["shop"]}},
    )
    has = balanced("has", "172.30.9.9")

    assert words in problems([has, balanced("web", notes=notes, **spec)], made)["web"]


def test_a_pool_may_be_asked_for_and_is_moved_to(balanced, pools):
    notes = {"loadbalancer.netemu.io/address-pool": "b"}
    made = pools(a=TWO, b={"addresses": ["10.9.0.0/30"], "autoAssign": False, "avoidBuggyIPs": True})

    assert given([balanced("web", "172.30.9.1", notes=notes)], made) == {"web": ["10.9.0.1"]}


def test_pools_for_a_namespace_go_first_there_and_are_closed_elsewhere(balanced, pools):
    made = pools(
        everybody=["10.9.0.1/32"],
        shop={
            "addresses": TWO,
            "serviceAllocation": {"namespaceSelectors": [{"matchLabels": {"shop": "yes"}}]},
        },
    )
    services = [balanced("in", namespace="eshop"), balanced("out")]

    assert given(services, made, {"eshop": {"shop": "yes"}}) == {"in": ["172.30.9.1"], "out": ["10.9.0.1"]}


def test_a_full_pool_lets_the_next_one_give(balanced, pools):
    made = pools(a={"addresses": ONE, "serviceAllocation": {"priority": 1}}, b=["10.9.0.1/32"])

    assert given([balanced("first"), balanced("second")], made) == {
        "first": ["172.30.9.1"],
        "second": ["10.9.0.1"],
    }


def sharing(balanced, name, port, *addresses, notes=KEY, **spec):
    return balanced(name, *addresses, notes=notes, ports=({"port": port, "protocol": "TCP"},), **spec)


def test_services_with_one_key_share_an_address_on_different_ports(balanced, pools):
    services = [
        sharing(balanced, "http", 80),
        sharing(balanced, "https", 443),
        sharing(balanced, "again", 80),
    ]

    assert given(services, pools(a=TWO)) == {
        "again": ["172.30.9.1"],
        "http": ["172.30.9.2"],
        "https": ["172.30.9.1"],
    }


def test_one_port_of_two_protocols_can_be_shared(balanced, pools):
    dns = balanced("udp", notes=KEY, ports=({"port": 53, "protocol": "UDP"},))

    assert given([sharing(balanced, "tcp", 53), dns], pools(a=ONE)) == {
        "tcp": ["172.30.9.1"],
        "udp": ["172.30.9.1"],
    }


@pytest.mark.parametrize(
    ("port", "notes", "spec", "words"),
    [
        (80, KEY, {}, "port TCP/80 is already in use on"),
        (81, {}, {}, 'can\'t change sharing key for "default/web", address also in use by default/has'),
        (81, {"metallb.io/allow-shared-ip": "theirs"}, {}, "can't change sharing key"),
        (81, KEY, {"externalTrafficPolicy": "Local"}, "externalTrafficPolicy or selector differs"),
    ],
)
def test_what_cannot_be_shared_is_told(balanced, pools, port, notes, spec, words):
    has = sharing(balanced, "has", 80, "172.30.9.1")
    wants = sharing(balanced, "web", port, notes=notes, loadBalancerIP="172.30.9.1", **spec)

    assert words in problems([has, wants], pools(a=TWO))["web"]


def test_local_services_share_when_their_pods_are_the_same(balanced, pools):
    local = {"externalTrafficPolicy": "Local", "selector": {"app": "web"}}
    services = [sharing(balanced, "a", 80, **local), sharing(balanced, "b", 81, **local)]

    assert given(services, pools(a=ONE)) == {"a": ["172.30.9.1"], "b": ["172.30.9.1"]}


def test_both_families_come_from_one_pool(balanced, pools):
    both = balanced("both", ipFamilies=["IPv4", "IPv6"], ipFamilyPolicy="RequireDualStack")
    made = pools(a=ONE, b={"addresses": ["10.9.0.1/32", "fd00::1/128"]})

    assert given([both, balanced("v4")], made) == {"both": ["10.9.0.1", "fd00::1"], "v4": ["172.30.9.1"]}


def test_who_only_prefers_both_families_takes_one(balanced, pools):
    prefers = {"ipFamilies": ["IPv4", "IPv6"], "ipFamilyPolicy": "PreferDualStack"}
    required = {**prefers, "ipFamilyPolicy": "RequireDualStack"}

    assert given([balanced("web", **prefers)], pools(a=ONE)) == {"web": ["172.30.9.1"]}
    assert judge([balanced("web", "172.30.9.1", **prefers)], pools(a=ONE), {}) == []
    assert "no available IPs" in problems([balanced("web", **required)], pools(a=ONE))["web"]


def test_a_thousand_services_get_a_thousand_addresses(balanced, pools):
    ends = given([balanced(f"s{n}") for n in range(1000)], pools(a=["10.9.0.0/22"]))

    assert len({address for addresses in ends.values() for address in addresses}) == 1000


def test_an_address_that_one_could_not_have_is_the_next_ones(balanced, pools):
    both = {"ipFamilies": ["IPv4", "IPv6"], "ipFamilyPolicy": "RequireDualStack"}
    first = balanced("a-both", created="2025-01-01T00:00:00Z", **both)

    assert given([first, balanced("b-one")], pools(a=TWO)) == {"a-both": [], "b-one": ["172.30.9.1"]}
