"""A node with a client and a server, made by hand, and as many Services in its kernel as wanted."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

from results import MeasurementError

from netemu.informer.cache import Key
from netemu.linux import netns
from netemu.naming import NodeName
from netemu.nft.expressions import L4
from netemu.proxy.groups import NodeView
from netemu.proxy.ids import ID_MASK
from netemu.proxy.index import Endpoint, PortKey
from netemu.proxy.kernel import NodeKernel
from netemu.proxy.plan import Elements, Frontend
from netemu.proxy.rules import NodeRules

SERVER, CLIENT = IPv4Address("10.244.1.2"), IPv4Address("10.244.1.6")
SERVICE = IPv4Address("10.96.0.10")

_NODE = NodeView(
    NodeName("node-1"),
    (IPv4Address("172.30.0.11"),),
    IPv4Network("10.244.0.0/15"),
    IPv4Network("10.96.0.0/14"),
)


class World(NamedTuple):
    """Paths of its namespaces."""

    server: Path
    client: Path


@contextmanager
def world(services: int, port: int) -> Iterator[World]:
    """Have one for the length of a block; `SERVICE` leads to the server's port."""
    prefix = f"world-{os.getpid()}-{services}"
    node, server, client = (f"{prefix}-{part}" for part in ("node", "server", "client"))
    try:
        for name in (node, server, client):
            netns.create(name)
        for name, address in ((server, SERVER), (client, CLIENT)):
            _wire(node, name, address)
        _ip("netns", "exec", node, "sysctl", "-q", "net.ipv4.ip_forward=1")
        with netns.opened(node) as fd:
            _load(fd, services, port)
        yield World(netns.RUN_NETNS / server, netns.RUN_NETNS / client)
    finally:
        for name in (node, server, client):
            netns.delete(name)


def _wire(node: str, name: str, address: IPv4Address) -> None:
    """Give a namespace a link to the node, which is its gateway: the address before its own."""
    device = f"to-{name.rpartition('-')[2]}"
    _ip("-n", node, "link", "add", device, "type", "veth", "peer", "name", "eth0", "netns", name)
    _ip("-n", node, "address", "add", f"{address - 1}/30", "dev", device)
    _ip("-n", node, "link", "set", device, "up")
    _ip("-n", name, "address", "add", f"{address}/30", "dev", "eth0")
    _ip("-n", name, "link", "set", "eth0", "up")
    _ip("-n", name, "route", "add", "default", "via", str(address - 1))


def _ip(*words: str) -> None:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise MeasurementError(f"ip {' '.join(words)}: {done.stderr.strip()}")


def _load(ns_fd: int, services: int, port: int) -> None:
    plans = {_key(number): _plan(number, port) for number in range(services)}
    kernel = NodeKernel(ns_fd)
    for transaction in NodeRules(_NODE).load(plans):
        kernel.apply(transaction)
    kernel.close()


def _key(number: int) -> PortKey:
    return PortKey(Key("default", f"service-{number}"), "")


def _plan(number: int, port: int) -> Elements:
    """Plan one Service: the first leads to the server, the others to where nobody is."""
    first = IPv4Address("10.245.0.0") + number
    endpoints = (
        (Endpoint(SERVER, port),) if not number else (Endpoint(first, port), Endpoint(first, port + 1))
    )
    id = number and crc32(str(number).encode()) & ID_MASK
    return Elements(id or 1, Frontend(SERVICE + number, L4.TCP, port), (), None, endpoints)
