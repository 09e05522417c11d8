"""Addresses that nodes answer for, on the real kernel."""

from __future__ import annotations

import socket
import struct
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack
from ipaddress import ip_address

import pytest

from netemu.balancer.speaker import LINK, Speaker
from netemu.linux import netns, sysctl
from netemu.linux.messages import Address
from netemu.linux.netlink import Netlink

ADDRESS, ADDRESS6 = ip_address("172.30.255.1"), ip_address("fd00:30::ff01")
OTHER, OTHER6 = ip_address("172.30.255.2"), ip_address("fd00:30::ff02")
BOTH = pytest.mark.parametrize(("address", "other"), [(ADDRESS, OTHER), (ADDRESS6, OTHER6)], ids=["4", "6"])
OUTSIDE = "t-outside"
NODES = {"t-node-1": "172.30.0.11", "t-node-2": "172.30.0.12"}


def ip(place: str, *words: str) -> str:
    return subprocess.run(["ip", "-n", place, *words], check=True, capture_output=True, text=True).stdout


class Segment:
    """Two nodes and a client on one switch."""

    def __init__(self, stack: ExitStack) -> None:
        for place in (OUTSIDE, "t-fabric", *NODES):
            netns.create(place)
            stack.callback(netns.delete, place)
        ip("t-fabric", "link", "add", "fabric0", "type", "bridge")
        ip("t-fabric", "link", "set", "fabric0", "up")
        for place, address in {OUTSIDE: "172.30.0.1", **NODES}.items():
            port = place.removeprefix("t-")
            ip("t-fabric", *f"link add {port} type veth peer name eth0 netns {place}".split())
            ip("t-fabric", *f"link set {port} master fabric0 up".split())
            ip(place, *f"addr add {address}/16 dev eth0".split())
            ip(place, "link", "set", "eth0", "up", "addrgenmode", "eui64")
            ip(place, *f"addr add fd00:30::{address.rsplit('.', 1)[1]}/64 dev eth0 nodad".split())
        self.speakers = {}
        for place in NODES:
            fd = stack.enter_context(netns.opened(place))
            sysctl.write(fd, {"net/ipv4/ip_forward": 1, "net/ipv6/conf/all/forwarding": 1})
            self.speakers[place] = Speaker(place, fd)
        self.outside = stack.enter_context(netns.opened(OUTSIDE))

    def mac(self, place: str) -> str:
        with netns.opened(place) as fd, Netlink.open(fd) as netlink:
            return netlink.find_link("eth0").mac

    def known_mac(self, address: Address = ADDRESS) -> str | None:
        """Tell which MAC address the client knows for an address."""
        with Netlink.open(self.outside) as netlink:
            return next((n.mac for n in netlink.dump_neighbours() if n.ip == address), None)

    def ask(self, address: Address = ADDRESS) -> str | None:
        """Send something to an address, so that the client must find out where it is."""
        family = socket.AF_INET if address.version == 4 else socket.AF_INET6
        with netns.open_socket(self.outside, family, socket.SOCK_DGRAM) as sock:
            sock.sendto(b"?", (str(address), 9))
        eventually(lambda: self.known_mac(address) is not None)
        return self.known_mac(address)


def eventually(condition: Callable[[], bool], within_s: float = 30) -> None:
    deadline_s = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline_s
        time.sleep(0.01)


@pytest.fixture
def segment():
    with ExitStack() as stack:
        yield Segment(stack)


def state(place: str) -> tuple[str, str]:
    """Give what a node answers for, and what it routes nowhere."""
    routes = (ip(place, version, "route", "show", "dev", LINK, "proto", "static") for version in ("-4", "-6"))
    return ip(place, "neigh", "show", "proxy"), "".join(routes)


@BOTH
def test_the_node_that_holds_an_address_answers_for_it(segment, address, other):
    first, second = segment.speakers.values()

    assert first.hold({address}) == {address}
    assert second.hold({other}) == {other}
    assert segment.ask(address) == segment.mac("t-node-1")
    assert segment.ask(other) == segment.mac("t-node-2")
    assert str(address) not in ip("t-node-1", "addr")
    assert str(address) not in ip("t-node-1", f"-{address.version}", "route", "show", "table", "local")


@pytest.mark.parametrize(("address", "name"), [(ADDRESS, "arp_cache"), (ADDRESS6, "ndisc_cache")])
def test_it_answers_without_the_kernel_s_delay_for_those_who_answer_for_others(segment, address, name):
    segment.speakers["t-node-1"].hold({address})

    table = ip("t-node-1", "ntable", "show", "dev", "eth0", "name", name)
    assert "proxy_delay 0 proxy_queue 64" in table


