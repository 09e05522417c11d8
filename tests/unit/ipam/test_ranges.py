from ipaddress import IPv4Network, IPv6Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netemu.errors import SettingsError
from netemu.ipam.ranges import (
    LabelledRange,
    RangeOverlapError,
    check_apart,
    node_slice,
    parse_ranges,
    slice_prefix,
)

PODS = LabelledRange(IPv4Network("10.244.0.0/16"), "pods range", "--pod-cidr")


def test_a_range_is_read():
    assert parse_ranges(["10.244.0.0/16"], "--pod-cidr") == (IPv4Network("10.244.0.0/16"),)


@pytest.mark.parametrize(
    ("cidrs", "complaint"),
    [
        (["10.244.0.0/99"], "--pod-cidr: '10.244.0.0/99' is not an address range"),
        (["pods"], "--pod-cidr: 'pods' is not an address range"),
        (["10.244.1.7/16"], "is an address in a range"),
        (["10.244.0.0"], "is an address in a range"),
        (["127.0.0.0/16"], "127.0.0.0/16 has loopback addresses (127.0.0.0/8)"),
        (["169.254.1.0/24"], "link-local addresses"),
        (["239.0.0.0/16"], "multicast addresses"),
        (["240.0.0.0/4"], "the broadcast address (255.255.255.255/32)"),
        (["0.0.0.0/0"], "addresses of no network"),
        (["fe80::/64"], "link-local addresses (fe80::/10)"),
        (["::/64"], "loopback addresses (::/127)"),
        (["10.244.0.0/16", "10.245.0.0/16"], "2 ranges given"),
        ([], "0 ranges given"),
    ],
)
def test_what_is_no_range_is_refused_with_the_settings_name(cidrs, complaint):
    with pytest.raises(SettingsError, match="--pod-cidr") as raised:
        parse_ranges(cidrs, "--pod-cidr")

    assert complaint in raised.value.message


def test_an_address_in_a_range_is_answered_with_the_range():
    with pytest.raises(SettingsError) as raised:
        parse_ranges(["10.244.1.7/16"], "--pod-cidr")

    assert raised.value.hint == "Write 10.244.0.0/16."


def test_ranges_that_overlap_are_both_named_with_their_sources():
    services = LabelledRange(IPv4Network("10.244.96.0/20"), "services range", "cluster.yaml")

    with pytest.raises(RangeOverlapError) as raised:
        check_apart([PODS, services])

    first, second = raised.value.message.split(" overlaps ")
    assert first == "pods range 10.244.0.0/16 (from --pod-cidr)"
    assert second == "services range 10.244.96.0/20 (from cluster.yaml)"


def test_ranges_that_are_apart_pass():
    check_apart([PODS, PODS._replace(network=IPv4Network("10.96.0.0/16"))])


@pytest.mark.parametrize(
    ("max_pods", "prefix"),
    [(1, 24), (110, 24), (128, 24), (129, 23), (250, 23), (256, 23), (257, 22), (1000, 21)],
)
def test_a_slice_has_twice_its_pods_addresses_and_at_least_256(max_pods, prefix):
    assert slice_prefix(PODS.network, max_pods) == prefix


@given(max_pods=st.integers(1, 1000))
def test_a_slice_is_as_small_as_it_may_be(max_pods):
    size = 1 << (32 - slice_prefix(PODS.network, max_pods))

    assert size >= max(256, 2 * max_pods)
    assert size == 256 or size // 2 < 2 * max_pods


@given(
    max_pods=st.integers(1, 500), positions=st.lists(st.integers(0, 60), min_size=2, max_size=2, unique=True)
)
def test_slices_lie_in_the_range_and_never_overlap(max_pods, positions):
    first, second = (node_slice(PODS.network, max_pods, position) for position in positions)

    assert first.subnet_of(PODS.network)
    assert not first.overlaps(second)


def test_a_range_without_room_says_how_many_nodes_it_has_room_for():
    with pytest.raises(SettingsError, match="has room for 2 nodes of 110 pods"):
        node_slice(IPv4Network("10.0.0.0/23"), 110, 2)


def test_a_range_smaller_than_a_slice_has_room_for_none():
    with pytest.raises(SettingsError, match="has room for 0 nodes"):
        node_slice(IPv4Network("10.0.0.0/25"), 110, 0)


def test_both_families_are_read_in_their_order():
    assert parse_ranges(["fd00:10:244::/56", "10.244.0.0/16"], "--pod-cidr") == (
        IPv6Network("fd00:10:244::/56"),
        IPv4Network("10.244.0.0/16"),
    )


def test_ranges_of_two_families_are_apart():
    check_apart([PODS, PODS._replace(network=IPv6Network("::/0"))])


@pytest.mark.parametrize(
    ("pods", "max_pods", "third"),
    [
        ("fd00:10:244::/48", 110, "fd00:10:244:2::/64"),
        ("fd00:10:244::/56", 110, "fd00:10:244:2::/64"),
        ("fd00:10:244::/64", 110, "fd00:10:244:0:200::/72"),
        ("fd00:10:244::/112", 110, "fd00:10:244::200/120"),
        ("fd00:10:244::/112", 1000, "fd00:10:244::1000/117"),
    ],
)
def test_an_ipv6_slice_is_a_64_or_what_the_range_has_room_for(pods, max_pods, third):
    assert node_slice(IPv6Network(pods), max_pods, 2) == IPv6Network(third)
