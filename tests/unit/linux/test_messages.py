import errno
import subprocess
import sys
from ipaddress import ip_address, ip_interface, ip_network

import pytest

from netemu.linux import encoding, messages

HEADER = b"\0" * 16


def decoded(message):
    kind = {
        messages.RTM_DELLINK: 16,
        messages.RTM_DELADDR: 20,
        messages.RTM_DELROUTE: 24,
        messages.RTM_DELNEIGH: 28,
    }
    header = (16 + len(message.body)).to_bytes(4, sys.byteorder) + HEADER[4:]
    return encoding.decode(kind.get(message.kind, message.kind), header + message.body)


def test_a_veth_pair_carries_its_peer_and_where_that_goes():
    message = decoded(
        messages.veth("ve0", peer_name="eth0", peer_ns_fd=9, peer_index=2, mtu=1450, master_index=3, up=True)
    )

    info = message.get_attr("IFLA_LINKINFO")
    peer = info.get_attr("IFLA_INFO_DATA").get_attr("VETH_INFO_PEER")
    assert (message.get_attr("IFLA_IFNAME"), message.get_attr("IFLA_MASTER"), message["flags"]) == (
        "ve0",
        3,
        1,
    )
    assert (peer.get_attr("IFLA_IFNAME"), peer["index"], peer.get_attr("IFLA_NET_NS_FD")) == ("eth0", 2, 9)
    assert peer["flags"] == 0  # the peer cannot be raised before it has its other end


def test_what_is_not_given_is_not_sent():
    message = decoded(messages.set_link(7, mtu=1400))

    assert (message["index"], message["change"], message.get_attr("IFLA_MTU")) == (7, 0, 1400)
    assert message.get_attr("IFLA_IFNAME") is None
    assert message.get_attr("IFLA_MASTER") is None


def test_a_link_is_taken_out_of_its_bridge_with_master_zero():
    assert decoded(messages.set_link("ve0", master=0)).get_attr("IFLA_MASTER") == 0


def test_a_link_can_be_named_by_name_or_index():
    by_name, by_index = decoded(messages.link_up("ve0")), decoded(messages.link_up(5))

    assert (by_name["index"], by_name.get_attr("IFLA_IFNAME")) == (0, "ve0")
    assert (by_index["index"], by_index.get_attr("IFLA_IFNAME")) == (5, None)


def test_a_bridge_port_has_what_is_given_of_its_flags():
    port = decoded(messages.bridge_port("ve0", hairpin=True, isolated=False))

    data = port.get_attr("IFLA_LINKINFO").get_attr("IFLA_INFO_SLAVE_DATA")
    assert (data.get_attr("IFLA_BRPORT_MODE"), data.get_attr("IFLA_BRPORT_ISOLATED")) == (1, 0)
    assert data.get_attr("IFLA_BRPORT_LEARNING") is None


@pytest.mark.parametrize(
    ("local", "attribute"), [("10.0.0.1", "IFLA_VXLAN_LOCAL"), ("fd00::1", "IFLA_VXLAN_LOCAL6")]
)
def test_a_vxlan_device_stands_on_an_address_of_either_family(local, attribute):
    message = decoded(messages.vxlan("vx", vni=42, local=ip_address(local), port=8472))

    data = message.get_attr("IFLA_LINKINFO").get_attr("IFLA_INFO_DATA")
    assert data.get_attr(attribute) == local
    assert (data.get_attr("IFLA_VXLAN_ID"), data.get_attr("IFLA_VXLAN_LEARNING")) == (42, 0)


@pytest.mark.parametrize("interface", ["10.244.1.5/24", "fd00::5/64"])
def test_an_address_of_either_family(interface):
    message = decoded(messages.address(4, ip_interface(interface)))

    ip, prefix = interface.split("/")
    assert (message["index"], message.get_attr("IFA_LOCAL"), message["prefixlen"]) == (4, ip, int(prefix))


@pytest.mark.parametrize(
    ("given", "scope"),
    [
        ({"index": 2}, 253),
        ({"gateway": ip_address("10.0.0.1")}, 0),
        ({"index": 2, "scope": "universe"}, 0),
        ({"type": "unreachable"}, 0),
        ({"type": "local", "index": 1}, 254),
    ],
    ids=["on-link", "via", "given", "nowhere", "local"],
)
def test_a_routes_scope_follows_from_how_it_is_reached(given, scope):
    assert decoded(messages.route(ip_network("10.1.0.0/16"), **given))["scope"] == scope


def test_a_default_route_has_no_destination_and_may_be_onlink():
    message = decoded(
        messages.route(
            ip_network("::/0"), gateway=ip_address("fe80::1"), index=2, onlink=True, src=ip_address("fd00::5")
        )
    )

    assert (message["dst_len"], message.get_attr("RTA_DST"), message["flags"]) == (0, None, 4)
    assert (message.get_attr("RTA_GATEWAY"), message.get_attr("RTA_PREFSRC")) == ("fe80::1", "fd00::5")


def test_neighbours_are_permanent_unless_told_otherwise():
    permanent, not_so = (
        decoded(messages.neighbour(2, ip_address("10.0.0.1"), "02:00:00:00:00:01", permanent=value))["state"]
        for value in (True, False)
    )

    assert (permanent, not_so) == (0x80, 0x04)


def test_a_message_says_in_words_what_it_wants():
    message = messages.route(ip_network("10.0.0.0/8"), gateway=ip_address("1.1.1.1"), index=3)

    assert message.what == "set unicast route to 10.0.0.0/8 via 1.1.1.1 on link 3"


def test_tolerating_gives_a_new_message_and_leaves_the_old_one():
    message = messages.delete_link("ve0")

    assert message.tolerating(errno.ENODEV).tolerate == {errno.ENODEV}
    assert message.tolerate == frozenset()


def test_equal_arguments_give_equal_messages():
    assert messages.delete_link("ve0") == messages.delete_link("ve0")
    assert messages.veth("a", peer_name="b") == messages.veth("a", peer_name="b")


def test_encoding_does_not_import_the_whole_of_pyroute2():
    code = (
        "import sys\nfrom netemu.linux import messages\nmessages.link_up(1)\n"
        "print({'asyncio', 'dataclasses', 'pyroute2.iproute'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "set()\n"


@pytest.mark.parametrize("name", ["ve0", "ve0123456789ab", "vefedcba987654"])
def test_links_that_are_deleted_are_named_in_full(name):
    grouped, gone = decoded(messages.link_group(name, 7)), decoded(messages.delete_link(name))

    assert (grouped.get_attr("IFLA_IFNAME"), grouped.get_attr("IFLA_GROUP")) == (name, 7)
    assert (gone.get_attr("IFLA_IFNAME"), gone.get_attr("IFLA_GROUP")) == (name, None)
    assert (decoded(messages.link_group(5, 7))["index"], decoded(messages.delete_link(5))["index"]) == (5, 5)


@pytest.mark.parametrize("ip", ["10.244.0.2", "10.244.1.77", "fd00::2"])
def test_a_neighbour_is_forgotten_by_its_address(ip):
    message = decoded(messages.delete_neighbour(4, ip_address(ip)))

    assert (message["ifindex"], message["state"], message.get_attr("NDA_DST")) == (4, 0, ip)
