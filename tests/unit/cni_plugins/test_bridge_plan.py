import errno
from ipaddress import IPv4Interface

import pytest

from cni_plugins import bridge_plan, protocol
from cni_plugins.bridge_plan import Bridge
from cni_plugins.protocol import CniError

CONFIG = {"cniVersion": "1.0.0", "name": "n", "isDefaultGateway": True, "ipam": {"type": "netemu-ipam"}}
LEASE = {"ips": [{"address": "10.244.1.5/24", "gateway": "10.244.1.1"}], "routes": []}
FILTERED, UNFILTERED = (Bridge(3, "02:00:00:00:00:01", filtered) for filtered in (True, False))


def request(config=CONFIG, container_id="c1", **args):
    return protocol.Request("ADD", container_id, "/run/netns/x", "eth0", args, (), config)


def wiring(config=CONFIG, bridge=FILTERED, lease=LEASE, **args):
    req = request(config, **args)
    return bridge_plan.plan_wiring(req, bridge_plan.parse_config(config), lease, bridge)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"ipMasq": True}, "ipMasq is not supported"),
        ({"bridgeNetfilter": "maybe"}, "bridgeNetfilter"),
        ({"ipam": {}}, "ipam.type"),
        ({"bridge": "a/b"}, "not a valid interface name"),
    ],
)
def test_what_cannot_work_is_refused(change, complaint):
    with pytest.raises(CniError, match=complaint):
        bridge_plan.parse_config({**CONFIG, **change})


def test_the_defaults():
    config = bridge_plan.parse_config({"ipam": {"type": "x"}})

    assert (config.bridge, config.mtu, config.is_gateway, config.hairpin) == ("cni0", None, False, False)
    assert config.netfilter == "auto"


@pytest.mark.parametrize(
    ("bridge", "address", "isolated"),
    [(FILTERED, "10.244.1.5/24", False), (UNFILTERED, "10.244.1.5/32", True)],
    ids=["filtered", "routed"],
)
def test_a_bridge_that_netfilter_does_not_see_is_not_used_between_pods(bridge, address, isolated):
    plan = wiring(bridge=bridge)

    assert (plan.addresses, plan.isolated) == ((IPv4Interface(address),), isolated)


def test_a_routed_pod_first_gets_the_way_to_its_gateway():
    texts = [message.what for message in bridge_plan.pod_messages(wiring(bridge=UNFILTERED), 2)]

    assert texts[-2:] == [
        "set unicast route to 10.244.1.1/32 on link 2",
        "set unicast route to 0.0.0.0/0 via 10.244.1.1 on link 2",
    ]


def test_a_pod_without_ipv6_gets_no_link_local_address_before_its_link_is_raised():
    first, second, *_rest = bridge_plan.pod_messages(wiring(), 2)
    texts = [message.what for message in bridge_plan.pod_messages(wiring(lease=DUAL), 2)]

    assert (first.what, second.what) == ("give link 2 no link-local address", "set link 2 up")
    assert first.tolerate == {errno.EAFNOSUPPORT}  # a kernel without IPv6
    assert first.what not in texts


def test_without_a_gateway_pods_are_only_bridged():
    plan = wiring({**CONFIG, "isDefaultGateway": False}, bridge=UNFILTERED)

    assert (plan.gateways, plan.isolated, plan.routes) == ((), False, ())
    assert str(plan.addresses[0]) == "10.244.1.5/24"


def test_routes_of_ipam_are_kept_and_a_default_route_is_not_doubled():
    lease = {**LEASE, "routes": [{"dst": "0.0.0.0/0", "gw": "10.244.1.9"}, {"dst": "10.0.0.0/8"}]}

    assert [(str(dst), str(via)) for dst, via in wiring(lease=lease).routes] == [
        ("0.0.0.0/0", "10.244.1.9"),
        ("10.0.0.0/8", "10.244.1.1"),
    ]


@pytest.mark.parametrize(
    ("config", "args", "alias"),
    [
        (CONFIG, {"K8S_POD_NAMESPACE": "ns", "K8S_POD_NAME": "web"}, "ns/web"),
        ({**CONFIG, "alias": "demo"}, {"K8S_POD_NAMESPACE": "ns", "K8S_POD_NAME": "web"}, "demo ns/web"),
        (CONFIG, {}, "c1"),
    ],
)
def test_the_alias_is_readable(config, args, alias):
    assert wiring(config, **args).alias == alias


def test_a_long_alias_is_cut_to_what_the_kernel_takes():
    assert len(wiring(CONFIG, K8S_POD_NAMESPACE="n" * 250, K8S_POD_NAME="p" * 250).alias) == 255


def test_names_and_macs_follow_from_the_container_alone():
    first, again, other = (wiring(container_id=name) for name in ("c1", "c1", "c2"))

    assert first == again
    assert len({plan.host_name for plan in (first, other)}) == 2
    assert len({mac for plan in (first, other) for mac in (plan.host_mac, plan.pod_mac)}) == 4


@pytest.mark.parametrize("identity", [("a",), ("b",), ("pod", "c1", "eth0"), ("bridge", "cni0", "10.0.0.1")])
def test_macs_are_local_and_of_one_machine(identity):
    first_byte = int(bridge_plan.mac_address(*identity)[:2], 16)

    assert first_byte & 0b11 == 0b10


def test_a_veth_pair_that_is_there_is_not_made_again():
    made, kept = (bridge_plan.node_messages(wiring(), fd) for fd in (9, None))

    assert made[0].what.startswith("add veth")
    assert kept[0].what.startswith("change link")
    assert made[1:] == kept[1:]


def test_the_result_names_both_ends_and_where_the_address_is():
    config = bridge_plan.parse_config(CONFIG)
    result = bridge_plan.render_result(request(), config, wiring(), LEASE)

    assert [interface["name"] for interface in result["interfaces"]][::2] == ["cni0", "eth0"]
    assert result["interfaces"][result["ips"][0]["interface"]]["sandbox"] == "/run/netns/x"
    assert result["routes"] == [{"dst": "0.0.0.0/0", "gw": "10.244.1.1"}]


@pytest.mark.parametrize("ips", [[], [{"address": "10.0.0.1/24"}, {"address": "10.0.0.2/24"}]])
def test_ipam_must_give_one_address(ips):
    with pytest.raises(CniError, match="one is needed"):
        wiring(lease={"ips": ips})


DUAL = {"ips": [*LEASE["ips"], {"address": "fd00:1::5/64", "gateway": "fd00:1::1"}], "routes": []}


@pytest.mark.parametrize(
    ("bridge", "addresses"),
    [(FILTERED, ["10.244.1.5/24", "fd00:1::5/64"]), (UNFILTERED, ["10.244.1.5/32", "fd00:1::5/128"])],
    ids=["filtered", "routed"],
)
def test_a_pod_of_both_families_has_an_address_and_a_default_route_of_each(bridge, addresses):
    plan = wiring(bridge=bridge, lease=DUAL)

    assert list(map(str, plan.addresses)) == addresses
    assert [str(dst) for dst, _ in plan.routes] == ["0.0.0.0/0", "::/0"]
    assert sum("set neighbour" in m.what for m in bridge_plan.pod_messages(plan, 2)) == 2
    assert sum("set neighbour" in m.what for m in bridge_plan.node_messages(plan, 9)) == 2


def test_two_addresses_of_one_family_are_refused():
    with pytest.raises(CniError, match="one of each family"):
        wiring(lease={"ips": [*LEASE["ips"], *LEASE["ips"]]})
