"""The world that one cluster makes, as a value: places, addresses, names. Pure.

```
fabric   bridge fabric0 = the data-centre switch
outside  eth0 = first address of the hosts range; everyone's default gateway
node-N   eth0 = tenth + N; cni0 and the overlay below it
```
"""

from __future__ import annotations

from ipaddress import (
    IPv4Address,
    IPv4Interface,
    IPv6Address,
    IPv6Interface,
    ip_interface,
)

from msgspec import Struct

from netemu.ipam.ranges import node_slice
from netemu.naming import ClusterName, IfName, NetnsName, NodeName, interface_name, place_netns, short_hash
from netemu.settings import Network, Settings

Address = IPv4Address | IPv6Address
Interface = IPv4Interface | IPv6Interface

FABRIC = "fabric"
OUTSIDE = "outside"
FABRIC_BRIDGE = IfName("fabric0")
FIRST_NODE_OFFSET = 10
HOST_MTU_BYTES = 1500
# Outer Ethernet, IP, UDP and VXLAN headers (RFC 7348).
VXLAN_OVERHEAD_BYTES = {4: 50, 6: 70}
VXLAN_ID = 1
VXLAN_PORT = 8472  # Linux' and flannel's, not IANA's 4789
VXLAN_LINK = IfName("vxlan.1")


class NodePlace(Struct, frozen=True, kw_only=True):
    """Where one node is in the three ranges; its names and MAC addresses follow from them.

    What comes in families has the cluster's first one first; ``address`` and ``pod_cidr`` are of it.
    """

    name: NodeName
    netns: NetnsName
    addresses: tuple[Interface, ...]
    mac: str
    port: IfName
    pod_cidrs: tuple[Network, ...]
    vtep_mac: str
    zone: str = ""

    @property
    def address(self) -> Interface:
        """The node's first address."""
        return self.addresses[0]

    @property
    def pod_cidr(self) -> Network:
        """The node's first slice."""
        return self.pod_cidrs[0]

    @property
    def ips(self) -> tuple[Address, ...]:
        """The node's addresses, without their prefixes."""
        return tuple(address.ip for address in self.addresses)


class World(Struct, frozen=True, kw_only=True):
    """Everything that ``up`` makes before the first pod."""

    cluster: ClusterName
    fabric: NetnsName
    outside: NetnsName
    outside_addresses: tuple[Interface, ...]
    outside_mac: str
    outside_port: IfName
    nodes: tuple[NodePlace, ...]

    @property
    def outside_address(self) -> Interface:
        """The first address of ``outside``."""
        return self.outside_addresses[0]

    def places(self) -> dict[str, NetnsName]:
        """Give every place's network namespace by the name people use."""
        return {
            **{node.name: node.netns for node in self.nodes},
            OUTSIDE: self.outside,
            FABRIC: self.fabric,
        }

    def node(self, name: str) -> NodePlace:
        """Find a node.

        Raises:
            KeyError: there is none of that name.

        """
        for node in self.nodes:
            if node.name == name:
                return node
        raise KeyError(name)


def plan_world(settings: Settings) -> World:
    """Decide all places of a cluster; equal settings give equal places."""
    cluster = ClusterName(settings.name)
    return World(
        cluster=cluster,
        fabric=place_netns(cluster, FABRIC),
        outside=place_netns(cluster, OUTSIDE),
        outside_addresses=tuple(host_interface(hosts, 1) for hosts in settings.host_ranges),
        outside_mac=mac_address(cluster, OUTSIDE),
        outside_port=interface_name(cluster, OUTSIDE),
        nodes=tuple(_plan_node(settings, cluster, number) for number in range(1, settings.nodes + 1)),
    )


def host_interface(hosts: Network, position: int) -> Interface:
    """Give an address of the hosts range with its prefix, counted from its start, or (negative) its end."""
    return ip_interface((hosts[position], hosts.prefixlen))


def vtep_of(pods: Network) -> Address:
    """Give the address of a node's end of the tunnel: one of its slice that no pod gets.

    As flannel does: the first. In IPv6 that is the subnet's anycast address (RFC 4291), so the last.
    """
    return pods[0] if pods.version == 4 else pods[-1]


def vxlan_mtu_bytes(settings: Settings) -> int:
    """Give what fits into the tunnel, which runs over the first family."""
    return HOST_MTU_BYTES - VXLAN_OVERHEAD_BYTES[settings.hosts.version]


def mac_address(*identity: str) -> str:
    """Derive a locally administered unicast MAC address (IEEE 802, second-least bit set)."""
    digits = short_hash(*identity)
    return "02:" + ":".join(digits[i : i + 2] for i in range(0, 10, 2))


def _plan_node(settings: Settings, cluster: ClusterName, number: int) -> NodePlace:
    name = NodeName(f"node-{number}")
    return NodePlace(
        name=name,
        netns=place_netns(cluster, name),
        addresses=tuple(host_interface(hosts, FIRST_NODE_OFFSET + number) for hosts in settings.host_ranges),
        mac=mac_address(cluster, name),
        port=interface_name(cluster, name),
        pod_cidrs=tuple(node_slice(pods, settings.max_pods, number - 1) for pods in settings.pod_ranges),
        vtep_mac=mac_address(cluster, name, VXLAN_LINK),
        zone=settings.zones[(number - 1) % len(settings.zones)] if settings.zones else "",
    )
