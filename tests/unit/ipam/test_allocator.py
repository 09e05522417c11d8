from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netemu.ipam.allocator import SubnetExhaustedError, candidates, next_free, whole_range

SMALL = whole_range(IPv4Network("10.0.0.0/29"))  # .1 is the gateway, .2 to .6 are for pods


def ips(*last_octets: int) -> list[IPv4Address]:
    return [IPv4Address(f"10.0.0.{octet}") for octet in last_octets]


@pytest.mark.parametrize(
    ("last", "order"),
    [
        (None, (2, 3, 4, 5, 6)),
        (3, (4, 5, 6, 2, 3)),
        (6, (2, 3, 4, 5, 6)),
    ],
)
def test_every_address_comes_once_beginning_behind_the_last(last, order):
    last_leased = None if last is None else IPv4Address(f"10.0.0.{last}")

    assert list(candidates(SMALL, last_leased)) == ips(*order)


def test_a_last_address_of_another_range_changes_only_the_order():
    assert sorted(candidates(SMALL, IPv4Address("192.168.0.77"))) == ips(2, 3, 4, 5, 6)


def test_the_next_free_address_skips_what_is_leased():
    assert next_free(SMALL, set(ips(2, 3, 5)), None) == IPv4Address("10.0.0.4")


def test_there_is_none_when_all_are_leased():
    assert next_free(SMALL, set(ips(2, 3, 4, 5, 6)), None) is None


@given(leased=st.sets(st.integers(2, 6)), last=st.none() | st.integers(0, 255))
def test_an_address_is_never_leased_twice_and_one_is_found_if_there_is_one(leased, last):
    taken = set(ips(*leased))
    found = next_free(SMALL, taken, None if last is None else IPv4Address(f"10.0.0.{last}"))

    assert found not in taken
    assert (found is None) == (len(taken) == 5)
    assert found is None or found in SMALL


def test_bounds_and_gateway_can_be_given():
    gateway, first, last = ips(4, 3, 5)
    pool = whole_range(IPv4Network("10.0.0.0/29"), gateway=gateway, first=first, last=last)

    assert list(candidates(pool, None)) == ips(3, 5)
    assert gateway not in pool


@pytest.mark.parametrize("subnet", ["10.0.0.0/31", "10.0.0.0/32"])
def test_a_subnet_without_room_is_refused(subnet):
    with pytest.raises(ValueError, match="too small"):
        whole_range(IPv4Network(subnet))


def test_a_bound_outside_of_the_subnet_is_refused():
    with pytest.raises(ValueError, match=r"192\.168\.0\.1 is not in subnet"):
        whole_range(IPv4Network("10.0.0.0/24"), first=IPv4Address("192.168.0.1"))


def test_exhaustion_names_the_subnet_and_its_leases():
    error = SubnetExhaustedError(IPv4Network("10.0.0.0/29"), 5)

    assert error.message == "no free address in 10.0.0.0/29: 5 leases held"
    assert error.code == "IPAM_SUBNET_EXHAUSTED"


def test_a_range_of_ipv6_is_as_quickly_begun():
    pool = whole_range(IPv6Network("fd00:10:244:1::/64"))

    assert next_free(pool, {IPv6Address("fd00:10:244:1::2")}, None) == IPv6Address("fd00:10:244:1::3")
    assert IPv4Address("10.0.0.2") not in pool
