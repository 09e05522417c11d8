"""[IO] Make the places of a cluster: fabric, outside, nodes; idempotent, and after a reboot again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Interface, IPv4Network
from pathlib import Path

from netemu.cluster.record import Record
from netemu.cluster.world import (
    FABRIC_BRIDGE,
    HOST_MTU_BYTES,
    OUTSIDE,
    VXLAN_ID,
    VXLAN_LINK,
    VXLAN_MTU_BYTES,
    VXLAN_PORT,
    NodePlace,
    World,
    mac_address,
)
from netemu.linux import messages, netns, sysctl
from netemu.linux.netlink import Netlink
from netemu.linux.nft import NftContext
from netemu.naming import IfName, NetnsName
from netemu.settings import Paths, Settings

ETH0 = IfName("eth0")
EVERYWHERE = IPv4Network("0.0.0.0/0")

# IPv6 is refused for now; without it no router solicitation or MLD report floods the bridges.
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
# Before Linux 6.12 this one is the machine's, and not ours to change.
TALKATIVE = {"net/ipv4/icmp_msgs_per_sec": 100000}

MASQUERADE = """
table ip netemu-overlay {{ }}
delete table ip netemu-overlay
table ip netemu-overlay {{
    comment "netemu cluster {cluster}: pods leave the pods range with their node's address"
    chain postrouting {{
        type nat hook postrouting priority 101; policy accept;
        ip saddr {pods} ip daddr != {pods} oifname "{eth0}" masquerade
    }}
}}
"""


def ensure_places(world: World, settings: Settings, paths: Paths, record: Record) -> None:
    """Make every place that is not there, and wire it to the fabric.

    Raises:
        KernelError, PermissionDeniedError: the kernel refuses.

    """
    for name in world.places().values():
        _ensure_netns(name, paths.netns, record)
    _ensure_fabric(world, paths)
    with _place(world.fabric, paths) as (_, fabric):
        bridge = fabric.link_index(FABRIC_BRIDGE)
        _ensure_outside(world, paths, fabric, bridge)
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


def _ensure_fabric(world: World, paths: Paths) -> None:
    with _place(world.fabric, paths) as (ns_fd, netlink):
        if netlink.find_link(FABRIC_BRIDGE) is None:
            _settle(ns_fd, {})
            mac = mac_address(world.cluster, FABRIC_BRIDGE)
            netlink.batch([messages.bridge(FABRIC_BRIDGE, mac=mac, mtu=HOST_MTU_BYTES, up=True)])


def _ensure_outside(world: World, paths: Paths, fabric: Netlink, bridge: int) -> None:
    with _place(world.outside, paths) as (ns_fd, outside):
        if outside.find_link(ETH0) is None:
            _settle(ns_fd, ROUTER)
            _plug(fabric, bridge, world.outside_port, ns_fd, world.outside_mac, f"{world.cluster}: {OUTSIDE}")
        _bring_up(outside, world.outside_address)
        outside.batch([messages.route(EVERYWHERE, type="unreachable")])


def _ensure_node(
    node: NodePlace, world: World, settings: Settings, paths: Paths, fabric: Netlink, bridge: int
) -> None:
    with _place(node.netns, paths) as (ns_fd, netlink):
        if netlink.find_link(ETH0) is None:
            _settle(ns_fd, ROUTER)
            _plug(fabric, bridge, node.port, ns_fd, node.mac, f"{world.cluster}: {node.name}")
        eth0 = _bring_up(netlink, node.address)
        netlink.batch([messages.route(EVERYWHERE, gateway=world.outside_address.ip, index=eth0)])
        if settings.pods != node.pod_cidr:
            # Slices of no node would go to `outside`, which has no way back to pods for its refusal.
            netlink.batch([messages.route(settings.pods, type="unreachable")])
        if settings.overlay == "vxlan":
            _ensure_vxlan(node, netlink)
        context = NftContext.open(ns_fd)
        try:
            context.run(MASQUERADE.format(cluster=world.cluster, pods=settings.pods, eth0=ETH0))
        finally:
            context.close()


def _settle(ns_fd: int, required: dict[str, int]) -> None:
    """Set what a place must have, and what this kernel has of the rest."""
    offered = {name: value for name, value in (QUIET | TALKATIVE).items() if sysctl.has(ns_fd, name)}
    sysctl.write(ns_fd, required | offered)


def _ensure_vxlan(node: NodePlace, netlink: Netlink) -> None:
    if netlink.find_link(VXLAN_LINK) is None:
        vxlan = messages.vxlan(
            VXLAN_LINK,
            vni=VXLAN_ID,
            local=node.address.ip,
            port=VXLAN_PORT,
            mac=node.vtep_mac,
            mtu=VXLAN_MTU_BYTES,
            up=True,
        )
        netlink.batch([vxlan])
    index = netlink.link_index(VXLAN_LINK)
    netlink.batch([messages.address(index, IPv4Interface((node.vtep, 32)))])


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


def _bring_up(netlink: Netlink, address: IPv4Interface) -> int:
    index = netlink.link_index(ETH0)
    netlink.batch([messages.link_up(index), messages.address(index, address)])
    return index
