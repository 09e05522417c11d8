"""[IO] The one optional veth between the machine's own namespace and the fabric.

With it the machine's shell reaches the nodes (and so NodePorts); nothing else of the machine
changes, and ``down`` removes it.
"""

from __future__ import annotations

from netemu.cluster.record import Record
from netemu.cluster.world import FABRIC_BRIDGE, HOST_MTU_BYTES, Interface, World, host_interface
from netemu.linux import messages, netns
from netemu.linux.netlink import Netlink
from netemu.naming import IfName, interface_name
from netemu.settings import Paths, Settings

MACHINE = "machine"


def access_link(world: World) -> IfName:
    """Name the machine's end of the veth."""
    return interface_name(world.cluster, MACHINE)


def access_addresses(settings: Settings) -> list[Interface]:
    """Give the machine's address among the hosts, in each family: the last but one of the range."""
    return [host_interface(hosts, -2) for hosts in settings.host_ranges]


def ensure_access(world: World, settings: Settings, paths: Paths, record: Record) -> None:
    """Plug the machine into the fabric; idempotent."""
    name = access_link(world)
    with Netlink.open(None) as machine:
        if machine.find_link(name) is None:
            record.add("link", name)
            port = interface_name(world.cluster, MACHINE, "port")
            with netns.opened(paths.netns / world.fabric) as fabric_fd, Netlink.open(fabric_fd) as fabric:
                machine.batch(
                    [
                        messages.veth(name, peer_name=port, peer_ns_fd=fabric_fd, mtu=HOST_MTU_BYTES),
                        messages.set_link(name, alias=f"{world.cluster}: this machine"),
                    ]
                )
                bridge = fabric.link_index(FABRIC_BRIDGE)
                fabric.batch([messages.set_link(port, master=bridge, up=True)])
        index = machine.link_index(name)
        given = [messages.address(index, address) for address in access_addresses(settings)]
        machine.batch([messages.link_up(index), *given])
