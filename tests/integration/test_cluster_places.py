"""The places of a cluster and the network between its pods, on the real kernel."""

import asyncio
import errno
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from netemu.agent.ports import Sandbox
from netemu.cluster.fabric import ETH0, ensure_places
from netemu.cluster.names import prepare_names, release_names
from netemu.cluster.network import CniNetwork, install_configuration
from netemu.cluster.overlay import OverlaySyncer, Peer
from netemu.cluster.processes import STANDIN, end_processes, ensure_process, standin_argv
from netemu.cluster.record import Record
from netemu.cluster.wirer import NodeWiring, Request, WirerClient
from netemu.cluster.wires import Workshop
from netemu.cluster.world import VXLAN_LINK, plan_world
from netemu.cni.attachment import Attachment
from netemu.linux import mounts, netns
from netemu.linux.netlink import Netlink
from netemu.runtime.connection import Connection
from netemu.runtime.errors import DisconnectedError
from netemu.settings import Paths, Settings
from netemu.testing.eventually import eventually


class Here:
    """Wires pods in this very process."""

    def __init__(self, paths: Paths) -> None:
        self.workshop = Workshop(paths)

    async def attach(self, node, attachment):
        return self.workshop.do(Request(1, "attach", node, attachment))

    async def detach(self, node, attachment):
        return self.workshop.do(Request(2, "detach", node, attachment))


class Places:
    """A cluster without processes."""

    def __init__(self, settings: Settings, root: Path) -> None:
        self.settings = settings
        self.paths = Paths(state=root / "state" / settings.name, run=root / "run" / settings.name)
        self.paths.run.mkdir(parents=True)
        self.record = Record(self.paths.run)
        self.world = plan_world(settings)
        self.networks: dict[str, CniNetwork] = {}
        self.here = Here(self.paths)

    def make(self) -> None:
        prepare_names(self.paths)
        ensure_places(self.world, self.settings, self.paths, self.record)

    def remove(self) -> None:
        for network in self.networks.values():
            network.close()
        self.here.workshop.close()
        end_processes(self.record, [STANDIN])
        for name, _facts in self.record.entries("netns"):
            netns.delete(name, self.paths.netns)
        release_names(self.paths)

    def wire(self) -> None:
        """Give every node its CNI and its routes to the others."""
        for node in self.world.nodes:
            for directory in ("etc/cni/net.d", "opt/cni/bin", "var/lib"):
                (self.paths.node_state(node.name) / directory).mkdir(parents=True)
            install_configuration(node, self.settings, self.paths)
            self.networks[node.name] = CniNetwork(node, self.paths, self.record, self.here)
            with netns.opened(self.paths.netns / node.netns) as fd, Netlink.open(fd) as netlink:
                vxlan = netlink.link_index(VXLAN_LINK) if self.settings.overlay == "vxlan" else 0
                eth0 = netlink.link_index(ETH0)
                syncer = OverlaySyncer(self.settings.overlay, node.name, netlink, eth0=eth0, vxlan=vxlan)
                for other in self.world.nodes:
                    peer = Peer(
                        hosts=other.ips,
                        pod_cidrs=other.pod_cidrs,
                        vtep_mac=other.vtep_mac,
                    )
                    syncer.sync(other.name, peer)

    async def pod(self, node: str, name: str) -> tuple[str, str]:
        """Wire a pod; gives its namespace and address."""
        sandbox = Sandbox(uid=f"uid-{name}", namespace="default", name=name, netns=f"ne-t-pod-{name}")
        addresses = await self.networks[node].attach(sandbox)
        return sandbox.netns, addresses[-1]


@pytest.fixture(params=["vxlan", "host-gw"])
def places(request, tmp_path):
    made = Places(Settings(name="t", nodes=2, overlay=request.param), tmp_path)
    made.make()
    yield made
    made.remove()


