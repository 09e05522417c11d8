"""Configurations and the real bgpd: what is made it accepts, prints again, and goes from one to another."""

from __future__ import annotations

import os
import signal
from contextlib import ExitStack, suppress
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

from netemu.balancer.frr import changes, node_config, outside_config, parse, render
from netemu.balancer.peering import Peer
from netemu.balancer.router import bring
from netemu.balancer.routes import Route
from netemu.balancer.vty import RouterError, opened
from netemu.cluster.frr import argv, find_frr, node_unit, prepare
from netemu.linux import netns, process
from netemu.testing.eventually import eventually

PLACE = "t-router"
ADDRESSES = (ip_address("172.30.0.11"), ip_address("fd00:30::b"))
PEER = Peer("outside", ip_address("172.30.0.1"), asn=64513, my_asn=64512)
PEER6 = Peer("outside-v6", ip_address("fd00:30::1"), asn=64513, my_asn=64512)
FAR = Peer(
    "far", ip_address("192.0.2.1"), asn=64514, my_asn=64512, port=1179, hold_s=90, keepalive_s=30, is_far=True
)
PLAIN = Route(ip_network("172.30.255.1/32"))
PLAIN6 = Route(ip_network("fd00:30::ff01/128"))
TAGGED = Route(ip_network("172.30.200.0/24"), 200, ("64512:9", "64512:100"))
WELL_KNOWN = (
    *("0:0", "64512:100"),
    *(f"65535:{number}" for number in (*range(9), 666, 65281, 65282, 65283, 65284, 65535)),
)
HOSTS = (ip_network("172.30.0.0/16"), ip_network("fd00:30::/64"))

CONFIGS = {
    "nothing": node_config(ADDRESSES, [], []),
    "one-family": node_config(ADDRESSES, [PEER], [PLAIN]),
    "both-families": node_config(ADDRESSES, [PEER, PEER6], [PLAIN, PLAIN6]),
    "attributes": node_config(ADDRESSES, [PEER, PEER6], [TAGGED, PLAIN6._replace(local_pref=7)]),
    "other-attributes": node_config(ADDRESSES, [PEER], [TAGGED._replace(local_pref=0, communities=())]),
    "far-peer": node_config(ADDRESSES, [FAR, PEER6], [PLAIN]),
    "other-times": node_config(ADDRESSES, [PEER._replace(hold_s=9, keepalive_s=3, connect_s=5)], []),
    "well-known-communities": node_config(ADDRESSES, [PEER], [PLAIN._replace(communities=WELL_KNOWN)]),
    "password": node_config(ADDRESSES, [PEER._replace(password="s3cret!"), PEER6], [PLAIN]),
    "other-as": node_config(ADDRESSES, [PEER._replace(my_asn=65000, asn=65000)], [PLAIN]),
    "outside": outside_config((PEER.address, PEER6.address), [PEER, PEER6], HOSTS),
    "outside-with-a-password": outside_config((PEER.address,), [PEER._replace(password="#1?")], HOSTS),
    "outside-inside-the-as": outside_config((PEER.address,), [PEER._replace(asn=64512)], HOSTS),
}


@pytest.fixture
def bgpd(tmp_path):
    """Run a bgpd with one configuration; give its socket."""
    with ExitStack() as stack:
        netns.create(PLACE)
        stack.callback(netns.delete, PLACE)
        unit = node_unit(PLACE, Path("/run/netns") / PLACE, tmp_path / "frr")

        async def start(config):
            prepare(unit)
            (unit.directory / "bgpd.conf").write_text(render(config, PLACE))
            running = process.start_detached(
                argv(unit, "bgpd", find_frr()), tmp_path / "bgpd.log", env={"PATH": os.environ["PATH"]}
            )
            stack.callback(process.wait_gone, running, 10)
            stack.callback(process.kill, running, signal.SIGKILL)
            socket = unit.directory / "bgpd.vty"

            async def listens():
                with suppress(RouterError):
                    async with opened(socket):
                        return True

            await eventually(listens)
            return socket

        yield start


async def has(socket):
    async with opened(socket) as vty:
        return parse((await vty.ask("show running-config"))[1])


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
async def test_it_prints_what_it_was_given(bgpd, config):
    assert list(changes(await has(await bgpd(config)), config)) == []


async def test_it_goes_from_any_configuration_to_any_other(bgpd):
    socket = await bgpd(CONFIGS["nothing"])
    names = list(CONFIGS)
    walk = [
        CONFIGS[names[(position * step) % len(names)]] for step in (1, 3, 7) for position in range(len(names))
    ]
    for config in walk:
        await bring(socket, config)

        assert list(changes(await has(socket), config)) == []


async def test_a_line_that_it_does_not_know_is_told(bgpd):
    socket = await bgpd(CONFIGS["one-family"])

    with pytest.raises(RouterError, match="bgpd refuses 'bgp tell-everybody'"):
        await bring(socket, {("router bgp 64512",): ("bgp tell-everybody",)})
