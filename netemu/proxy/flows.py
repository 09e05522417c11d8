"""[IO] What every mode of the proxy asks of a node's kernel beside its rules."""

from __future__ import annotations

import socket
from collections.abc import Iterator

from netemu.linux import sysctl
from netemu.linux.conntrack import Conntrack, Endpoint, Flow
from netemu.nft.expressions import Family
from netemu.proxy.stale import Expected, UdpFlow, is_stale

# Each question costs the kernel a walk over all flows of the machine, each answer costs us.
_ASKED_FOR = 4

# What kube-proxy sets (--conntrack-tcp-timeout-established, --conntrack-tcp-timeout-close-wait).
_TIMEOUTS_S = {
    "net/netfilter/nf_conntrack_tcp_timeout_established": 86400,
    "net/netfilter/nf_conntrack_tcp_timeout_close_wait": 3600,
}


def set_timeouts(ns_fd: int) -> None:
    """Set how long connections without packets are remembered; idempotent."""
    sysctl.ensure(ns_fd, {name: value for name, value in _TIMEOUTS_S.items() if sysctl.has(ns_fd, name)})


def let_localhost_out(ns_fd: int) -> None:
    """Let packets with an address of 127.0.0.0/8 pass links: a NodePort's, on their way to a pod.

    Whoever asks for it keeps those of others out.
    """
    sysctl.ensure(ns_fd, {"net/ipv4/conf/all/route_localnet": 1})


def open_conntrack(ns_fd: int, family: Family) -> Conntrack:
    """Open a socket for ``end_stale``, which closes it: it is rarely needed.

    Raises:
        KernelError: connection tracking cannot be asked.

    """
    return Conntrack.open(ns_fd, socket.AF_INET if family is Family.IP else socket.AF_INET6)


def end_stale(conntrack: Conntrack, expected: Expected) -> int:
    """End the UDP flows that do not agree with ``expected``, and the socket; return how many.

    Raises:
        KernelError: connection tracking cannot be asked.

    """
    try:
        stale = [
            flow
            for flow in _flows_to(conntrack, expected)
            if is_stale(UdpFlow(flow.destination, flow.answered_by), expected)
        ]
        return sum(conntrack.end(flow) for flow in stale)
    finally:
        conntrack.close()


def _flows_to(conntrack: Conntrack, expected: Expected) -> Iterator[Flow]:
    """Give the flows to some destinations; to many of them, all there are, in one go."""
    destinations = [Endpoint(*destination) for destination in expected]
    for destination in destinations if len(destinations) <= _ASKED_FOR else [None]:
        yield from conntrack.udp_flows(destination)
