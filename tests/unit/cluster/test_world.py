import pytest

from netemu.cluster.world import mac_address, plan_world, vtep_of, vxlan_mtu_bytes
from netemu.errors import SettingsError
from netemu.settings import Settings


def test_equal_settings_give_equal_places():
    assert plan_world(Settings(nodes=5)) == plan_world(Settings(nodes=5))


def test_every_place_has_addresses_and_names_of_its_own():
    world = plan_world(Settings(nodes=50))

    for field in ("address", "mac", "port", "pod_cidr", "vtep_mac", "netns"):
        assert len({getattr(node, field) for node in world.nodes}) == 50


def test_two_clusters_share_no_kernel_name():
    first, second = plan_world(Settings(name="a")), plan_world(Settings(name="b"))

    assert not set(first.places().values()) & set(second.places().values())
    assert not {node.port for node in first.nodes} & {node.port for node in second.nodes}


def test_nodes_lie_where_the_readme_says():
    node = plan_world(Settings()).node("node-2")

    assert (str(node.address), str(node.pod_cidr), node.netns) == (
        "172.30.0.12/16",
        "10.244.1.0/24",
        "ne-netemu-node-2",
    )


def test_a_pods_range_too_small_for_the_nodes_is_refused():
    with pytest.raises(SettingsError, match=r"10\.244\.0\.0/23"):
        plan_world(Settings(nodes=3, pod_cidr=("10.244.0.0/23",)))


def test_made_up_mac_addresses_are_local_and_unicast():
    first_byte = int(mac_address("x").split(":")[0], 16)

    assert first_byte & 0b11 == 0b10


def test_nodes_get_their_zones_in_turn():
    zones = [node.zone for node in plan_world(Settings(nodes=5, zones=("a", "b"))).nodes]

    assert zones == ["a", "b", "a", "b", "a"]


DUAL = Settings(
    host_cidr=("172.30.0.0/16", "fd00:172:30::/64"),
    pod_cidr=("10.244.0.0/16", "fd00:10:244::/56"),
    service_cidr=("10.96.0.0/16", "fd00:10:96::/112"),
)


def test_a_node_of_both_families_has_an_address_and_a_slice_of_each():
    world = plan_world(DUAL)
    node = world.node("node-2")

    assert list(map(str, node.addresses)) == ["172.30.0.12/16", "fd00:172:30::c/64"]
    assert list(map(str, node.pod_cidrs)) == ["10.244.1.0/24", "fd00:10:244:1::/64"]
    assert list(map(str, world.outside_addresses)) == ["172.30.0.1/16", "fd00:172:30::1/64"]


def test_the_tunnels_end_is_an_address_that_no_pod_gets_and_no_anycast_address():
    assert [str(vtep_of(pods)) for pods in plan_world(DUAL).nodes[0].pod_cidrs] == [
        "10.244.0.0",
        "fd00:10:244:0:ffff:ffff:ffff:ffff",
    ]


def test_a_tunnel_over_ipv6_carries_less():
    only_ipv6 = Settings(host_cidr=("fd00:172:30::/64",))

    assert (vxlan_mtu_bytes(DUAL), vxlan_mtu_bytes(only_ipv6)) == (1450, 1430)
