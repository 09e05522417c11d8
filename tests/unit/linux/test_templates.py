from ipaddress import ip_address, ip_interface

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netemu.linux import link_bodies, messages, templates

MACS = st.binary(min_size=6, max_size=6).map(lambda raw: raw.hex(":"))
NAMES = st.text("abcdef0123456789", min_size=1, max_size=15)


@given(name=NAMES, mac=MACS, peer_mac=MACS, fd=st.integers(0, 2**20), mtu=st.none() | st.integers(68, 9000))
def test_a_veth_pair_from_a_template_is_what_the_encoder_gives(name, mac, peer_mac, fd, mtu):
    made = messages.veth(
        name, peer_name="eth0", peer_ns_fd=fd, mac=mac, peer_mac=peer_mac, mtu=mtu, master_index=3, up=True
    )

    assert made.body == link_bodies.veth("eth0", 0, mtu, 3, True, name, mac, peer_mac, fd)


@given(name=NAMES, alias=st.text(min_size=1, max_size=60).filter(lambda text: "\0" not in text))
def test_a_bridge_port_from_a_template_is_what_the_encoder_gives(name, alias):
    made = messages.bridge_port(name, hairpin=True, isolated=False, alias=alias)

    assert made.body == link_bodies.bridge_port(False, True, None, name, alias)


@given(ip=st.ip_addresses(), mac=MACS, index=st.integers(1, 2**20))
def test_a_neighbour_from_a_template_is_what_the_encoder_gives(ip, mac, index):
    made = messages.neighbour(index, ip, mac)

    family = 2 if ip.version == 4 else 10
    assert made.body == messages._neighbour_body(family, index, 0x80, str(ip), mac)


@pytest.mark.parametrize("interface", ["10.0.0.1/24", "fd00::1/64"])
def test_an_address_from_a_template_is_what_the_encoder_gives(interface):
    value = ip_interface(interface)
    family = 2 if value.version == 4 else 10

    expected = messages._address_body(family, 7, value.network.prefixlen, str(value.ip))
    assert messages.address(7, value).body == expected


def test_a_mark_that_is_found_twice_makes_no_template():
    twice = templates.encode(lambda ip: ip_address(ip).packed * 2, (), templates.ip(ip_address("10.0.0.1")))

    assert twice == bytes((10, 0, 0, 1)) * 2
