"""[IO] One node's answers for addresses that Services got.

An address is no node's own. The node that announces it answers ARP for it on ``eth0`` (a proxy
entry), and the proxy's rules take its connections before anything is routed. The kernel holds all
of it, and goes on answering when the daemon is gone.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Collection, Iterator
from ipaddress import IPv4Address, IPv4Network

from netemu.linux import messages, proxyarp
from netemu.linux.messages import Message
from netemu.linux.netlink import Netlink
from netemu.logs import Log

log = Log(__name__)

ETH0 = "eth0"
LINK = "lb0"
"""Where an address would go that no rule takes: nowhere, so its client hears "host unreachable" at once.

The kernel answers for an address only if its route to it is by another link.
"""

_GONE = (errno.ESRCH, errno.ENOENT)


class Speaker:
    """Keeps one node's kernel at what is announced from there; ``ns_fd`` must stay open."""

    def __init__(self, node: str, ns_fd: int) -> None:
        self.node = node
        self._ns_fd = ns_fd
        self._held: frozenset[IPv4Address] | None = None

    def release(self, kept: Collection[IPv4Address]) -> None:
        """Answer for no others than these.

        Raises:
            KernelError, PermissionDeniedError: the kernel refuses; the next call tries again.

        """
        if self._held is None or not self._held.issubset(kept):
            self._change(lambda held: held.intersection(kept))

    def hold(self, addresses: Collection[IPv4Address]) -> frozenset[IPv4Address]:
        """Answer for these addresses and no others; give those that are new, and claim them.

        Raises:
            KernelError, PermissionDeniedError: the kernel refuses; the next call tries again.

        """
        wanted = frozenset(addresses)
        new = self._change(lambda _held: wanted) if wanted != self._held else frozenset()
        for address in sorted(new):
            self._claim(address)
        return new

    def _change(
        self, choose: Callable[[frozenset[IPv4Address]], frozenset[IPv4Address]]
    ) -> frozenset[IPv4Address]:
        """Go from what is held to what is chosen; give what is new."""
        held, self._held = self._held, None  # until it is done nobody knows
        with Netlink.open(self._ns_fd) as netlink:
            if held is None:
                held = _found(netlink)
            wanted = choose(held)
            if wanted != held:
                netlink.batch(_changes(netlink, add=wanted - held, remove=held - wanted))
        self._held = wanted
        return wanted - held

    def _claim(self, address: IPv4Address) -> None:
        try:
            proxyarp.claim(self._ns_fd, ETH0, address)
        except OSError as err:  # its link is down just now; whoever looks for the address will ask
            log.debug("balancer.unclaimed", node=self.node, address=str(address), error=str(err))


def _changes(
    netlink: Netlink, *, add: frozenset[IPv4Address], remove: frozenset[IPv4Address]
) -> Iterator[Message]:
    eth0, link = netlink.link_index(ETH0), _ensure_link(netlink)
    yield proxyarp.answer_at_once(eth0)
    yield proxyarp.give_up_at_once(link)
    for address in sorted(remove):
        yield proxyarp.answer_no_more(eth0, address).tolerating(*_GONE)
        yield messages.delete_route(_host(address), index=link).tolerating(*_GONE)
    for address in sorted(add):
        yield messages.route(_host(address), index=link, scope="link")
        yield proxyarp.answer_for(eth0, address)


def _found(netlink: Netlink) -> frozenset[IPv4Address]:
    """Tell what the kernel answers for since before."""
    link = netlink.find_index(LINK)
    if link is None:
        return frozenset()
    targets = [route.dst.network_address for route in netlink.dump_routes() if route.ifindex == link]
    return frozenset(target for target in targets if isinstance(target, IPv4Address))


def _ensure_link(netlink: Netlink) -> int:
    index = netlink.find_index(LINK)
    if index is not None:
        return index
    # A bridge without ports: a kernel that has pods has bridges, but it need not have "dummy".
    netlink.batch([messages.bridge(LINK, up=True).tolerating(errno.EEXIST)])
    return netlink.link_index(LINK)


def _host(address: IPv4Address) -> IPv4Network:
    return IPv4Network((address, 32))