@BOTH
def test_who_takes_over_corrects_those_who_knew_the_other(segment, address, other):
    first, second = segment.speakers.values()
    first.hold({address})
    assert segment.ask(address) == segment.mac("t-node-1")
    ip("t-fabric", "link", "set", "node-1", "down")
    second.hold({address})

    eventually(lambda: segment.known_mac(address) == segment.mac("t-node-2"))


@BOTH
def test_what_is_released_leaves_nothing(segment, address, other):
    speaker = segment.speakers["t-node-1"]
    speaker.hold({address, other})
    speaker.release({other})
    assert [str(other) in text and str(address) not in text for text in state("t-node-1")] == [True, True]
    speaker.hold(())

    assert state("t-node-1") == ("", "")


def test_a_new_daemon_finds_what_the_kernel_answers_for(segment):
    segment.speakers["t-node-1"].hold({ADDRESS, ADDRESS6})
    with netns.opened("t-node-1") as fd:
        assert Speaker("t-node-1", fd).hold({ADDRESS, ADDRESS6, OTHER}) == {OTHER}
        assert Speaker("t-node-1", fd).hold(()) == frozenset()

    assert state("t-node-1") == ("", "")


def test_what_is_routed_to_a_node_is_taken_but_not_answered_for(segment):
    speaker = segment.speakers["t-node-1"]

    assert speaker.hold({ADDRESS}, {OTHER, OTHER6}) == {ADDRESS, OTHER, OTHER6}
    neighbours, routes = state("t-node-1")
    assert [str(each) in neighbours for each in (ADDRESS, OTHER, OTHER6)] == [True, False, False]
    assert [str(each) in routes for each in (ADDRESS, OTHER, OTHER6)] == [True, True, True]
    assert speaker.hold({OTHER}, {ADDRESS}) == {ADDRESS, OTHER}
    assert segment.ask(OTHER) == segment.mac("t-node-1")
    assert str(ADDRESS) not in state("t-node-1")[0]
    with netns.opened("t-node-1") as fd:
        assert Speaker("t-node-1", fd).hold((), {ADDRESS, OTHER}) == frozenset()
    assert state("t-node-1")[0] == ""


def test_what_another_node_is_to_answer_for_stays_only_routed_here(segment):
    speaker = segment.speakers["t-node-1"]
    speaker.hold({ADDRESS, OTHER}, {OTHER6})
    speaker.release((), {ADDRESS, OTHER6})
    neighbours, routes = state("t-node-1")

    assert neighbours == ""
    assert [str(each) in routes for each in (ADDRESS, OTHER, OTHER6)] == [True, False, True]
    with netns.opened("t-node-1") as fd:
        later = Speaker("t-node-1", fd)
        later.release({ADDRESS}, {OTHER6})  # of what it finds it answers for nothing new
        assert state("t-node-1")[0] == ""
        assert later.hold({ADDRESS}, {OTHER6}) == frozenset()
    assert str(ADDRESS) in state("t-node-1")[0]


def test_what_another_hand_took_away_comes_back(segment):
    speaker = segment.speakers["t-node-1"]
    speaker.hold({ADDRESS, ADDRESS6})
    before = state("t-node-1")
    ip("t-node-1", "neigh", "del", "proxy", str(ADDRESS6), "dev", "eth0")
    ip("t-node-1", "link", "del", LINK)
    speaker.renew()

    assert state("t-node-1") == before


def test_taking_an_address_is_told_to_everybody_as_request_and_as_reply(segment):
    with netns.open_socket(segment.outside, socket.AF_PACKET, socket.SOCK_RAW, 0) as sock:
        sock.bind(("eth0", 0x0806))
        sock.settimeout(30)
        segment.speakers["t-node-1"].hold({ADDRESS})
        frames = [sock.recv(100) for _ in range(2)]

    assert [struct.unpack("!H", frame[20:22])[0] for frame in frames] == [1, 2]
    assert {frame[28:32] for frame in frames} == {frame[38:42] for frame in frames} == {ADDRESS.packed}
    assert {frame[22:28].hex(":") for frame in frames} == {segment.mac("t-node-1")}


@BOTH
def test_a_port_that_nobody_has_is_answered_at_once(segment, address, other):
    segment.speakers["t-node-1"].hold({address})
    segment.ask(address)
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    with netns.open_socket(segment.outside, family, socket.SOCK_STREAM) as sock:
        sock.settimeout(2.9)  # it takes 3 s where Linux is left as it is
        with pytest.raises(OSError, match="No route to host"):
            sock.connect((str(address), 80))
