"""The machine's way into a cluster, on the real kernel: here the machine is a private namespace."""

from __future__ import annotations

import subprocess
from ipaddress import ip_address

import pytest

from netemu.cluster.host_access import Reach, access_link
from netemu.cluster.world import plan_world
from netemu.settings import Settings

SETTINGS = Settings(name="t", nodes=1, host_cidr=("172.30.0.0/16", "fd00:30::/64"))
WORLD = plan_world(SETTINGS)
FOUR, OTHER, SIX = ip_address("172.30.255.1"), ip_address("172.30.255.2"), ip_address("fd00:30::ff01")
ELSEWHERE = ip_address("192.0.2.1")


def ip(*words: str) -> str:
    return subprocess.run(["ip", *words], check=True, capture_output=True, text=True).stdout


def reached() -> set[str]:
    told = [line.split() for version in ("-4", "-6") for line in ip(version, "route", "show").splitlines()]
    return {f"{words[0]} via {words[2]}" for words in told if words[1] == "via"}


@pytest.fixture
def veth():
    """Plug this namespace in; nobody is at the other end."""
    name = access_link(WORLD)
    ip("link", "add", name, "type", "veth", "peer", "name", "ve-port")
    for link in (name, "ve-port"):
        ip("link", "set", link, "up")
    ip("addr", "add", "172.30.255.254/16", "dev", name)
    ip("addr", "add", "fd00:30::fffe/64", "dev", name, "nodad")
    yield name
    ip("link", "del", name)


def test_what_is_announced_is_reached_over_outside_as_long_as_it_is_announced(veth):
    reach = Reach(WORLD, SETTINGS)
    reach.hold({FOUR, OTHER, SIX})
    assert reached() == {
        "172.30.255.1 via 172.30.0.1",
        "172.30.255.2 via 172.30.0.1",
        "fd00:30::ff01 via fd00:30::1",
    }

    reach.hold({OTHER})
    assert reached() == {"172.30.255.2 via 172.30.0.1"}


def test_a_daemon_that_comes_back_removes_what_is_announced_no_more(veth):
    Reach(WORLD, SETTINGS).hold({FOUR, SIX})
    Reach(WORLD, SETTINGS).hold({FOUR})

    assert reached() == {"172.30.255.1 via 172.30.0.1"}


def test_addresses_of_other_networks_are_left_to_the_machine(veth):
    Reach(WORLD, SETTINGS).hold({ELSEWHERE})

    assert reached() == set()


def test_a_machine_that_is_not_plugged_in_has_no_routes():
    Reach(WORLD, SETTINGS).hold({FOUR})

    assert reached() == set()
