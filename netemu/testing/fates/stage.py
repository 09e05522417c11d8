"""[IO] A ``service_world`` on which the table's cases can happen, and the whole table on it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, closing, contextmanager
from pathlib import Path

from netemu.api.client import Client
from netemu.cluster.masquerade import Masquerade
from netemu.linux import netns
from netemu.nft.expressions import Address
from netemu.testing import service_world
from netemu.testing.fake_client import FakeClient
from netemu.testing.fates.case import Case, Fate, Target
from netemu.testing.fates.manifest import LATER_CLUSTER_IPS, PLACES, PORT, Manifest
from netemu.testing.fates.oracle import fate
from netemu.testing.fates.probe import Expected, Prober
from netemu.testing.service_world import NODES, NODES6, SETTINGS, Places, Server

# (places, client, masquerade all) → the proxy of all nodes, for the length of a block.
Proxied = Callable[[Places, Client, bool], AbstractAsyncContextManager[object]]


@contextmanager
def stage(cases: Collection[Case]) -> Iterator[Places]:
    """Make a world in which balancers' addresses are announced by node-1 and pods leave as on a real node."""
    manifest = Manifest.of(cases)
    proxies = {manifest.destination(case)[0] for case in cases if case.target is Target.PROXY}
    with service_world.world() as places:
        service_world.ip(
            places["outside"],
            f"route add 198.18.0.0/15 via {NODES['node-1']}",
            f"route add 2001:db8:18::/47 via {NODES6['node-1']}",
            f"route add {LATER_CLUSTER_IPS[4]} via {NODES['node-1']}",
            f"route add {LATER_CLUSTER_IPS[6]} via {NODES6['node-1']}",
            *(f"addr add {address} dev lo" for address in proxies),
        )
        for node in NODES:
            with closing(Masquerade(places[node], "test", SETTINGS.pod_ranges, "eth0")) as masquerade:
                masquerade.ensure()
            with netns.entered(places[node]):
                # Every refusal is told at once.
                Path("/proc/sys/net/ipv4/icmp_ratemask").write_text("0")
        with service_world.served(_servers(places, proxies)):
            yield places


def _servers(places: Places, proxies: Collection[Address]) -> Iterator[Server]:
    """Those on the network of nodes, and balancers that want to see every packet themselves."""
    for node in NODES:
        for version in (4, 6):
            yield Server(node, places[node], str(PLACES[version][node]))
    for address in proxies:
        yield Server("outside", places["outside"], str(address), PORT)


async def observe(
    places: Places, cases: Collection[Case], proxied: Proxied, expected: Expected = fate
) -> Mapping[Case, frozenset[Fate]]:
    """Send all cases past the proxies that ``proxied`` makes, and give what became of each."""
    manifest = Manifest.of(cases)
    prober = Prober(places, manifest)
    found: dict[Case, frozenset[Fate]] = {}
    for masquerade_all in sorted({case.masquerade_all for case in cases}):
        some = [case for case in cases if case.masquerade_all is masquerade_all]
        async with proxied(places, FakeClient(*manifest.objects()), masquerade_all):
            with prober.listening():
                found |= await prober.observe(some, expected)
    return found