@pytest.fixture(
    params=[("vxlan", "auto"), ("host-gw", "auto"), ("vxlan", "off")], ids=["vxlan", "host-gw", "routed"]
)
def dual(request, tmp_path):
    overlay, netfilter = request.param
    settings = Settings(
        name="t",
        nodes=2,
        overlay=overlay,
        bridge_netfilter=netfilter,
        host_cidr=("172.30.0.0/16", "fd00:172:30::/64"),
        pod_cidr=("10.244.0.0/16", "fd00:10:244::/56"),
        service_cidr=("10.96.0.0/16", "fd00:10:96::/112"),
    )
    made = Places(settings, tmp_path)
    made.make()
    made.wire()
    yield made
    made.remove()


def listen(place: str) -> socket.socket:
    with netns.opened(place) as fd:
        server = netns.open_socket(fd, socket.AF_INET6, socket.SOCK_STREAM)
    server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    server.settimeout(30)
    server.bind(("", 8080))
    server.listen()
    return server


def connect(place: str, address: str, port: int = 8080) -> socket.socket:
    with netns.opened(place) as fd:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        client = netns.open_socket(fd, family, socket.SOCK_STREAM)
    client.settimeout(30)
    client.connect((address, port))
    return client


def source_seen(server_place: str, client_place: str, address: str) -> str:
    """Connect, and give the address that the server saw."""
    with listen(server_place) as server, connect(client_place, address):
        connection, source = server.accept()
        connection.close()
        return source[0].removeprefix("::ffff:")


def test_making_the_places_again_changes_nothing(places):
    before = routes_of(places)
    places.make()

    assert routes_of(places) == before


def routes_of(places: Places) -> dict[str, list[str]]:
    found = {}
    for name in places.world.places().values():
        with netns.opened(name) as fd, Netlink.open(fd) as netlink:
            found[name] = sorted(map(str, netlink.dump_routes()))
    return found


def test_nodes_and_outside_reach_each_other(places):
    first, second = places.world.nodes
    outside = places.world.outside

    assert source_seen(second.netns, first.netns, str(second.address.ip)) == str(first.address.ip)
    assert source_seen(first.netns, outside, str(first.address.ip)) == "172.30.0.1"


def test_outside_refuses_the_internet_at_once(places):
    with pytest.raises(OSError, match=r"unreachable|No route") as refused:
        connect(places.world.nodes[0].netns, "192.0.2.1")

    assert refused.value.errno in (errno.EHOSTUNREACH, errno.ENETUNREACH)


def test_a_pod_is_refused_at_once_by_addresses_of_no_node(places):
    places.wire()
    (pod, _ip) = asyncio.run(places.pod("node-1", "a"))
    with pytest.raises(OSError, match=r"unreachable|No route") as refused:
        connect(pod, "10.244.77.1")

    assert refused.value.errno in (errno.EHOSTUNREACH, errno.ENETUNREACH)


def test_pods_of_two_nodes_reach_each_other_without_nat(places):
    places.wire()
    (here, here_ip) = asyncio.run(places.pod("node-1", "a"))
    (there, there_ip) = asyncio.run(places.pod("node-2", "b"))

    assert source_seen(there, here, there_ip) == here_ip
    assert source_seen(here, there, here_ip) == there_ip


def test_a_pod_leaves_the_pods_range_with_its_nodes_address(places):
    places.wire()
    (pod, _ip) = asyncio.run(places.pod("node-2", "a"))
    node = places.world.node("node-2")

    assert source_seen(places.world.outside, pod, "172.30.0.1") == str(node.address.ip)


def test_a_pod_that_is_detached_leaves_no_name_lease_or_record(places):
    places.wire()
    network = places.networks["node-1"]
    asyncio.run(places.pod("node-1", "a"))
    (sandbox,) = network.present()
    assert sandbox.addresses == ("10.244.0.2",)
    asyncio.run(network.detach(sandbox))

    assert network.present() == []
    assert sandbox.netns not in netns.list_names(places.paths.netns)


def test_attaching_again_gives_the_same_address(places):
    places.wire()
    first = asyncio.run(places.pod("node-1", "a"))
    netns.delete(first[0], places.paths.netns)  # as after a reboot

    assert asyncio.run(places.pod("node-1", "a")) == first


