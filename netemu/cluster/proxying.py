"""[IO] Who serves Services on the nodes: this cluster's proxy, in one of its modes, or somebody else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from netemu.events.loop import Recorder
from netemu.informer.cache import Cache
from netemu.informer.watch import Informer
from netemu.naming import NodeName
from netemu.nft.expressions import Address
from netemu.proxy.loop import Proxy
from netemu.settings import Settings


class Proxying(Protocol):
    """What a cluster's daemon needs of whoever serves Services."""

    def add_node(self, node: NodeName, node_ips: Sequence[Address], ns_fd: int) -> None:
        """Look after a node from now on; ``ns_fd`` stays the caller's."""
        ...

    async def applied(self) -> None:
        """Return when the kernel of every node holds what is known now."""
        ...

    async def run(self) -> None:
        """Work until cancelled, or until there is nothing to do."""
        ...


class ForeignProxying:
    """Leaves Services to somebody else, of whom nothing is known and for whom nobody waits."""

    def add_node(self, node: NodeName, node_ips: Sequence[Address], ns_fd: int) -> None:
        """Do nothing."""

    async def applied(self) -> None:
        """Return at once."""

    async def run(self) -> None:
        """Return at once."""


def open_proxying(cache: Cache, informer: Informer, settings: Settings, recorder: Recorder) -> Proxying:
    """Make what serves Services in the mode that the settings ask for."""
    match settings.proxy_mode:
        case "none":
            return ForeignProxying()
        case "iptables":
            from netemu.proxy.iptables.syncer import open_syncer

            return Proxy(cache, informer, settings, open_syncer=open_syncer, recorder=recorder)
        case "nftables":
            return Proxy(cache, informer, settings, recorder=recorder)
