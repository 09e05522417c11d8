from ipaddress import IPv4Address, IPv6Address

import pytest

from cni_plugins import portmap, portmap_rules, protocol
from cni_plugins.protocol import CniError

POD = IPv4Address("10.244.1.2")
POD6 = IPv6Address("fd00:1::2")


def mappings(*entries):
    return portmap.parse_mappings({"runtimeConfig": {"portMappings": list(entries)}})


@pytest.mark.parametrize("host_ip", ["", "0.0.0.0", "::"])
def test_a_port_of_every_address(host_ip):
    (mapping,) = mappings({"hostPort": 8080, "containerPort": 80, "protocol": "TCP", "hostIP": host_ip})

    assert [tuple(element) for element in portmap_rules.plan_elements((mapping,), (POD,))] == [
        ("ports", "6 . 8080", "10.244.1.2 . 80", "ip"),
        ("selves", "10.244.1.2 . 10.244.1.2", "", "ip"),
    ]


def test_a_port_of_one_address():
    (mapping,) = mappings({"hostPort": 53, "containerPort": 5353, "protocol": "udp", "hostIP": "10.0.0.1"})

    element, _ = portmap_rules.plan_elements((mapping,), (POD,))
    assert element == ("addresses", "10.0.0.1 . 17 . 53", "10.244.1.2 . 5353", "ip")


def test_a_pod_of_both_families_is_reached_by_both():
    found = mappings(
        {"hostPort": 80, "containerPort": 80}, {"hostPort": 81, "containerPort": 81, "hostIP": "fd00::1"}
    )

    elements = portmap_rules.plan_elements(found, (POD, POD6))
    assert [(element.family, element.key) for element in elements] == [
        ("ip", "6 . 80"),
        ("ip", "10.244.1.2 . 10.244.1.2"),
        ("ip6", "6 . 80"),
        ("ip6", "fd00::1 . 6 . 81"),
        ("ip6", "fd00:1::2 . fd00:1::2"),
    ]


def test_ports_without_a_host_port_need_nothing():
    assert mappings({"containerPort": 80}, {"hostPort": 0, "containerPort": 80}) == ()
    assert portmap_rules.plan_elements((), (POD,)) == ()


@pytest.mark.parametrize(
    "entry",
    [
        {"hostPort": 8080},
        {"hostPort": "x", "containerPort": 80},
        {"hostPort": 70000, "containerPort": 80},
        {"hostPort": 80, "containerPort": 80, "protocol": "icmp"},
        {"hostPort": 80, "containerPort": 80, "hostIP": "nowhere"},
    ],
)
def test_what_is_no_mapping_is_refused(entry):
    with pytest.raises(CniError, match="portMappings"):
        mappings(entry)


def test_an_element_is_deleted_only_if_it_is_ours_or_gone():
    element = portmap_rules.Element("ports", "6 . 80", "10.0.0.2 . 80")

    assert element.delete.splitlines() == [
        "add element ip netemu-hostport ports { 6 . 80 : 10.0.0.2 . 80 }",
        "delete element ip netemu-hostport ports { 6 . 80 }",
    ]


def test_it_must_be_chained_behind_another_plugin():
    request = protocol.Request("ADD", "c1", "/x", "eth0", {}, (), {"name": "n"})

    with pytest.raises(CniError, match="prevResult is missing"):
        portmap.add(request, node=None)


def test_without_ports_the_result_is_passed_on_and_the_kernel_not_asked():
    result = {"ips": [{"address": "10.244.1.2/24"}]}
    request = protocol.Request("ADD", "c1", "/x", "eth0", {}, (), {"name": "n", "prevResult": result})

    assert portmap.add(request, node=None) is result


@pytest.mark.parametrize(
    ("localhost", "taken"),
    [(True, "ip6 saddr != ::1 jump hostports"), (False, "ip6 daddr != ::1 jump hostports")],
    ids=["of-a-node", "of-the-machine"],
)
def test_ipv6_s_loopback_is_taken_from_who_has_another_address(localhost, taken):
    assert taken in portmap_rules.render_table("ip6", localhost=localhost)
