import errno
from ipaddress import ip_address, ip_interface, ip_network

import pytest

from netemu.errors import KernelError
from netemu.linux import messages
from netemu.linux.netlink import Netlink

MAC, OTHER_MAC = "02:00:00:00:00:01", "02:00:00:00:00:02"


@pytest.fixture
def bridge(node_link: Netlink) -> int:
    node_link.batch([messages.bridge("cni0", mac=MAC, mtu=1450, up=True)])
    return node_link.link_index("cni0")


def veth(pod_fd: int, bridge: int) -> messages.Message:
    return messages.veth(
        "ve0",
        peer_name="eth0",
        peer_ns_fd=pod_fd,
        peer_index=2,
        mac=MAC,
        peer_mac=OTHER_MAC,
        mtu=1400,
        master_index=bridge,
        up=True,
    )


def test_a_veth_pair_joins_a_bridge_and_a_pod_in_one_message(node_link, pod_fd, bridge):
    node_link.batch([veth(pod_fd, bridge)])

    host = node_link.find_link("ve0")
    with Netlink.open(pod_fd) as pod:
        peer = pod.find_link("eth0")
    assert (host.kind, host.mac, host.mtu, host.up, host.master_index) == ("veth", MAC, 1400, True, bridge)
    assert (peer.ifindex, peer.mac, peer.mtu, peer.up) == (2, OTHER_MAC, 1400, False)
    assert host.peer_index == 2


def test_an_alias_is_set_by_name_in_the_batch_that_makes_the_link(node_link, pod_fd, bridge):
    port = messages.bridge_port("ve0", isolated=True, hairpin=True, alias="default/web")
    node_link.batch([veth(pod_fd, bridge), port])

    assert node_link.find_link("ve0").alias == "default/web"


@pytest.mark.parametrize(
    ("interface", "gateway"),
    [("10.244.1.5/24", "10.244.1.1"), ("fd00:1::5/64", "fd00:1::1")],
    ids=["ipv4", "ipv6"],
)
def test_addresses_routes_and_neighbours_of_both_families(node_link, bridge, interface, gateway):
    address, via = ip_interface(interface), ip_address(gateway)
    target = ip_network("10.9.0.0/16" if address.version == 4 else "fd00:9::/32")
    changes = [
        messages.address(bridge, address),
        messages.route(target, gateway=via, index=bridge),
        messages.neighbour(bridge, via, OTHER_MAC),
    ]
    for _ in range(2):  # setting again is no error
        node_link.batch(changes)

    family = 2 if address.version == 4 else 10
    routes = {route.dst: route.gateway for route in node_link.dump_routes(family)}
    neighbours = [(n.ip, n.mac, n.permanent) for n in node_link.dump_neighbours(family)]
    assert address in [found.interface for found in node_link.dump_addresses()]
    assert routes[target] == via
    assert (via, OTHER_MAC, True) in neighbours

    node_link.batch(
        [
            messages.delete_route(target, gateway=via, index=bridge),
            messages.delete_neighbour(bridge, via),
            messages.delete_address(bridge, address),
        ]
    )
    assert target not in {route.dst for route in node_link.dump_routes(family)}
    assert address not in [found.interface for found in node_link.dump_addresses()]


def test_a_vxlan_device_knows_its_peers_from_fdb_entries(node_link):
    made = messages.vxlan("vx", vni=7, local=ip_address("10.0.0.1"), port=8472, mac=MAC, mtu=1450, up=True)
    node_link.batch([made])
    index = node_link.link_index("vx")
    peer = messages.fdb(index, OTHER_MAC, ip_address("10.0.0.2"))
    for _ in range(2):
        node_link.batch([peer])

    entries = node_link.dump_neighbours(family=7)
    assert (index, ip_address("10.0.0.2"), OTHER_MAC) in [(n.ifindex, n.ip, n.mac) for n in entries]

    node_link.batch([messages.delete_fdb(index, OTHER_MAC, ip_address("10.0.0.2"))])
    assert OTHER_MAC not in [n.mac for n in node_link.dump_neighbours(family=7)]


@pytest.mark.parametrize(("type_", "number"), [("unreachable", 7), ("blackhole", 6)])
def test_routes_that_lead_nowhere(node_link, type_, number):
    node_link.batch([messages.route(ip_network("10.96.0.0/16"), type=type_)])

    assert (ip_network("10.96.0.0/16"), number) in [(r.dst, r.type) for r in node_link.dump_routes()]


def test_a_refusal_names_the_message_and_carries_the_kernels_words(node_link):
    nowhere = messages.route(ip_network("1.0.0.0/8"), gateway=ip_address("9.9.9.9"))
    with pytest.raises(KernelError, match=r"route to 1.0.0.0/8 via 9.9.9.9.*invalid gateway") as raised:
        node_link.batch([nowhere])

    assert raised.value.errno == errno.ENETUNREACH


def test_a_refused_change_does_not_stop_those_behind_it(node_link, bridge):
    with pytest.raises(KernelError, match="add bridge cni0"):
        node_link.batch([messages.bridge("cni0"), messages.bridge("other")])

    assert node_link.find_link("other") is not None


def test_an_error_that_a_message_tolerates_passes(node_link, bridge):
    node_link.batch(
        [
            messages.bridge("cni0").tolerating(errno.EEXIST),
            messages.delete_link("nothing").tolerating(errno.ENODEV),
        ]
    )


def test_links_of_a_group_are_deleted_together_and_no_others(node_link):
    node_link.batch(messages.bridge(name) for name in ("br1", "br2", "br3"))
    node_link.batch([messages.link_group(name, 7) for name in ("br1", "br3")] + [messages.delete_group(7)])

    assert {link.name for link in node_link.dump_links()} & {"br1", "br2", "br3"} == {"br2"}


def test_hundreds_of_messages_go_in_one_batch(node_link, bridge):
    addresses = [ip_interface(f"10.1.{n // 250}.{n % 250 + 1}/32") for n in range(500)]
    node_link.batch(messages.address(bridge, address) for address in addresses)

    found = {address.interface for address in node_link.dump_addresses()}
    assert set(addresses) <= found


def test_a_link_that_does_not_exist(node_link):
    assert node_link.find_link("nothing") is None
    assert node_link.find_index("nothing") is None
    with pytest.raises(KernelError, match="nothing"):
        node_link.link_index("nothing")


def test_a_link_moves_to_another_namespace_under_another_name(node_link, pod_fd, bridge):
    node_link.batch([messages.veth("ve1", peer_name="ve2")])
    moved = messages.set_link(node_link.link_index("ve2"), ns_fd=pod_fd, name="eth0", alias="moved")
    node_link.batch([moved])

    with Netlink.open(pod_fd) as pod:
        assert pod.find_link("eth0").alias == "moved"
