"""How long a change takes from its write over the API until every node's kernel has it.

``probe.py API_SOCKET NETNS...``: for each line of standard input, the endpoint of one Service gets another
address, and the milliseconds are printed until the kernel of each of these namespaces told of an element
with that address.
"""

from __future__ import annotations

import json
import select
import socket
import sys
import time
from contextlib import ExitStack
from ipaddress import IPv4Address
from typing import Any

from made_services import slices
from raw_api import RawConnection, render_request
from results import MeasurementError

from netemu.linux import netns

NUMBER = 60_000  # a Service that nobody else has
SLICES = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"
PATCH = "application/merge-patch+json"
GIVE_UP_S = 60.0

_FIRST = IPv4Address("10.245.1.0")
_NETLINK_NETFILTER, _NFTABLES_GROUP = 12, 7
_SOL_NETLINK, _ADD_MEMBERSHIP = 270, 1
_RECEIVE_BYTES = 1 << 17


def probe(connection: RawConnection, places: list[str], address: IPv4Address) -> float:
    """Give the milliseconds of one change."""
    obj = slices(NUMBER, 1)[0]
    endpoints = [{**obj["endpoints"][0], "addresses": [str(address)]}]
    path = f"{SLICES}/{obj['metadata']['name']}"
    request = render_request("PATCH", path, json.dumps({"endpoints": endpoints}).encode(), PATCH)
    with ExitStack() as stack:
        listeners = [stack.enter_context(_listener(place)) for place in places]
        start = time.monotonic()
        answer = connection.ask(request)
        if answer.status != 200:
            raise MeasurementError(f"patch {path}: {answer.status} {answer.body[:300]!r}")
        return (_wait(listeners, address.packed) - start) * 1000


def _listener(place: str) -> socket.socket:
    with netns.opened(place) as fd:
        sock = netns.open_socket(fd, socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_NETFILTER)
    sock.bind((0, 0))
    sock.setsockopt(_SOL_NETLINK, _ADD_MEMBERSHIP, _NFTABLES_GROUP)
    return sock


def _wait(listeners: list[socket.socket], address: bytes) -> float:
    missing = set(listeners)
    while missing:
        ready, _, _ = select.select(list(missing), [], [], GIVE_UP_S)
        if not ready:
            raise MeasurementError(f"{len(missing)} nodes did not get an endpoint in {GIVE_UP_S:.0f} s")
        missing -= {sock for sock in ready if address in sock.recv(_RECEIVE_BYTES)}
    return time.monotonic()


def _answer(value: Any) -> None:
    print(json.dumps(value), flush=True)


def main(api_socket: str, *places: str) -> None:
    """Probe as often as asked."""
    connection = RawConnection(api_socket)
    _answer({})
    for turn, _ in enumerate(sys.stdin, start=1):
        _answer({"value": probe(connection, list(places), _FIRST + turn)})


if __name__ == "__main__":
    main(*sys.argv[1:])
