"""[IO] The one optional veth between the machine's own namespace and the fabric.

With it the machine's shell reaches the nodes (and so NodePorts), and what nodes announce by BGP;
nothing else of the machine changes, and ``down`` removes it.
"""

from __future__ import annotations

import errno
from collections.abc import Collection, Iterator
from ipaddress import ip_network
from socket import AF_INET, AF_INET6

from netemu.balancer.pools import Address
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


class Reach:
    """The machine's routes to what nodes announce by BGP, over `outside`, which knows the ways.

    Addresses of the hosts range alone: no other network of the machine can be meant by them.
    """

    def __init__(self, world: World, settings: Settings) -> None:
        self._link = access_link(world)
        self._gateways = {each.version: each.ip for each in world.outside_addresses}
        self._hosts = settings.host_ranges
        self._held: frozenset[Address] | None = None

    def hold(self, addresses: Collection[Address]) -> None:
        """Have routes to these addresses and no others.

        Raises:
            KernelError, PermissionDeniedError: the kernel refuses; the next call tries again.

        """
        wanted = frozenset(each for each in addresses if any(each in hosts for hosts in self._hosts))
        if wanted == self._held:
            return
        with Netlink.open(None) as machine:
            link = machine.find_link(self._link)
            if link is None:
                return
            had = self._found(machine, link.ifindex) if self._held is None else self._held
            self._held = None  # until it is done nobody knows
            machine.batch(self._changes(link.ifindex, add=wanted - had, remove=had - wanted))
        self._held = wanted

    def _changes(
        self, index: int, *, add: Collection[Address], remove: Collection[Address]
    ) -> Iterator[messages.Message]:
        for each in sorted(remove, key=int):
            gone = messages.delete_route(ip_network(each), gateway=self._gateways[each.version], index=index)
            yield gone.tolerating(errno.ESRCH)
        for each in sorted(add, key=int):
            yield messages.route(ip_network(each), gateway=self._gateways[each.version], index=index)

    def _found(self, machine: Netlink, index: int) -> frozenset[Address]:
        routes = (route for family in (AF_INET, AF_INET6) for route in machine.dump_routes(family))
        return frozenset(
            route.dst.network_address
            for route in routes
            if route.ifindex == index and route.gateway in self._gateways.values()
        )
