"""Flows of UDP that the kernel tracks: listed all, or by destination, and ended one by one."""

from __future__ import annotations

import socket
import subprocess
from contextlib import ExitStack
from ipaddress import ip_address

import pytest

from netemu.linux import netns
from netemu.linux.conntrack import Conntrack, Endpoint

TRACKING = (
    "table inet tracking { chain output { type filter hook output priority 0; ct state new accept; }; }"
)


@pytest.fixture(params=[("127.0.0.1", socket.AF_INET), ("::1", socket.AF_INET6)], ids=["ipv4", "ipv6"])
def flows_to(node_fd, request):
    """Give a function that makes a flow to a port, and a socket to ask about flows."""
    ip, family = request.param
    argv = ["nsenter", f"--net=/proc/self/fd/{node_fd}", "nft", "-f", "-"]
    subprocess.run(argv, input=TRACKING.encode(), check=True, pass_fds=(node_fd,))
    conntrack = Conntrack.open(node_fd, family)
    with ExitStack() as stack:
        stack.callback(conntrack.close)

        def make(port):
            sock = stack.enter_context(netns.open_socket(node_fd, family, socket.SOCK_DGRAM))
            sock.sendto(b"x", (ip, port))
            return Endpoint(ip_address(ip), port)

        yield make, conntrack


def test_flows_to_one_destination_are_listed_without_the_others(flows_to):
    make, conntrack = flows_to
    first, second = make(1001), make(1002)
    make(1002)

    assert [flow.destination for flow in conntrack.udp_flows(first)] == [first]
    assert [flow.destination for flow in conntrack.udp_flows(second)] == [second] * 2
    assert conntrack.udp_flows(second._replace(port=1003)) == []
    assert len(conntrack.udp_flows()) == 3


def test_an_ended_flow_is_gone_and_its_neighbours_are_not(flows_to):
    make, conntrack = flows_to
    first, second = make(1001), make(1002)
    (flow,) = conntrack.udp_flows(first)

    assert [conntrack.end(flow), conntrack.end(flow)] == [True, False]
    assert [each.destination for each in conntrack.udp_flows()] == [second]
