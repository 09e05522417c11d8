import pytest

from netemu.cluster.world import mac_address, plan_world
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
