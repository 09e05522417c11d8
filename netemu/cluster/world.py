"""The world that one cluster makes, as a value: places, addresses, names. Pure.

```
fabric   bridge fabric0 = the data-centre switch
outside  eth0 = first address of the hosts range; everyone's default gateway
node-N   eth0 = tenth + N; cni0 and the overlay below it
```
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Interface, IPv4Network

from msgspec import Struct

from netemu.ipam.ranges import node_slice
from netemu.naming import ClusterName, IfName, NetnsName, NodeName, interface_name, place_netns, short_hash
from netemu.settings import Settings

FABRIC = "fabric"
OUTSIDE = "outside"
FABRIC_BRIDGE = IfName("fabric0")
FIRST_NODE_OFFSET = 10
HOST_MTU_BYTES = 1500
VXLAN_MTU_BYTES = HOST_MTU_BYTES - 50  # outer Ethernet, IPv4, UDP and VXLAN headers (RFC 7348)
VXLAN_ID = 1
VXLAN_PORT = 8472  # Linux' and flannel's, not IANA's 4789
VXLAN_LINK = IfName("vxlan.1")


class NodePlace(Struct, frozen=True, kw_only=True):
    """Where one node is in the three ranges; its names and MAC addresses follow from them."""

    name: NodeName
    netns: NetnsName
    address: IPv4Interface
    mac: str
    port: IfName
    pod_cidr: IPv4Network
    vtep: IPv4Address
    vtep_mac: str
    zone: str = ""


class World(Struct, frozen=True, kw_only=True):
    """Everything that ``up`` makes before the first pod."""

    cluster: ClusterName
    fabric: NetnsName
    outside: NetnsName
    outside_address: IPv4Interface
    outside_mac: str
    outside_port: IfName
    nodes: tuple[NodePlace, ...]

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
    hosts = settings.hosts
    return World(
        cluster=cluster,
        fabric=place_netns(cluster, FABRIC),
        outside=place_netns(cluster, OUTSIDE),
        outside_address=IPv4Interface((hosts[1], hosts.prefixlen)),
        outside_mac=mac_address(cluster, OUTSIDE),
        outside_port=interface_name(cluster, OUTSIDE),
        nodes=tuple(_plan_node(settings, cluster, number) for number in range(1, settings.nodes + 1)),
    )


def mac_address(*identity: str) -> str:
    """Derive a locally administered unicast MAC address (IEEE 802, second-least bit set)."""
    digits = short_hash(*identity)
    return "02:" + ":".join(digits[i : i + 2] for i in range(0, 10, 2))


def _plan_node(settings: Settings, cluster: ClusterName, number: int) -> NodePlace:
    name = NodeName(f"node-{number}")
    pod_cidr = node_slice(settings.pods, settings.max_pods, number - 1)
    return NodePlace(
        name=name,
        netns=place_netns(cluster, name),
        address=IPv4Interface((settings.hosts[FIRST_NODE_OFFSET + number], settings.hosts.prefixlen)),
        mac=mac_address(cluster, name),
        port=interface_name(cluster, name),
        pod_cidr=pod_cidr,
        vtep=pod_cidr.network_address,
        vtep_mac=mac_address(cluster, name, VXLAN_LINK),
        zone=settings.zones[(number - 1) % len(settings.zones)] if settings.zones else "",
    )