def test_the_directory_of_names_is_left_as_it_was_found(tmp_path):
    directory = Path("/run/netns")
    was_there = directory.exists()
    made = Places(Settings(name="u", nodes=1), tmp_path)
    made.make()
    made.remove()

    assert directory.exists() is was_there
    assert not os.path.ismount(directory) or was_there


def test_the_directory_of_names_stays_for_a_cluster_that_has_no_name_in_it_yet(tmp_path):
    going, coming = (Places(Settings(name=name, nodes=1), tmp_path) for name in ("going", "coming"))
    going.make()
    prepare_names(coming.paths)
    going.remove()

    assert Path("/run/netns") in [mount.path for mount in mounts.mounts_below(Path("/run/netns"))]
    coming.make()
    coming.remove()
    assert not [path.name for path in (tmp_path / "run").iterdir() if path.name.startswith(".")]


def test_pods_of_ipv6_reach_each_other_on_one_node_and_on_two_without_nat(dual):
    (here, here_ip) = asyncio.run(dual.pod("node-1", "a"))
    (beside, beside_ip) = asyncio.run(dual.pod("node-1", "b"))
    (there, there_ip) = asyncio.run(dual.pod("node-2", "c"))

    assert source_seen(there, here, there_ip) == here_ip
    assert source_seen(here, there, here_ip) == there_ip
    assert source_seen(beside, here, beside_ip) == here_ip


def test_pods_of_ipv6_leave_with_their_nodes_address(dual):
    (pod, _ip) = asyncio.run(dual.pod("node-1", "a"))

    assert source_seen(dual.world.outside, pod, "fd00:172:30::1") == "fd00:172:30::b"
    assert source_seen(dual.world.nodes[1].netns, pod, "fd00:172:30::c") == "fd00:172:30::b"


@pytest.mark.parametrize("address", ["fd00:10:244:77::1", "2001:db8::1"])
def test_a_pod_of_ipv6_is_refused_at_once_where_nobody_is(dual, address):
    (pod, _ip) = asyncio.run(dual.pod("node-1", "a"))
    with pytest.raises(OSError, match=r"unreachable|No route") as refused:
        connect(pod, address)

    assert refused.value.errno in (errno.EHOSTUNREACH, errno.ENETUNREACH)


def test_making_places_of_both_families_again_changes_nothing(dual):
    before = routes_of(dual)
    dual.make()

    assert routes_of(dual) == before


@asynccontextmanager
async def wirer(places: Places) -> AsyncIterator[WirerClient]:
    """Give a client of the process that wires pods, which is started."""
    client = WirerClient(places.paths.wirer_socket)
    ensure_process(places.record, STANDIN, standin_argv(places.paths), places.paths.run / "standin.log")
    await eventually(lambda: answers(places.paths.standin_socket))
    yield client
    client.close()


async def answers(path: Path) -> bool:
    try:
        Connection.close(await Connection.open(path))
    except DisconnectedError:
        return False
    return True


def pod_of(name: str) -> Attachment:
    return Attachment(container_id=name, netns=f"/run/netns/ne-t-pod-{name}", pod_uid=name)


async def killed_in_between(places: Places) -> tuple[list[tuple[str, ...] | None], list[bool]]:
    """Wire two pods, the second after the process was killed; take both away again."""
    node = NodeWiring("node-1", places.world.nodes[0].netns)
    async with wirer(places) as client:
        given = [await client.attach(node, pod_of("a"))]
        end_processes(places.record, [STANDIN])
        with pytest.raises(DisconnectedError):
            await client.attach(node, pod_of("b"))
    async with wirer(places) as client:
        given += [await client.attach(node, pod_of(name)) for name in ("a", "b")]
        return given, [await client.detach(node, pod_of(name)) for name in ("a", "b")]


def test_the_process_that_wires_pods_may_be_killed(places):
    places.wire()

    given, undone = asyncio.run(killed_in_between(places))

    assert given == [("10.244.0.2",), ("10.244.0.2",), ("10.244.0.3",)]
    assert undone == [True, True]
