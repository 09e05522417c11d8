"""[IO] Make the places of a cluster: fabric, outside, nodes; idempotent, and after a reboot again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from ipaddress import ip_interface, ip_network
from pathlib import Path

from netemu.cluster.masquerade import Masquerade
from netemu.cluster.record import Record
from netemu.cluster.world import (
    FABRIC_BRIDGE,
    HOST_MTU_BYTES,
    OUTSIDE,
    VXLAN_ID,
    VXLAN_LINK,
    VXLAN_PORT,
    Interface,
    NodePlace,
    World,
    mac_address,
    vtep_of,
    vxlan_mtu_bytes,
)
from netemu.linux import messages, netns, sysctl
from netemu.linux.netlink import Netlink
from netemu.naming import IfName, NetnsName
from netemu.settings import Paths, Settings

ETH0 = IfName("eth0")
EVERYWHERE = {4: ip_network("0.0.0.0/0"), 6: ip_network("::/0")}

# A cluster without IPv6 has none anywhere: no router solicitation or MLD report floods the bridges.
# A kernel without IPv6 has no such setting.
QUIET = {"net/ipv6/conf/all/disable_ipv6": 1, "net/ipv6/conf/default/disable_ipv6": 1}
ROUTER = {
    "net/ipv4/ip_forward": 1,
    # Replies may come in by another link than the one the request left by: tunnel out, eth0 back.
    "net/ipv4/conf/all/rp_filter": 0,
    "net/ipv4/conf/default/rp_filter": 0,
    # Redirects would tell pods of ways past the node's rules.
    "net/ipv4/conf/all/send_redirects": 0,
    "net/ipv4/conf/default/send_redirects": 0,
    # Every refused packet gets its answer at once; by default Linux sends one a second to each host.
    "net/ipv4/icmp_ratelimit": 0,
}
# What links of a place are born with: every address and route is given by us, and nobody asks. They keep
# their link-local addresses: only with one does a router ask who has the next hop of what it forwards.
IPV6 = {
    "net/ipv6/conf/default/disable_ipv6": 0,
    "net/ipv6/conf/default/accept_ra": 0,
    "net/ipv6/conf/default/accept_redirects": 0,
    "net/ipv6/conf/default/router_solicitations": 0,
    "net/ipv6/conf/default/dad_transmits": 0,
    "net/ipv6/conf/default/accept_dad": 0,
}
IPV6_ROUTER = IPV6 | {"net/ipv6/conf/all/forwarding": 1, "net/ipv6/icmp/ratelimit": 0}
# Before Linux 6.12 this one is the machine's, and not ours to change.
TALKATIVE = {"net/ipv4/icmp_msgs_per_sec": 100000}


def open_masquerade(world: World, settings: Settings, ns_fd: int) -> Masquerade:
    """Open what keeps the tables of the node behind ``ns_fd`` by which its pods reach the outside."""
    return Masquerade(ns_fd, world.cluster, settings.pod_ranges, ETH0)


def ensure_places(world: World, settings: Settings, paths: Paths, record: Record) -> None:
    """Make every place that is not there, and wire it to the fabric.

    Raises:
        KernelError, PermissionDeniedError: the kernel refuses.

    """
    for name in world.places().values():
        _ensure_netns(name, paths.netns, record)
    _ensure_fabric(world, settings, paths)
    with _place(world.fabric, paths) as (_, fabric):
        bridge = fabric.link_index(FABRIC_BRIDGE)
        _ensure_outside(world, settings, paths, fabric, bridge)
        for node in world.nodes:
            _ensure_node(node, world, settings, paths, fabric, bridge)


def _ensure_netns(name: NetnsName, directory: Path, record: Record) -> None:
    if not netns.exists(name, directory):
        record.add("netns", name, {"place": True})
        netns.delete(name, directory)
        netns.create(name, directory)


@contextmanager
def _place(name: NetnsName, paths: Paths) -> Iterator[tuple[int, Netlink]]:
    with netns.opened(paths.netns / name) as ns_fd, Netlink.open(ns_fd) as netlink:
        yield ns_fd, netlink


def _ensure_fabric(world: World, settings: Settings, paths: Paths) -> None:
    with _place(world.fabric, paths) as (ns_fd, netlink):
        if netlink.find_link(FABRIC_BRIDGE) is None:
            _settle(ns_fd, {}, IPV6 if settings.has_ipv6 else QUIET)
            mac = mac_address(world.cluster, FABRIC_BRIDGE)
            netlink.batch([messages.bridge(FABRIC_BRIDGE, mac=mac, mtu=HOST_MTU_BYTES, up=True)])


def _ensure_outside(world: World, settings: Settings, paths: Paths, fabric: Netlink, bridge: int) -> None:
    with _place(world.outside, paths) as (ns_fd, outside):
        if outside.find_link(ETH0) is None:
            _settle(ns_fd, ROUTER, IPV6_ROUTER if settings.has_ipv6 else QUIET)
            _plug(fabric, bridge, world.outside_port, ns_fd, world.outside_mac, f"{world.cluster}: {OUTSIDE}")
        _bring_up(outside, world.outside_addresses)
        families = [EVERYWHERE[address.version] for address in world.outside_addresses]
        outside.batch([messages.route(everywhere, type="unreachable") for everywhere in families])


def _ensure_node(
    node: NodePlace, world: World, settings: Settings, paths: Paths, fabric: Netlink, bridge: int
) -> None:
    with _place(node.netns, paths) as (ns_fd, netlink):
        if netlink.find_link(ETH0) is None:
            _settle(ns_fd, ROUTER, IPV6_ROUTER if settings.has_ipv6 else QUIET)
            _plug(fabric, bridge, node.port, ns_fd, node.mac, f"{world.cluster}: {node.name}")
        eth0 = _bring_up(netlink, node.addresses)
        gateways = [address.ip for address in world.outside_addresses]
        netlink.batch([messages.route(EVERYWHERE[ip.version], gateway=ip, index=eth0) for ip in gateways])
        for pods, own in zip(settings.pod_ranges, node.pod_cidrs, strict=True):
            if pods != own:
                # Slices of no node would go to `outside`, which has no way back to pods for its refusal.
                netlink.batch([messages.route(pods, type="unreachable")])
        if settings.overlay == "vxlan":
            _ensure_vxlan(node, settings, netlink)
        _masquerade(world, settings, ns_fd)


def _masquerade(world: World, settings: Settings, ns_fd: int) -> None:
    with closing(open_masquerade(world, settings, ns_fd)) as masquerade:
        masquerade.ensure()


def _settle(ns_fd: int, required: dict[str, int], ipv6: dict[str, int]) -> None:
    """Set what a place must have, and what this kernel has of the rest."""
    offered = {name: value for name, value in (ipv6 | TALKATIVE).items() if sysctl.has(ns_fd, name)}
    sysctl.write(ns_fd, required | offered)


def _ensure_vxlan(node: NodePlace, settings: Settings, netlink: Netlink) -> None:
    if netlink.find_link(VXLAN_LINK) is None:
        vxlan = messages.vxlan(
            VXLAN_LINK,
            vni=VXLAN_ID,
            local=node.address.ip,
            port=VXLAN_PORT,
            mac=node.vtep_mac,
            mtu=vxlan_mtu_bytes(settings),
            up=True,
        )
        netlink.batch([vxlan])
    index = netlink.link_index(VXLAN_LINK)
    # With the prefix of a single address.
    netlink.batch([messages.address(index, ip_interface(vtep_of(pods))) for pods in node.pod_cidrs])


def _plug(fabric: Netlink, bridge: int, port: IfName, ns_fd: int, mac: str, alias: str) -> None:
    fabric.batch(
        [
            messages.veth(
                port,
                peer_name=ETH0,
                peer_ns_fd=ns_fd,
                peer_mac=mac,
                mtu=HOST_MTU_BYTES,
                master_index=bridge,
                up=True,
            ),
            messages.set_link(port, alias=alias),
        ]
    )


def _bring_up(netlink: Netlink, addresses: tuple[Interface, ...]) -> int:
    index = netlink.link_index(ETH0)
    given = [messages.address(index, address) for address in addresses]
    netlink.batch([messages.link_up(index), *given])
    return index
