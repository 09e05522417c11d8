"""[IO] One node's answers for addresses that Services got.

An address is no node's own. The node that announces it answers ARP, or neighbour discovery, for
it on ``eth0`` (a proxy entry), and the proxy's rules take its connections before anything is
routed. The kernel holds all of it, and goes on answering when the daemon is gone. An address that
BGP brings here is not answered for, and taken in the same way.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Collection, Iterable, Iterator, Mapping
from ipaddress import ip_network
from typing import Literal

from netemu.linux import messages, proxyarp, sysctl
from netemu.linux.messages import Address, Message, Network
from netemu.linux.netlink import Netlink
from netemu.logs import Log

log = Log(__name__)

ETH0 = "eth0"
LINK = "lb0"
"""Where an address would go that no rule takes: nowhere, so its client hears "host unreachable" at once.

The kernel answers for an address only if its route to it is by another link.
"""

Held = Mapping[Address, bool]
"""Addresses, and whether they are answered for: routers find the way to the others by themselves."""

_PROXY_NDP = {f"net/ipv6/conf/{ETH0}/proxy_ndp": 1}
_FAMILIES = (socket.AF_INET, socket.AF_INET6)
_MAIN = 254
_GONE = (errno.ESRCH, errno.ENOENT)


class Speaker:
    """Keeps one node's kernel at what is announced from there; ``ns_fd`` must stay open."""

    def __init__(self, node: str, ns_fd: int) -> None:
        self.node = node
        self._ns_fd = ns_fd
        self._held: Held | None = None

    def release(self, answered: Collection[Address], routed: Collection[Address] = ()) -> None:
        """Take no others than these, and answer for no others than the first; take none that is new.

        Raises:
            KernelError, PermissionDeniedError: the kernel refuses; the next call tries again.

        """
        kept, known = _asked(answered, routed), self._held
        held = self._find() if known is None else known
        less = {address: how and kept[address] for address, how in held.items() if address in kept}
        if less != held:
            self._go(held, less, {address: how for address, how in less.items() if how != held[address]})
            self._held = less if known is not None else None

    def renew(self) -> None:
        """Put back what another hand took away of what is held.

        Raises:
            KernelError, PermissionDeniedError: the kernel refuses.

        """
        if self._held:
            with Netlink.open(self._ns_fd) as netlink:
                netlink.batch(_changes(netlink, add=self._held, remove=()))

    def hold(self, answered: Collection[Address], routed: Collection[Address] = ()) -> frozenset[Address]:
        """Take these addresses and no others: answer for the ones, and await that the others are routed here.

        Claims those that it answers for from now on. Gives all that are new.

        Raises:
            KernelError, PermissionDeniedError: the kernel refuses; the next call tries again.

        """
        wanted, known = _asked(answered, routed), self._held
        if wanted == known:
            return frozenset()
        held = self._find() if known is None else known
        # Of what was found it is not known whether it was answered for: all is said again.
        changed = wanted if known is None else {a: how for a, how in wanted.items() if how != known.get(a)}
        self._go(held, wanted, changed)
        self._held = wanted
        new = frozenset(wanted.keys() - held.keys() if known is None else changed)
        for address in _in_order(new):
            if wanted[address]:
                self._claim(address)
        return new

    def _find(self) -> Held:
        """Read what the kernel has since before; it may answer for all of it."""
        with Netlink.open(self._ns_fd) as netlink:
            return dict.fromkeys(_found(netlink), True)

    def _go(self, held: Held, wanted: Held, changed: Held) -> None:
        self._held = None  # until it is done nobody knows
        if 6 in _versions(changed):
            sysctl.ensure(self._ns_fd, _PROXY_NDP)
        gone = held.keys() - wanted.keys()
        if changed or gone:
            with Netlink.open(self._ns_fd) as netlink:
                netlink.batch(_changes(netlink, add=changed, remove=gone))

    def _claim(self, address: Address) -> None:
        try:
            proxyarp.claim(self._ns_fd, ETH0, address)
        except OSError as err:  # its link is down just now; whoever looks for the address will ask
            log.debug("balancer.unclaimed", node=self.node, address=str(address), error=str(err))


def _asked(answered: Collection[Address], routed: Collection[Address]) -> Held:
    return dict.fromkeys(routed, False) | dict.fromkeys(answered, True)


def _changes(netlink: Netlink, *, add: Held, remove: Iterable[Address]) -> Iterator[Message]:
    eth0, link = netlink.link_index(ETH0), _ensure_link(netlink)
    for version in _versions(add):
        yield proxyarp.answer_at_once(eth0, version)
        yield proxyarp.give_up_at_once(link, version)
    for address in _in_order(remove):
        yield proxyarp.answer_no_more(eth0, address).tolerating(*_GONE)
        yield messages.delete_route(_host(address), index=link).tolerating(*_GONE)
    for address in _in_order(add):
        yield messages.route(_host(address), index=link, scope="link")
        if add[address]:
            yield proxyarp.answer_for(eth0, address)
        else:
            yield proxyarp.answer_no_more(eth0, address).tolerating(*_GONE)


def _in_order(addresses: Iterable[Address]) -> list[Address]:
    return sorted(addresses, key=lambda address: (address.version, int(address)))


def _versions(addresses: Iterable[Address]) -> list[Literal[4, 6]]:
    return sorted({address.version for address in addresses})


def _found(netlink: Netlink) -> frozenset[Address]:
    """Tell what the kernel answers for since before."""
    link = netlink.find_index(LINK)
    if link is None:
        return frozenset()
    routes = (route for family in _FAMILIES for route in netlink.dump_routes(family))
    ours = (route.dst for route in routes if (route.ifindex, route.table) == (link, _MAIN))
    return frozenset(dst.network_address for dst in ours if dst.prefixlen == dst.max_prefixlen)


def _ensure_link(netlink: Netlink) -> int:
    index = netlink.find_index(LINK)
    if index is not None:
        return index
    # A bridge without ports: a kernel that has pods has bridges, but it need not have "dummy".
    netlink.batch([messages.bridge(LINK, up=True).tolerating(errno.EEXIST)])
    return netlink.link_index(LINK)


def _host(address: Address) -> Network:
    return ip_network(address)
